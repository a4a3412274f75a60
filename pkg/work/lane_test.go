package work

import (
	"context"
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// Stores that can't be scheduled keep their slots for minutes, however many more of them wait for one.
func TestAMendWaitsForNoStoreThatIsBeingMade(t *testing.T) {
	b := setup(t)
	entered := make(chan struct{}, 10)
	h := provisioner()
	h.stepsFor = func(s store.State) []Step {
		if s.ID == id {
			return []Step{step("workloads", succeed)}
		}
		return []Step{step("workloads", func(ctx context.Context) error {
			entered <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})}
	}
	b.startBy(forever(), h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 2, Standing: 1})
	b.command(store.Create)
	b.awaitType(store.BecameReady)
	for i := range 10 {
		b.commandFor(store.DeriveID("tenant", fmt.Sprint(i)), store.Create)
	}
	<-entered
	<-entered
	mend := b.command(store.Mend)
	b.await(func(e storelog.Entry) bool {
		return e.Message.Type == store.BecameReady && e.Message.Generation == mend.Generation
	})
	if len(entered) != 0 {
		t.Error("a store was begun for which there is no slot")
	}
	b.awaitStandingSettled(mend.Generation)
}

// It comes by both lanes, and whoever finds its lease held hears of its end.
func TestBothLanesSettleACommandOfAStoreThatStands(t *testing.T) {
	b := setup(t)
	held, finish := make(chan struct{}), make(chan struct{})
	h := provisioner()
	h.stepsFor = func(s store.State) []Step {
		if s.Verb == store.Create {
			return []Step{step("workloads", succeed)}
		}
		return []Step{step("workloads", func(context.Context) error { close(held); <-finish; return nil })}
	}
	b.startBy(forever(), h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 2, Standing: 2})
	b.command(store.Create)
	b.awaitType(store.BecameReady)
	mend := b.command(store.Mend)
	<-held
	b.awaitDelivered(mend.Generation)
	close(finish)
	b.awaitAcknowledged(mend.Generation)
	b.awaitStandingSettled(mend.Generation)
}

// awaitStandingSettled waits until nothing up to the generation is left of what comes by the second lane.
func (b *testBench) awaitStandingSettled(generation uint64) {
	b.t.Helper()
	b.awaitConsumer(storelog.DurableOfStanding("provisioner", store.DefaultCluster), func(delivered, settled uint64) bool { return settled >= generation })
}

// awaitDelivered waits until a command has come by both lanes.
func (b *testBench) awaitDelivered(generation uint64) {
	b.t.Helper()
	for _, durable := range []string{storelog.Durable("provisioner", ""), storelog.DurableOfStanding("provisioner", "")} {
		b.awaitConsumer(durable, func(delivered, _ uint64) bool { return delivered >= generation })
	}
}

func (b *testBench) awaitConsumer(durable string, is func(delivered, settled uint64) bool) {
	b.t.Helper()
	waittest.Eventually(b.t, func() error {
		consumer, err := b.log.JetStream().Consumer(b.t.Context(), storelog.Stream, durable)
		if err != nil {
			return err
		}
		info := consumer.CachedInfo()
		if !is(info.Delivered.Stream, info.AckFloor.Stream) {
			return fmt.Errorf("%s has delivered up to %d, settled up to %d", durable, info.Delivered.Stream, info.AckFloor.Stream)
		}
		return nil
	})
}
