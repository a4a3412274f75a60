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
	// beside is how many were worked on when it was begun, itself among them.
	beside int
	// again says that it took more than one attempt, of which nothing is learned.
	again bool
}

type mark struct {
	step string
	at   time.Time
}

func (c *course) hear(at time.Time, m store.Message, s store.State, beside int) {
	spec := s.Target()
	c.kind = kind{verb: s.Doing(), engine: spec.Engine, version: spec.Version, plan: spec.Plan}
	switch m.Type {
	case store.AttemptStarted:
		c.again, c.beside = s.Attempt > 1 || s.Crashes > 0, beside
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
type times struct{ of map[kind][]sample }

// sample is one of them, with so many worked on at once, itself among them.
type sample struct {
	took   time.Duration
	beside float64
}

// add learns from one that has succeeded, when so many were worked on.
func (t *times) add(c course, end time.Time, beside int) {
	if c.again {
		return
	}
	if t.of == nil || len(t.of) > kinds {
		t.of = map[kind][]sample{}
	}
	for _, m := range c.marks {
		k := c.kind
		k.step = m.step
		known := append(t.of[k], sample{max(0, end.Sub(m.at)), max(1, float64(c.beside+beside)/2)})
		t.of[k] = known[max(0, len(known)-samples):]
	}
}

// likely are how long something takes in one of two cases, and in nineteen of twenty; nil where nobody knows.
type likely struct{ half, nearlyAll time.Duration }

// taking is how long operations of a kind take with so many worked on at once. They hold each other up wholly where
// processors are short, and not at all where each waits for something of its own. Nobody says which it is: by the root of the ratio what is told is as
// far from the one as from the other.
func (t *times) taking(k kind, beside int) []time.Duration {
	var took []time.Duration
	for _, s := range t.of[k] {
		took = append(took, time.Duration(float64(s.took)*math.Sqrt(max(1, float64(beside))/s.beside)))
	}
	return took
}

// whole is how long such an operation takes once it is begun.
func (t *times) whole(c course, beside int) *likely {
	k := c.kind
	k.step = ""
	return quantiles(t.taking(k, beside))
}

// left is what is left of one that is worked on: what those took from its last step on that took longer than it has already. One that has
// taken longer than all is over some time.
func (t *times) left(c course, now time.Time, beside int) *likely {
	if len(c.marks) == 0 {
		return nil
	}
	last := c.marks[len(c.marks)-1]
	k := c.kind
	k.step = last.step
	passed := max(0, now.Sub(last.at))
	var longer []time.Duration
	for _, took := range t.taking(k, beside) {
		if took > passed {
			longer = append(longer, took-passed)
		}
	}
	return quantiles(longer)
}

func quantiles(of []time.Duration) *likely {
	if len(of) == 0 {
		return nil
	}
	slices.Sort(of)
	at := func(part float64) time.Duration { return of[int(math.Ceil(part*float64(len(of))))-1] }
	return &likely{at(0.5), at(0.95)}
}

// eta is told of what comes one after the other, if of each is known how long it takes.
func eta(parts ...*likely) *query.ETA {
	var half, nearlyAll time.Duration
	for _, p := range parts {
		if p == nil {
			return nil
		}
		half += p.half
		nearlyAll += p.nearlyAll
	}
	return query.NewETA(half, nearlyAll)
}
