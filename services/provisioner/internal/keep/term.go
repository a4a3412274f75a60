package keep

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// lookEvery is how often a store that stands is looked at without any sign: a thousand of them are some seventy
	// questions a second.
	lookEvery = 15 * time.Second
	// lookAgain is how soon after a look that the log doesn't agree with yet; lookPause is the least between two of one
	// store, however much happens in it.
	lookAgain = time.Second
	lookPause = 500 * time.Millisecond
	// lookBusy is how soon after one that found an operation in flight: when it ends nothing else may tell.
	lookBusy = 5 * time.Second
	// driftEvery is how often every object is looked at, and driftAgain how often while something is wrong. That takes
	// some twenty requests, hence driftGap between two of any stores: beyond 180 of them the minute becomes longer. The
	// installation's clock divides the first two.
	driftEvery = time.Minute
	driftAgain = 10 * time.Second
	driftGap   = time.Second / 3
	// mendGap lies between two mends that are asked for: should the platform be wrong about all stores at once, somebody
	// has time to notice.
	mendGap = time.Second
	// abreast bounds how many stores are looked at at the same time.
	abreast = 32
	tick    = 200 * time.Millisecond
)

// term is what one keeper knows while its lease lasts.
type term struct {
	*Keeper
	held *lease.Lease
	// lineage is which log this is.
	lineage storelog.Lineage

	mu     sync.Mutex
	stores map[store.ID]*entry
	// drifting, mending and levelAsked are when the next may begin.
	drifting, mending, levelAsked time.Time
	// renewing are the stores that are taking over other settings, renewAgain is when others may.
	renewing   map[store.ID]bool
	renewAgain time.Time
}

// entry is one store. Whoever looks at it (busy) has its pulse for itself; the rest is the term's.
type entry struct {
	due, looked time.Time
	busy        bool
	// wanted says that something was changed or removed since the last look that doesn't change by itself.
	wanted bool
	// stands says that the last look found a store that nobody was working on. Before it, changes are an operation's.
	stands bool

	pulse pulse
	// drift is what the last look at the objects found, driftOf the operation that it was held against; driftDue is when the
	// next is due.
	drift    []cluster.Drift
	driftOf  uint64
	driftDue time.Time
}

func newTerm(k *Keeper, held *lease.Lease, lineage storelog.Lineage) *term {
	return &term{Keeper: k, held: held, lineage: lineage, stores: make(map[store.ID]*entry), renewing: make(map[store.ID]bool)}
}

// run looks until ctx ends, and returns when every look has.
func (t *term) run(ctx context.Context) {
	stop := t.cfg.Cluster.Follow(t.changed)
	defer stop()
	var looking sync.WaitGroup
	defer looking.Wait()
	slots := make(chan struct{}, abreast)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		watched, complete := t.cfg.Cluster.Watched()
		if !complete {
			continue
		}
		for _, id := range t.due(time.Now(), watched) {
			slots <- struct{}{}
			looking.Go(func() {
				defer func() { <-slots }()
				t.attend(ctx, id)
			})
		}
	}
}

// changed is called by the watches.
func (t *term) changed(c cluster.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entry(c.Store, time.Now())
	e.wanted = e.wanted || c.Wanted && e.stands
	if soon := e.looked.Add(lookPause); soon.Before(e.due) {
		e.due = soon
	}
}

// entry makes one that is looked at within the usual time, at another moment than its neighbours.
func (t *term) entry(id store.ID, now time.Time) *entry {
	e, ok := t.stores[id]
	if !ok {
		e = &entry{due: now.Add(spread(id, lookEvery)), driftDue: now.Add(spread(id, t.clock.Of(driftEvery)))}
		t.stores[id] = e
	}
	return e
}

func spread(id store.ID, over time.Duration) time.Duration {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(id))
	return time.Duration(sum.Sum64() % uint64(over))
}

// due takes the stores whose turn it is. A store whose namespace is gone is still one while the log says so.
func (t *term) due(now time.Time, watched []store.ID) []store.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	here := make(map[store.ID]bool, len(watched))
	for _, id := range watched {
		here[id] = true
		t.entry(id, now)
	}
	var ids []store.ID
	for id, e := range t.stores {
		switch {
		case e.busy:
		case !here[id] && !e.stands && !e.looked.IsZero():
			delete(t.stores, id)
		case !now.Before(e.due):
			e.busy = true
			ids = append(ids, id)
		}
	}
	return ids
}

// attend looks at one store and says when to look again.
func (t *term) attend(ctx context.Context, id store.ID) {
	t.mu.Lock()
	e := t.stores[id]
	wanted := e.wanted
	e.wanted, e.looked = false, time.Now()
	// Each store at a beat of its own: after a break of the way to the cluster all are due at once, and would stay so.
	e.due = e.looked.Add(lookEvery - spread(id, lookEvery/5))
	t.mu.Unlock()
	l := look{term: t, id: id, entry: e, wanted: wanted}
	after := l.run(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	e.busy, e.stands = false, l.state.Kept() && !l.state.InFlight()
	if again := time.Now().Add(after); again.Before(e.due) {
		e.due = again
	}
}

// driftTurn says whether a look at all objects may begin now, and turns the clock for the next.
func (t *term) driftTurn(now time.Time) bool { return t.turn(&t.drifting, now, driftGap) }

func (t *term) mendTurn(now time.Time) bool { return t.turn(&t.mending, now, mendGap) }

func (t *term) turn(next *time.Time, now time.Time, gap time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(*next) {
		return false
	}
	*next = now.Add(gap)
	return true
}

// driftPeriod is how long the next look at the objects of a store that is well may wait.
func (t *term) driftPeriod() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.clock.Of(driftEvery), time.Duration(len(t.stores))*driftGap)
}
