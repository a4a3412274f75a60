package work

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// forever has what rests come again in no test: only a wake brings it. Nor is anybody passed over, however slow the machine is.
func forever() timing {
	t := quick
	t.snooze, t.snoozeAtMost, t.waitFirst, t.waitAtMost = time.Hour, time.Hour, time.Hour, time.Hour
	t.retryFirst, t.retryAtMost, t.idle = time.Hour, time.Hour, time.Hour
	return t
}

// waitingHand waits for what a test says of each store; nil: it can go.
func waitingHand(until func(store.ID) *Waiting) *hand {
	h := provisioner(step("namespace", succeed))
	h.availableFor = func(s store.State) error {
		if w := until(s.ID); w != nil {
			return w
		}
		return nil
	}
	return h
}

func noCluster(until <-chan struct{}) *Waiting {
	return &Waiting{Reason: "ClusterNotReady", Message: "The cluster is being built.", Until: until}
}

// over says whether the channel is closed.
func over(until <-chan struct{}) bool {
	select {
	case <-until:
		return true
	default:
		return false
	}
}

// Ten thousand stores that wait ask less of the broker than 500 operations a second, in two processes with all of their slots:
// what a look costs is counted here, how seldom it comes is the pause.
func TestThousandsThatWaitLeaveTheBrokerInPeace(t *testing.T) {
	s := bustest.StartServer(t, &server.Options{})
	nc := bustest.Connect(t, s)
	bustest.Ensure(t, nc, storelog.Settings{Replicas: 1})
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	b := &testBench{t: t, nc: nc, log: log}
	var looks atomic.Int64
	never := make(chan struct{})
	h := waitingHand(func(store.ID) *Waiting { looks.Add(1); return noCluster(never) })
	const stores = 300
	for i := range stores {
		b.commandFor(store.DeriveID("tenant", fmt.Sprint(i)), store.Create)
	}
	seldom := quick
	seldom.waitFirst, seldom.waitAtMost = 10*time.Millisecond, 200*time.Millisecond
	// Or a machine that has much else to do counts heartbeats, and what comes again because it took so long, instead of looks.
	seldom.ackWait, seldom.heartbeat = production.ackWait, production.heartbeat
	for _, holder := range []string{"one", "two"} {
		b.startBy(seldom, h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Holder: holder, Slots: 256, Standing: 64})
	}
	b.awaitLooks(&looks, 8*stores)
	operations := func() int64 {
		seen, err := s.Varz(nil)
		if err != nil {
			t.Fatal(err)
		}
		return seen.InMsgs + seen.OutMsgs
	}
	looked, asked := looks.Load(), operations()
	b.awaitLooks(&looks, looked+2*stores)
	perLook := float64(operations()-asked) / float64(looks.Load()-looked)
	second := perLook * 10_000 / production.waitAtMost.Seconds()
	t.Logf("a look costs %.1f messages, ten thousand that wait %.0f a second", perLook, second)
	if second >= 500 {
		t.Errorf("a look costs %.1f messages: ten thousand stores that wait ask for %.0f a second", perLook, second)
	}
	for i := range stores {
		if state, err := log.Last(t.Context(), store.DeriveID("tenant", fmt.Sprint(i))); err != nil || state.Reason != "ClusterNotReady" || state.Attempt != 0 {
			t.Fatalf("a store waits as %+v, %v", state, err)
		}
	}
	if head, err := log.Head(t.Context()); err != nil || head != 2*stores {
		t.Errorf("%d messages of %d stores, %v: that each waits is to be said once", head, stores, err)
	}
}

// awaitLooks waits until stores have been looked at so often.
func (b *testBench) awaitLooks(looks *atomic.Int64, n int64) {
	b.t.Helper()
	waittest.Eventually(b.t, func() error {
		if seen := looks.Load(); seen < n {
			return fmt.Errorf("%d looks, want %d", seen, n)
		}
		return nil
	})
}

// However long the pause: who waits for a cluster isn't kept by who waits for images, and a delete not at all.
func TestAWaitEndsWhenWhatItIsForHasCome(t *testing.T) {
	b := setup(t)
	up, built := make(chan struct{}), make(chan struct{})
	clusterless, imageless, free := store.DeriveID("tenant", "a"), store.DeriveID("tenant", "b"), store.DeriveID("tenant", "c")
	b.startBy(forever(), waitingHand(func(id store.ID) *Waiting {
		switch {
		case id == clusterless && !over(up):
			return noCluster(up)
		case id == imageless && !over(built):
			return &Waiting{Step: "images", Reason: "ImagesBuilding", Message: "Building.", Until: built}
		}
		return nil
	}), Config{Name: "provisioner", Commands: storelog.ApplyCommands, Standing: 1})
	b.start(&hand{steps: []Step{step("namespace", succeed)}, terminal: store.BecameDeleted}, Config{Name: "janitor", Commands: storelog.DeleteCommands})
	is := func(id store.ID, what store.Type) func(storelog.Entry) bool {
		return func(e storelog.Entry) bool { return e.Message.Store == id && e.Message.Type == what }
	}
	b.commandFor(clusterless, store.Create)
	b.await(is(clusterless, store.Waited))
	b.commandFor(imageless, store.Create)
	b.await(is(imageless, store.Waited))
	b.commandFor(free, store.Create)
	b.await(is(free, store.BecameReady))
	close(up)
	history := b.await(is(clusterless, store.BecameReady))
	if slices.ContainsFunc(history, is(imageless, store.AttemptStarted)) {
		t.Error("it was begun before its images were there")
	}
	b.commandFor(imageless, store.Delete)
	b.await(is(imageless, store.Superseded))
	b.await(is(imageless, store.BecameDeleted))
}

// So does one for another attempt, of which a newer command has nothing to wait for.
func TestAPauseEndsWithANewerCommand(t *testing.T) {
	b := setup(t)
	b.startBy(forever(), provisioner(step("release", func(context.Context) error {
		return &Transient{Reason: "ClusterBusy", Message: "The cluster is busy."}
	})), Config{Name: "provisioner", Commands: storelog.ApplyCommands})
	b.command(store.Create)
	b.awaitType(store.RetryScheduled)
	b.command(store.Delete)
	b.awaitType(store.Superseded)
}

// What this process can't do another may: it has an engine, or is of a newer release.
func TestAWorkerThatEndsKeepsNothingWaiting(t *testing.T) {
	b := setup(t)
	cfg := Config{Name: "provisioner", Commands: storelog.ApplyCommands}
	stop := b.startBy(forever(), waitingHand(func(store.ID) *Waiting {
		return &Waiting{Reason: "EngineNotCarried", Message: "Waiting for another provisioner."}
	}), cfg)
	b.command(store.Create)
	b.awaitType(store.Waited)
	b.startBy(forever(), provisioner(step("namespace", succeed)), cfg)
	stop()
	b.awaitType(store.BecameReady)
}
