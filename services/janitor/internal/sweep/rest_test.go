package sweep

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// create is of a store that expires.
func (b *bundle) create(id store.ID, expires time.Time) {
	b.t.Helper()
	b.append(id, store.Message{Type: store.CreateCommand, Facts: store.Facts{ExpiresAt: &expires}})
}

func (b *bundle) claim(at time.Time, ids ...store.ID) {
	b.t.Helper()
	for _, id := range ids {
		if _, err := b.claims.Claim(b.t.Context(), tenant, id, 100, at); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bundle) wantHeld(want ...store.ID) {
	b.t.Helper()
	held, err := b.claims.Held(b.t.Context(), tenant)
	slices.Sort(held)
	slices.Sort(want)
	if err != nil || !slices.Equal(held, want) {
		b.t.Errorf("held are %v, %v; want %v", held, err, want)
	}
}

func TestAStoreThatOutlivedItsTimeIsDeleted(t *testing.T) {
	b := setup(t)
	over, later, going, closed := b.api.NewID(t), b.api.NewID(t), b.api.NewID(t), b.api.NewID(t)
	b.claim(time.Now(), over, later, going, closed)
	b.create(over, time.Now().Add(-time.Second))
	b.create(later, time.Now().Add(time.Hour))
	b.create(going, time.Now().Add(-time.Hour))
	b.say(going, store.DeleteCommand)
	// To suspend a store stops its shop and not its time.
	b.create(closed, time.Now().Add(-time.Second))
	b.say(closed, store.BecameReady, store.SuspendCommand, store.BecameSuspended)
	b.place(closed)
	report := b.sweep()
	wantFindings(t, report, "expired 2")
	wantSubmitted(t, report, 2)
	b.wantCommand(over, store.DeleteCommand, "Expired")
	b.wantCommand(closed, store.DeleteCommand, "Expired")
	if said := b.swept(going); len(said) != 0 {
		t.Errorf("sweeps said %+v of a store that is being deleted", said)
	}
	// A clock that jumps is not believed alone.
	b.ahead.Store(int64(2 * time.Hour))
	wantFindings(t, b.sweep())
	if said := b.swept(later); len(said) != 0 {
		t.Errorf("sweeps said %+v of a store whose time isn't over", said)
	}
}

func TestClaimsAreMendedOnceTheyAreOldEnough(t *testing.T) {
	b := setup(t)
	live, unclaimed, leaked := b.store(true, ready...), b.api.NewID(t), b.api.NewID(t)
	b.say(unclaimed, ready...)
	b.place(unclaimed)
	b.claim(time.Now(), leaked) // whose gateway dies here
	report := b.sweep()
	wantFindings(t, report, "claim_missing 1")
	b.wantHeld(live, unclaimed, leaked)

	b.ahead.Store(int64(claim.Grace))
	report = b.sweep()
	wantFindings(t, report, "claim_leaked 1")
	b.wantHeld(live, unclaimed)
	if report = b.sweep(); report.Submitted != 0 {
		t.Errorf("mending claims took commands: %+v", report)
	}
	wantFindings(t, report)
}

// clusterReady says so since long.
func (b *bundle) clusterReady(ready bool) {
	b.t.Helper()
	said := platform.Cluster{Ready: ready, Since: time.Now()}
	if err := platform.Publish(b.t.Context(), b.platform, store.DefaultCluster, said); err != nil {
		b.t.Fatal(err)
	}
}

// handOut lets the broker deliver all commands of a hand, which forgets them.
func (b *bundle) handOut(hand store.Hand, commands string) {
	b.t.Helper()
	// What a resigned leader took with it is asked again.
	waittest.Eventually(b.t, func() error {
		consumer, err := b.log.JetStream().CreateOrUpdateConsumer(b.t.Context(), storelog.Stream, jetstream.ConsumerConfig{
			Durable: string(hand), FilterSubject: commands, AckPolicy: jetstream.AckExplicitPolicy,
		})
		if err != nil {
			return err
		}
		for range consumer.CachedInfo().NumPending {
			msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
			if err == nil {
				err = msg.DoubleAck(b.t.Context())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func TestACommandThatNobodyWorksOnIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		history  []store.Type
		hand     store.Hand
		commands string
		again    store.Type
	}{
		"a create": {[]store.Type{store.CreateCommand, store.AttemptStarted}, store.Provisioner, storelog.ApplyCommands(store.DefaultCluster), store.RetryCommand},
		"a retry":  {[]store.Type{store.CreateCommand, store.BecameFailed, store.RetryCommand}, store.Provisioner, storelog.ApplyCommands(store.DefaultCluster), store.RetryCommand},
		"a delete": {append(slices.Clone(ready), store.DeleteCommand), store.Janitor, storelog.DeleteCommands(store.DefaultCluster), store.DeleteCommand},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.clusterReady(true)
			id := b.store(true, c.history...)
			before := b.last(id)
			b.handOut(c.hand, c.commands)
			wantFindings(t, b.sweep())

			b.ahead.Store(int64(silence))
			report := b.sweep()
			wantFindings(t, report, "stalled 1")
			wantSubmitted(t, report, 1)
			said := b.swept(id)
			if len(said) != 2 || said[0].Type != c.again || said[0].Facts.Reason != "Stalled" ||
				said[1].Type != store.Superseded || said[1].Generation != before.Generation {
				t.Fatalf("sweeps said %+v", said)
			}
			after := b.last(id)
			if !after.InFlight() || len(after.Open) != 1 || after.Generation != said[0].Seq {
				t.Errorf("the store is %+v", after)
			}
			// The new one waits in the queue: there is nothing to send again, however long nobody comes.
			b.ahead.Store(int64(10 * silence))
			wantFindings(t, b.sweep())
		})
	}
}

func (b *bundle) last(id store.ID) store.State {
	b.t.Helper()
	s, err := b.log.Last(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func TestACommandThatSomebodyMayWorkOnIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]func(*bundle, store.ID){
		"the cluster isn't ready": func(b *bundle, _ store.ID) {
			b.handOut(store.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
			b.clusterReady(false)
		},
		"it waits in the queue": func(*bundle, store.ID) {},
		"a worker holds the store": func(b *bundle, id store.ID) {
			b.handOut(store.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
			if _, err := b.leases.Take(b.t.Context(), string(id), "worker"); err != nil {
				b.t.Fatal(err)
			}
		},
		"its next attempt is due later": func(b *bundle, id store.ID) {
			b.handOut(store.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
			due := time.Now().Add(time.Minute)
			b.append(id, store.Message{Type: store.RetryScheduled, Facts: store.Facts{NotBefore: &due}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.clusterReady(true)
			id := b.store(true, store.CreateCommand, store.AttemptStarted)
			hide(b, id)
			b.ahead.Store(int64(silence))
			wantSubmitted(t, b.sweep(), 0)
			b.wantAlone(id)
		})
	}
}

// A cluster that comes back finds many commands that were silent for long, and their workers on the way.
func TestCommandsThatWaitedForTheClusterAreNotSentAgainWhenItIsBack(t *testing.T) {
	b := setup(t)
	id := b.api.NewID(t)
	for _, said := range []store.Type{store.CreateCommand, store.Waited} {
		b.append(id, store.Message{Type: said, Time: time.Now().Add(-silence)})
	}
	b.handOut(store.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
	b.clusterReady(true)
	b.place(id)
	wantSubmitted(t, b.sweep(), 0)
	b.wantAlone(id)
}

// The worker's clock was two hours ahead when it scheduled the next attempt, and so was the provisioner's when it said that
// the cluster is ready: neither may put off for two hours what is due.
func TestACommandIsSentAgainWhateverTheClockOfItsWorkerSaid(t *testing.T) {
	b := setup(t)
	id, wrong := b.api.NewID(t), time.Now().Add(2*time.Hour)
	due := wrong.Add(time.Minute)
	b.append(id, store.Message{Type: store.CreateCommand})
	b.append(id, store.Message{Type: store.AttemptStarted, Time: wrong})
	b.append(id, store.Message{Type: store.RetryScheduled, Time: wrong, Facts: store.Facts{NotBefore: &due}})
	b.claim(time.Now(), id)
	b.place(id)
	b.handOut(store.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
	if err := platform.Publish(t.Context(), b.platform, store.DefaultCluster, platform.Cluster{Ready: true, Since: wrong}); err != nil {
		t.Fatal(err)
	}
	b.ahead.Store(int64(silence))
	wantFindings(t, b.sweep())
	b.ahead.Store(int64(silence + time.Minute))
	wantFindings(t, b.sweep(), "stalled 1")
}

// The provisioner never came to say that the create was overtaken by a delete.
func TestAnOvertakenCommandEndsWithoutItsWorker(t *testing.T) {
	b := setup(t)
	id := b.store(false, store.CreateCommand, store.DeleteCommand, store.AttemptStarted, store.BecameDeleted)
	create := b.last(id).Open[0]
	b.sweep()
	if said := b.swept(id); len(said) != 0 {
		t.Fatalf("sweeps said %+v at once", said)
	}
	b.ahead.Store(int64(silence))
	b.sweep()
	said := b.swept(id)
	if len(said) != 1 || said[0].Type != store.Superseded || said[0].Generation != create {
		t.Fatalf("sweeps said %+v", said)
	}
	if after := b.last(id); len(after.Open) != 0 || after.Status != store.Deleted {
		t.Errorf("the store is %+v", after)
	}
}
