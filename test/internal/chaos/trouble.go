package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// A trouble comes after a pause of between these.
	shortestPause, longestPause = 500 * time.Millisecond, 4 * time.Second
	// A frozen process sleeps for longer than its lease, which is 30 s, and longer than its message waits for it.
	shortestSleep, longestSleep = 31 * time.Second, 45 * time.Second
	// A way is broken for between these; the longer ones outlast a lease.
	shortestBreak, longestBreak = 500 * time.Millisecond, 50 * time.Second
	// mostFrozen bounds the frozen processes, so that somebody is left to take over.
	mostFrozen = 3
)

// trouble breaks things, each choice the seed's, and mends them again.
type trouble struct {
	lab    *Lab
	random *rand.Rand

	mu     sync.Mutex
	counts map[string]int
	// busy are the replicas and ways that are broken now.
	busy    map[any]bool
	frozen  int
	mending sync.WaitGroup
}

func newTrouble(l *Lab, seed uint64) *trouble {
	return &trouble{lab: l, random: rand.New(rand.NewPCG(seed, 0)), counts: map[string]int{}, busy: map[any]bool{}}
}

// run makes trouble until ctx ends, and returns when everything is whole again.
func (t *trouble) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			t.mending.Wait()
			return
		case <-time.After(t.between(shortestPause, longestPause)):
		}
		t.one(ctx)
	}
}

func (t *trouble) between(shortest, longest time.Duration) time.Duration {
	return shortest + time.Duration(t.random.Int64N(int64(longest-shortest)))
}

// one draws the same numbers whatever has become of what it drew before.
func (t *trouble) one(ctx context.Context) {
	kind, which, way := t.random.IntN(100), t.random.IntN(len(t.lab.Replicas)), t.random.IntN(2)
	sleep, broken := t.between(shortestSleep, longestSleep), t.between(shortestBreak, longestBreak)
	lost := t.random.IntN(2) == 0
	r := t.lab.Replicas[which]
	switch {
	case kind < 30:
		t.kill(r, "killed: "+r.Service)
	case kind < 34:
		t.kill(t.lab.Broker, "killed: broker")
	case kind < 40:
		t.kill(t.lab.Postgres, "killed: postgres")
	case kind < 52:
		t.freeze(ctx, r, sleep)
	default:
		t.cut(ctx, r, way, kind, broken, lost)
	}
}

// take claims what is to be broken; false when it is broken already.
func (t *trouble) take(what any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[what] {
		return false
	}
	t.busy[what] = true
	return true
}

func (t *trouble) giveBack(what any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, what)
}

func (t *trouble) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

func (t *trouble) kill(r *Replica, what string) {
	if !t.take(r) {
		return
	}
	defer t.giveBack(r)
	t.count(what)
	r.Kill()
}

// later mends after a while, or at once when the run ends.
func (t *trouble) later(ctx context.Context, after time.Duration, mend func()) {
	t.mending.Go(func() {
		select {
		case <-ctx.Done():
		case <-time.After(after):
		}
		mend()
	})
}

func (t *trouble) freeze(ctx context.Context, r *Replica, sleep time.Duration) {
	t.mu.Lock()
	enough := t.frozen >= mostFrozen
	t.mu.Unlock()
	if enough || !t.take(r) {
		return
	}
	t.count("frozen: " + r.Service)
	t.mu.Lock()
	t.frozen++
	t.mu.Unlock()
	p := r.signal(syscall.SIGSTOP, false)
	t.later(ctx, sleep, func() {
		if p != nil {
			p.Signal(syscall.SIGCONT)
		}
		t.mu.Lock()
		t.frozen--
		t.mu.Unlock()
		t.giveBack(r)
	})
}

// cut breaks one of the replica's ways, in one of three manners.
func (t *trouble) cut(ctx context.Context, r *Replica, which, kind int, broken time.Duration, lost bool) {
	var names []string
	for name := range r.links {
		names = append(names, name)
	}
	slices.Sort(names)
	name := names[which%len(names)]
	way := r.links[name]
	if !t.take(way) {
		return
	}
	said := func(manner string) { t.count(fmt.Sprintf("%s: way to %s", manner, name)) }
	mend := func() { way.Heal(lost); t.giveBack(way) }
	switch kind % 3 {
	case 0:
		said("cut")
		way.Cut()
		t.giveBack(way)
	case 1:
		said("refused")
		way.Refuse()
		t.later(ctx, broken, mend)
	default:
		said("held")
		way.Hold()
		t.later(ctx, broken, mend)
	}
}
