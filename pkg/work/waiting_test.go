package work

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
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
