package provisioner_test

import (
	"context"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// A broker that goes while Helm is at work costs an attempt at most, and nothing is there or told twice.
func TestABrokerThatGoesInMidStep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		backBefore bool
		clock      clock.Divisor
	}{"and is back before its end": {true, production}, "and misses its end": {false, hurried}} {
		t.Run(name, func(t *testing.T) {
			b := setupBy(t, c.clock).serving()
			id := b.untilMade(func() (store.ID, bool) {
				worker, proxy := b.startBehind("provisioner")
				helm, id := b.hold(proxy, endRevision)
				b.broker.Stop()
				if c.backBefore {
					b.broker.Start()
					b.awaitOutput(worker, "the broker is back")
					helm.land()
				} else {
					helm.land()
					b.awaitOutput(worker, "the command comes again", "the lease was lost")
					b.broker.Start()
				}
				if !helm.inTime {
					worker.kill()
				}
				return id, helm.inTime
			})
			more := b.requireAttempts(t, b.awaitType(id, store.BecameReady), 1)
			b.awaitEnds(id, 1)
			b.requireOneRelease(t, id, 1+more)
			if b.count(id, store.BecameFailed) != 0 {
				t.Errorf("the broker's absence was told as the store's trouble:\n%s", b.told(id))
			}
		})
	}
}

// The durable consumers are deleted, so that the whole log is delivered again: what was settled stays as it is, and what
// is under way ends once.
func TestAReplayOfTheWholeLogTellsNothing(t *testing.T) {
	b := setupBy(t, production).serving()
	_, proxy := b.startBehind("provisioner")
	b.start("janitor")
	ready, deleted := b.create(), b.create()
	b.awaitType(ready, store.BecameReady)
	b.awaitType(deleted, store.BecameReady)
	b.command(deleted, store.DeleteCommand, nil)
	b.awaitType(deleted, store.BecameDeleted)
	before := map[store.ID]uint64{ready: b.state(ready).Version, deleted: b.state(deleted).Version}
	busy := b.untilMade(func() (store.ID, bool) {
		helm, busy := b.hold(proxy, endRevision)
		for _, name := range []string{"provisioner", "janitor"} {
			if err := b.log.JetStream().DeleteConsumer(t.Context(), storelog.Stream, name); err != nil {
				t.Fatal(err)
			}
		}
		// The command under way is delivered again too, and turned away.
		b.awaitConsumer("janitor", 0)
		b.awaitConsumer("provisioner", 1)
		helm.land()
		b.awaitType(busy, store.BecameReady)
		b.awaitConsumer("provisioner", 0)
		return busy, helm.inTime
	})
	b.awaitEnds(busy, 1)
	b.requireAttempts(t, b.awaitType(busy, store.BecameReady), 1)
	if s := b.state(busy); s.Status != store.Ready {
		t.Errorf("the store under way is %s:\n%s", s.Status, b.told(busy))
	}
	for id, version := range before {
		if s := b.state(id); s.Version != version {
			t.Errorf("the replay told something:\n%s", b.told(id))
		}
	}
	b.requireGone(deleted)
}

// awaitConsumer waits until the durable consumer exists and has delivered everything, with so much not acknowledged.
func (b *bundle) awaitConsumer(name string, unacknowledged int) {
	b.t.Helper()
	clustertest.Eventually(b.t, "the log is replayed to the "+name, func(ctx context.Context) (bool, error) {
		consumer, err := b.log.JetStream().Consumer(ctx, storelog.Stream, name)
		if err != nil {
			return false, nil
		}
		info, err := consumer.Info(ctx)
		return err == nil && info.NumPending == 0 && info.NumAckPending == unacknowledged, nil
	})
}

// Without its lease a worker stops; once there are leases again, somebody goes on.
func TestLeasesThatAreLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*bundle, *worker){
		"purged":                    (*bundle).purgeLeases,
		"deleted and made anew":     func(b *bundle, _ *worker) { b.deleteLeases(); b.ensureLog() },
		"deleted and missed by all": func(b *bundle, w *worker) { b.deleteLeases(); b.awaitOutput(w, "take the lease"); b.ensureLog() },
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.shop.open.Store(true)
			worker := b.start("provisioner")
			id := b.create()
			b.awaitStep(id, "release")
			lose(b, worker)
			b.awaitCount(id, store.AttemptStarted, 2)
			b.startKubelet()
			more := b.requireAttempts(t, b.awaitType(id, store.BecameReady), 2)
			b.awaitEnds(id, 1)
			b.requireOneRelease(t, id, 1+more)
		})
	}
}

// Behind a log that was restored what is derived isn't there: without the engines nobody could make a store, and without the cluster's
// word each would be told to wait for it.
func TestWhatTheBrokerHasForgottenIsSaidAgain(t *testing.T) {
	b := setup(t)
	worker := b.start("provisioner")
	b.awaitOutput(worker, publishedWords)
	for _, bucket := range []string{storelog.BucketPacks, storelog.BucketPlatform} {
		if err := b.log.JetStream().DeleteKeyValue(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	b.ensureLog()
	clustertest.Eventually(t, "the engines are on offer, and the cluster is said to be there", func(ctx context.Context) (bool, error) {
		packs, err := b.log.Bucket(ctx, storelog.BucketPacks)
		if err != nil {
			return false, err
		}
		board, err := b.log.Bucket(ctx, storelog.BucketPlatform)
		if err != nil {
			return false, err
		}
		cluster, err := platform.Read(ctx, board, store.DefaultCluster)
		if err != nil || !cluster.Ready {
			return false, err
		}
		return engine.IsPublished(ctx, packs, nil)
	})
}

const leases = "KV_" + storelog.BucketLeases

func (b *bundle) purgeLeases(*worker) {
	b.t.Helper()
	stream, err := b.log.JetStream().Stream(b.t.Context(), leases)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := stream.Purge(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) deleteLeases() {
	b.t.Helper()
	if err := b.log.JetStream().DeleteKeyValue(b.t.Context(), storelog.BucketLeases); err != nil {
		b.t.Fatal(err)
	}
}

// ensureLog makes what is missing, as the gateway does when it starts.
func (b *bundle) ensureLog() {
	b.t.Helper()
	bustest.Ensure(b.t, b.nc, b.settings)
}
