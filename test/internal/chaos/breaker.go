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

	mu     sync.Mutex
	counts map[trouble.Kind]int
	// busy are the replicas and ways that are broken now.
	busy    map[any]bool
	frozen  int
	mending sync.WaitGroup
}

func newBreaker(l *Lab) *breaker {
	return &breaker{lab: l, counts: map[trouble.Kind]int{}, busy: map[any]bool{}}
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
		b.one(ctx, t)
	}
}

// one makes a trouble unless what it is for is broken already, or doesn't run.
func (b *breaker) one(ctx context.Context, t trouble.Trouble) {
	r := b.lab.one(t.Service, t.Replica)
	switch t.Manner {
	case trouble.Kill:
		b.kill(r, t)
	case trouble.Freeze:
		b.freeze(ctx, r, t)
	default:
		b.breakWay(ctx, r.links[t.Way], t)
	}
}

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

func (b *breaker) kill(r *Replica, t trouble.Trouble) {
	if !b.take(r) {
		return
	}
	defer b.giveBack(r)
	if r.signal(syscall.SIGKILL, true) != nil {
		b.count(t, 0)
	}
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

func (b *breaker) freeze(ctx context.Context, r *Replica, t trouble.Trouble) {
	b.mu.Lock()
	enough := b.frozen >= trouble.MostFrozen
	b.mu.Unlock()
	if enough || !b.take(r) {
		return
	}
	p := r.signal(syscall.SIGSTOP, false)
	if p == nil {
		b.giveBack(r)
		return
	}
	b.count(t, 1)
	b.later(ctx, t.Long, func() {
		p.Signal(syscall.SIGCONT)
		b.mu.Lock()
		b.frozen--
		b.mu.Unlock()
		b.giveBack(r)
	})
}

func (b *breaker) breakWay(ctx context.Context, way *link.Link, t trouble.Trouble) {
	if !b.take(way) {
		return
	}
	b.count(t, 0)
	switch t.Manner {
	case trouble.Cut:
		way.Cut()
		b.giveBack(way)
		return
	case trouble.Refuse:
		way.Refuse()
	default:
		way.Hold()
	}
	b.later(ctx, t.Long, func() { way.Heal(t.Manner == trouble.HoldLost); b.giveBack(way) })
}
