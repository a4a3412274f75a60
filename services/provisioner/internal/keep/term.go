package keep

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// lookEvery is how often a store that stands is looked at without any sign: a thousand of them are some hundred
	// questions a second. They are light ones; a shop's whole probe, which may load a page, is asked every wholeEvery.
	lookEvery  = 10 * time.Second
	wholeEvery = 5 * time.Minute
	// lookAgain is how soon after a look that the log doesn't agree with yet; lookPause is the least between two of one
	// store, however much happens in it.
	lookAgain = time.Second
	lookPause = 500 * time.Millisecond
	// lookBusy is how soon after one that found an operation in flight, or no cluster: nothing else may tell when it ends.
	lookBusy = 5 * time.Second
	// driftEvery and driftAtMost are the least and the most between two looks at every object of a store that is well, each
	// of which takes some twenty requests; in between each store of this keeper's adds driftGap. Of most of
	// them the watches tell at once. driftAgain is how soon something is looked at again that is wrong. The installation's
	// clock divides driftEvery and driftAgain.
	driftEvery  = time.Minute
	driftAtMost = time.Hour
	// driftFirst is within when the objects of a store are looked at that this keeper hasn't looked at before: what was changed
	// while nobody had its part, no watch told anybody.
	driftFirst = 10 * time.Minute
	driftAgain = 10 * time.Second
	driftGap   = time.Second
)

// term is one part's stores while its lease is held.
type term struct {
	*Keeper
	part int
	held *lease.Lease
	// lineage is which log this is.
	lineage storelog.Lineage
	// whole says that the log was asked for the part's stores. It is for who divides the parts.
	whole bool
	// ctx ends with the lease; release gives it back.
	ctx     context.Context
	release func()
	// stores is guarded by the keeper's lock.
	stores map[store.ID]*entry
}

// entry is one store. Whoever looks at it, one at a time, has its pulse and what follows for itself; what stands before is
// guarded by the keeper's lock.
type entry struct {
	looked time.Time
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
	// wholeDue is when the shop's whole probe is to be asked again, checkDue when the light question is that it didn't know.
	wholeDue, checkDue time.Time
	// checked says that it knows that question.
	checked bool
	// endTurn gives back the turn in which the store takes over other settings; nil when it has none.
	endTurn func()
}

// end gives the part back. Looks that go on find that they may say nothing any more.
func (t *term) end() {
	t.mu.Lock()
	if t.terms[t.part] == t {
		t.terms[t.part] = nil
	}
	t.mu.Unlock()
	t.release()
}

// begin has the stores of a part looked at within the usual time that the watches know.
func (k *Keeper) begin(t *term) {
	watched, _ := k.cfg.Cluster.Watched()
	k.enlist(watched, map[int]*term{t.part: t})
}

func (k *Keeper) enlist(ids []store.ID, begun map[int]*term) {
	for _, id := range ids {
		if begun[partOf(id)] != nil {
			k.queue.AddAfter(id, spread(id, lookEvery))
		}
	}
}

// beginUnseen has those looked at, too, whose namespaces went while nobody had their part: no watch tells of them. The log is
// asked, for all parts at once that this keeper has begun with, since it costs as much as there were stores.
func (k *Keeper) beginUnseen(ctx context.Context) error {
	begun := make(map[int]*term)
	for _, t := range k.held() {
		if !t.whole {
			begun[t.part] = t
		}
	}
	if len(begun) == 0 {
		return nil
	}
	ids, err := k.cfg.Log.Undeleted(ctx, k.cfg.ClusterName)
	if err != nil {
		return err
	}
	k.enlist(slices.DeleteFunc(ids, k.cfg.Cluster.Knows), begun)
	for _, t := range begun {
		t.whole = true
	}
	return nil
}

// changed is called by the watches.
func (k *Keeper) changed(c cluster.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.terms[partOf(c.Store)]
	if t == nil {
		return
	}
	var pause time.Duration
	if e, ok := t.stores[c.Store]; ok {
		e.wanted = e.wanted || c.Wanted && e.stands
		pause = lookPause - time.Since(e.looked)
	}
	k.queue.AddAfter(c.Store, pause)
}

// serve looks at the stores whose turn it is until the queue is shut down.
func (k *Keeper) serve() {
	for {
		id, ended := k.queue.Get()
		if ended {
			return
		}
		k.attend(id)
		k.queue.Done(id)
	}
}

// attend looks at one store, and sees to it that it is looked at again.
func (k *Keeper) attend(id store.ID) {
	l := k.look(id)
	if l == nil {
		return
	}
	after := l.run(l.ctx)
	if !k.finish(l) {
		l.endTurn()
		return
	}
	// Each store at a beat of its own: after a break of the way to the cluster all are due at once, and would stay so.
	k.queue.AddAfter(id, min(after, lookEvery-spread(id, lookEvery/5)))
}

// look begins the next look at a store. It is nil where its part is another's.
func (k *Keeper) look(id store.ID) *look {
	now, period := time.Now(), k.driftPeriod()
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.terms[partOf(id)]
	if t == nil {
		return nil
	}
	e, ok := t.stores[id]
	if !ok {
		e = &entry{driftDue: now.Add(spread(id, min(period, driftFirst))), wholeDue: now.Add(spread(id, wholeEvery))}
		t.stores[id] = e
	}
	l := &look{term: t, id: id, entry: e, wanted: e.wanted}
	e.wanted, e.looked = false, now
	return l
}

// finish says whether the store is to be looked at again. One whose namespace is gone is still one while the log says that
// it stands, or that somebody works on it, or can't be asked. What was changed and couldn't be looked at yet is still to be.
func (k *Keeper) finish(l *look) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.state.Version > 0 {
		l.entry.stands = l.state.Kept() && !l.state.InFlight()
	}
	l.entry.wanted = l.entry.wanted || l.wanted && !l.inspected && l.entry.stands
	if l.unread || l.entry.stands || l.state.InFlight() || k.cfg.Cluster.Knows(l.id) {
		return true
	}
	delete(l.stores, l.id)
	return false
}

// driftPeriod is how long the next look at the objects of a store that is well may wait.
func (k *Keeper) driftPeriod() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	stores := 0
	for _, t := range k.terms {
		if t != nil {
			stores += len(t.stores)
		}
	}
	return min(max(k.clock.Of(driftEvery), time.Duration(stores)*driftGap), driftAtMost)
}

// spread puts each store at another moment than its neighbours in its part.
func spread(id store.ID, over time.Duration) time.Duration {
	return time.Duration(sumOf(id) / Parts % uint64(over))
}

func sumOf(id store.ID) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(id))
	return sum.Sum64()
}
