package work

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/turn"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// worker is one that hasn't begun.
func (b *testBench) worker(pauses timing, h Hand, cfg Config) *Worker {
	b.t.Helper()
	cfg.Name, cfg.Commands, cfg.Holder = "provisioner", storelog.ApplyCommands, "one"
	w, err := New(b.t.Context(), b.log, h, cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	w.timing = pauses
	return w
}

// A restored log gives sequences again: what the line knew of stores is ahead of it, and some of those stores there are no more. Whose turn it is
// is known of the log that there is, also of what came before anybody noticed.
func TestALogThatWasMadeAnewHasALineOfItsOwn(t *testing.T) {
	b := setup(t)
	h := slowHand()
	pauses := quick
	pauses.idle = time.Hour // nobody is passed over
	w := b.worker(pauses, h, Config{Slots: 1})
	b.run(w)
	b.ask("before", 0)
	<-h.entered
	last := b.ask("gone", 0).Version
	b.awaitLine(w, func() error {
		if w.turns.heard < last {
			return fmt.Errorf("%d of %d were heard", w.turns.heard, last)
		}
		return nil
	})
	if err := b.log.JetStream().DeleteStream(t.Context(), storelog.Stream); err != nil {
		t.Fatal(err)
	}
	bustest.Ensure(t, b.nc, storelog.Settings{Replicas: 1})
	for n := range last {
		b.createIn("eu", store.DeriveID("eu", fmt.Sprint(n))) // what follows isn't older than what there is no more
	}
	b.ask("many", 0)
	b.ask("many", 1)
	b.ask("one", 0)
	h.end(4) // one may be for what was begun before
	tenants, _ := begun(b.awaitReady(3), 0)
	if fmt.Sprint(tenants) != "[many one many]" {
		t.Errorf("of the new log were begun those of %v", tenants)
	}
}

// awaitLine waits for what is to be known of the line.
func (b *testBench) awaitLine(w *Worker, known func() error) {
	b.t.Helper()
	waittest.Eventually(b.t, func() error {
		w.turns.mu.Lock()
		defer w.turns.mu.Unlock()
		return known()
	})
}

// Where nobody waits a worker knows it at once, whatever else the log holds.
func TestThatNobodyWaitsIsKnownAtOnce(t *testing.T) {
	for _, cluster := range []string{store.DefaultCluster, "eu"} {
		t.Run(cluster, func(t *testing.T) {
			b := setup(t)
			if cluster != store.DefaultCluster {
				b.ask("tenant", 0) // of the other cluster, and nothing of this one
			}
			pauses := quick
			pauses.heartbeat = time.Hour
			w := b.worker(pauses, provisioner(step("only", succeed)), Config{Cluster: cluster, Slots: 1})
			b.run(w)
			waittest.Eventually(t, func() error {
				if !over(w.turns.isKnown) {
					return errors.New("it isn't known who waits")
				}
				return nil
			})
			b.createIn(cluster, id)
			b.awaitType(store.BecameReady)
		})
	}
}

// A slot that gets free goes to nobody before its process has heard what it wrote itself, and so of all who came before that.
func TestASlotIsFilledWhenItsProcessHasHeardWhatItWrote(t *testing.T) {
	b := setup(t)
	stop := b.provision(provisioner(step("only", succeed)))
	b.awaitAcknowledged(b.ask("many", 0).Generation)
	stop()
	b.ask("many", 1)
	one := b.ask("one", 0)
	h := slowHand()
	w := b.worker(forever(), h, Config{Slots: 1})
	if _, err := w.measure(); err != nil {
		t.Fatal(err)
	}
	w.turns.heardAll()
	w.turns.told = one.Version
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.lanes()[0].run(ctx, ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	waittest.Eventually(t, func() error {
		consumer, err := b.log.JetStream().Consumer(t.Context(), storelog.Stream, w.durableOf(turn.All))
		if err == nil && consumer.CachedInfo().NumAckPending != 1 {
			err = errors.New("the first tenant's wasn't delivered")
		}
		return err
	})
	err := b.log.Tail(ctx, 0, func(raw storelog.Raw) error {
		if err := w.turns.hear(raw); err != nil || raw.Seq < one.Version {
			return err
		}
		return errSeen
	})
	if !errors.Is(err, errSeen) {
		t.Fatal(err)
	}
	h.end(2)
	if id := <-h.entered; id != one.ID {
		t.Errorf("%s was begun, want %s, whose tenant wasn't served yet", id, one.ID)
	}
}

// What a process has heard lately says who was served, though all of it is settled.
func TestWhoStartsKnowsWhoWasServed(t *testing.T) {
	b := setup(t)
	stop := b.provision(provisioner(step("only", succeed)))
	for _, tenant := range []string{"second", "first", "third"} {
		b.awaitAcknowledged(b.ask(tenant, 0).Generation)
	}
	stop()
	first := b.ask("first", 1)
	second := b.ask("second", 1)
	h := slowHand()
	w := b.worker(forever(), h, Config{Slots: 1})
	b.run(w)
	h.end(2)
	if id := <-h.entered; id != second.ID {
		t.Errorf("%s was begun, want %s: %s's tenant was served later", id, second.ID, first.ID)
	}
	b.awaitReady(5)
}
