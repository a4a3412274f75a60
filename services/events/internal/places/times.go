package places

import (
	"math"
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// samples are the newest operations of a kind that are remembered.
	samples = 64
	// kinds are how many are, a step each; beyond that all are learned anew.
	kinds = 2048
	// paceFor is how long ago something may have been begun to say how fast the line moves.
	paceFor = 15 * time.Minute
)

// kind is what takes about as long: from the end of a step of such an operation to the operation's own. The step before the
// first has no name.
type kind struct {
	verb                  store.Verb
	engine, version, plan string
	step                  string
}

// course is how an operation has gone so far, by the broker's clock.
type course struct {
	kind  kind
	marks []mark
	// again says that it took more than one attempt, of which nothing is learned.
	again bool
}

type mark struct {
	step string
	at   time.Time
}

func (c *course) hear(at time.Time, m store.Message, s store.State) {
	spec := s.Target()
	c.kind = kind{verb: s.Doing(), engine: spec.Engine, version: spec.Version, plan: spec.Plan}
	switch m.Type {
	case store.AttemptStarted:
		c.again = s.Attempt > 1 || s.Crashes > 0
		step := ""
		if n := len(s.Steps); n > 0 {
			step = s.Steps[n-1]
		}
		c.marks = append(c.marks[:0], mark{step, at})
	case store.StepCompleted:
		c.marks = append(c.marks, mark{m.Facts.Step, at})
	}
}

// times are how long operations of each kind took from there on.
type times struct{ of map[kind][]time.Duration }

// add learns from one that has succeeded.
func (t *times) add(c course, end time.Time) {
	if c.again {
		return
	}
	if t.of == nil || len(t.of) > kinds {
		t.of = map[kind][]time.Duration{}
	}
	for _, m := range c.marks {
		k := c.kind
		k.step = m.step
		known := append(t.of[k], max(0, end.Sub(m.at)))
		t.of[k] = known[max(0, len(known)-samples):]
	}
}

// whole is how long such an operation takes once it is begun.
func (t *times) whole(c course) (half, nearlyAll time.Duration, known bool) {
	return quantiles(t.of[c.kind])
}

// left is what is left of one that is worked on: what those took from its last step on that took longer than it has already. One that has
// taken longer than all is over some time.
func (t *times) left(c course, now time.Time) *query.ETA {
	if len(c.marks) == 0 {
		return nil
	}
	last := c.marks[len(c.marks)-1]
	k := c.kind
	k.step = last.step
	passed := max(0, now.Sub(last.at))
	var longer []time.Duration
	for _, took := range t.of[k] {
		if took > passed {
			longer = append(longer, took-passed)
		}
	}
	half, nearlyAll, known := quantiles(longer)
	if !known {
		return nil
	}
	return query.NewETA(half, nearlyAll)
}

func quantiles(of []time.Duration) (half, nearlyAll time.Duration, known bool) {
	if len(of) == 0 {
		return 0, 0, false
	}
	sorted := slices.Sorted(slices.Values(of))
	at := func(part float64) time.Duration { return sorted[int(math.Ceil(part*float64(len(sorted))))-1] }
	return at(0.5), at(0.95), true
}

// pace is how fast a line moves: the times between two that were begun while more waited.
type pace struct {
	last time.Time
	gaps []gap
}

type gap struct {
	at   time.Time
	long time.Duration
}

// begun is told of each that is, while others wait or not.
func (p *pace) begun(at time.Time, waiting bool) {
	if !p.last.IsZero() {
		p.gaps = append(p.gaps, gap{at, max(0, at.Sub(p.last))})
		p.gaps = p.gaps[max(0, len(p.gaps)-samples):]
	}
	// Without anybody who waits the next comes whenever it is asked for.
	p.last = time.Time{}
	if waiting {
		p.last = at
	}
}

// until is how long it takes until so many are begun. Where nobody had to wait lately, nobody has.
func (p *pace) until(place int, now time.Time) (half, nearlyAll time.Duration) {
	var n, sum, squares float64
	for _, g := range p.gaps {
		if now.Sub(g.at) < paceFor {
			n, sum, squares = n+1, sum+g.long.Seconds(), squares+g.long.Seconds()*g.long.Seconds()
		}
	}
	if n == 0 {
		return 0, 0
	}
	mean := sum / n
	spread := math.Sqrt(max(0, squares/n-mean*mean) * float64(place))
	half = time.Duration(mean * float64(place) * float64(time.Second))
	return half, half + time.Duration(1.65*spread*float64(time.Second))
}
