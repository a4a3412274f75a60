package chaos

import (
	"context"
	"iter"
	"sync"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/test/internal/chaos/link"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
)

// breaker makes trouble, and mends it again.
type breaker struct {
	lab *Lab
	// insists makes what is broken already, or doesn't run, be waited for: each trouble was planned.
	insists bool

	mu     sync.Mutex
	counts map[trouble.Kind]int
	// busy are the replicas and ways that are broken now.
	busy    map[any]bool
	frozen  int
	mending sync.WaitGroup
}

func newBreaker(l *Lab, insists bool) *breaker {
	return &breaker{lab: l, insists: insists, counts: map[trouble.Kind]int{}, busy: map[any]bool{}}
}

// run makes trouble until there is no more or ctx ends, and returns when everything is whole again.
func (b *breaker) run(ctx context.Context, troubles iter.Seq[trouble.Trouble]) {
	defer b.mending.Wait()
	began := time.Now()
	for t := range troubles {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(began.Add(t.At))):
		}
		// What was planned comes later where it couldn't come in time.
		for !b.one(ctx, t) && b.insists {
			select {
			case <-ctx.Done():
				return
			case <-time.After(untilWhole):
			}
		}
	}
}

// one makes a trouble and tells so, unless what it is for is broken already, or doesn't run.
func (b *breaker) one(ctx context.Context, t trouble.Trouble) bool {
	r := b.lab.one(t.Service, t.Replica)
	switch t.Manner {
	case trouble.Kill:
		return b.kill(r, t)
	case trouble.Freeze:
		return b.freeze(ctx, r, t)
	default:
		return b.breakWay(ctx, r.links[t.Way], t)
	}
}

// untilWhole lies between two tries to break what is broken already.
const untilWhole = 50 * time.Millisecond

// take claims what is to be broken; false when it is broken already.
func (b *breaker) take(what any) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy[what] {
		return false
	}
	b.busy[what] = true
	return true
}

func (b *breaker) giveBack(what any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.busy, what)
}

func (b *breaker) count(t trouble.Trouble, frozen int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[t.Kind]++
	b.frozen += frozen
}

func (b *breaker) kill(r *Replica, t trouble.Trouble) bool {
	if !b.take(r) {
		return false
	}
	defer b.giveBack(r)
	if r.signal(syscall.SIGKILL, true) == nil {
		return false
	}
	b.count(t, 0)
	return true
}

// later mends after a while, or at once when the run ends.
func (b *breaker) later(ctx context.Context, after time.Duration, mend func()) {
	b.mending.Go(func() {
		select {
		case <-ctx.Done():
		case <-time.After(after):
		}
		mend()
	})
}

func (b *breaker) freeze(ctx context.Context, r *Replica, t trouble.Trouble) bool {
	b.mu.Lock()
	enough := b.frozen >= trouble.MostFrozen
	b.mu.Unlock()
	if enough || !b.take(r) {
		return false
	}
	p := r.signal(syscall.SIGSTOP, false)
	if p == nil {
		b.giveBack(r)
		return false
	}
	b.count(t, 1)
	b.later(ctx, t.Long, func() {
		p.Signal(syscall.SIGCONT)
		b.mu.Lock()
		b.frozen--
		b.mu.Unlock()
		b.giveBack(r)
	})
	return true
}

func (b *breaker) breakWay(ctx context.Context, way *link.Link, t trouble.Trouble) bool {
	if !b.take(way) {
		return false
	}
	b.count(t, 0)
	switch t.Manner {
	case trouble.Cut:
		way.Cut()
		b.giveBack(way)
		return true
	case trouble.Refuse:
		way.Refuse()
	default:
		way.Hold()
	}
	b.later(ctx, t.Long, func() { way.Heal(t.Manner == trouble.HoldLost); b.giveBack(way) })
	return true
}
