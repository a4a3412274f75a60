package sweep

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// elsewhere is the cluster beside the default one, without any namespace unless a test says so.
const elsewhere = "eu"

// fixed is a cluster with these namespaces.
type fixed []cluster.Sighting

func (f fixed) Namespaces(context.Context) ([]cluster.Sighting, error) { return f, nil }

// here is a cluster with the namespaces of these stores.
func here(ids ...store.ID) fixed {
	var f fixed
	for _, id := range ids {
		f = append(f, cluster.Sighting{Name: id.Namespace(), Store: id, UID: types.UID(id)})
	}
	return f
}

// busOnly is a bundle whose clusters are fixed: without an API server, and on three brokers too.
func busOnly(t *testing.T, brokers bustest.Brokers) *bundle {
	t.Helper()
	const installation = "sweep-clusters"
	bustest.Ensure(t, brokers.Conns[0], storelog.Settings{Replicas: brokers.Replicas(), Installation: installation})
	return onLog(t, brokers.Conns[0], installation)
}

// sweepOf sweeps a cluster once.
func (b *bundle) sweepOf(name string, seen Cluster) platform.Sweep {
	b.t.Helper()
	s := b.sweeper(seen)
	s.cfg.ClusterName = name
	if err := s.Sweep(b.t.Context()); err != nil {
		b.t.Fatalf("sweep cluster %s: %v", name, err)
	}
	report, err := platform.ReadSweep(b.t.Context(), b.platform, name)
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

// storeIn is a store of a cluster with a history and a claim.
func (b *bundle) storeIn(name, key string, history ...store.Message) store.ID {
	b.t.Helper()
	id := store.DeriveID(tenant, name+key)
	for _, m := range history {
		if m.Type == store.CreateCommand {
			m.Facts.Cluster = name
		}
		b.append(id, m)
	}
	b.claim(time.Now(), id)
	return id
}

// wantSilence wants no sweep to have said anything of the stores.
func (b *bundle) wantSilence(ids ...store.ID) {
	b.t.Helper()
	for _, id := range ids {
		if said := b.swept(id); len(said) != 0 {
			b.t.Errorf("sweeps said %+v of store %s", said, id)
		}
	}
}

// handOutIn lets the broker deliver all commands of a cluster's provisioner.
func (b *bundle) handOutIn(name string) {
	b.t.Helper()
	b.handOut(store.Hand(storelog.Durable(string(store.Provisioner), name)), storelog.ApplyCommands(name))
	ready := platform.Cluster{Ready: true, Since: time.Now()}
	waittest.Eventually(b.t, func() error { return platform.Publish(b.t.Context(), b.platform, name, ready) })
}

// What each cluster has to be found, and is found by its own sweep alone.
func TestASweepJudgesItsOwnClustersStoresOnly(t *testing.T) {
	bustest.Each(t, func(t *testing.T, brokers bustest.Brokers) {
		b := busOnly(t, brokers)
		created := store.Message{Type: store.CreateCommand}
		past := time.Now().Add(-time.Minute)
		living, over := []store.Message{created, {Type: store.AttemptStarted}, {Type: store.BecameReady}}, created
		over.Facts.ExpiresAt = &past
		removed := append(append([]store.Message{}, living...), store.Message{Type: store.DeleteCommand}, store.Message{Type: store.BecameDeleted})
		type stores struct{ good, missing, stray, expired, stalled store.ID }
		all := map[string]stores{}
		for _, name := range []string{store.DefaultCluster, elsewhere} {
			all[name] = stores{
				good: b.storeIn(name, "good", living...), missing: b.storeIn(name, "missing", living...),
				stray: b.storeIn(name, "stray", removed...), expired: b.storeIn(name, "expired", over, living[1], living[2]),
				stalled: b.storeIn(name, "stalled", created, store.Message{Type: store.AttemptStarted}),
			}
			b.handOutIn(name)
		}
		b.ahead.Store(int64(silence))
		for _, name := range []string{store.DefaultCluster, elsewhere} {
			s := all[name]
			report := b.sweepOf(name, here(s.good, s.stray, s.expired, s.stalled))
			if report.Stores != 5 {
				t.Errorf("cluster %s: it judged %d stores", name, report.Stores)
			}
			want := []string{"stray 1", "missing 1", "expired 1", "stalled 1"}
			if name == store.DefaultCluster {
				// The other's stray, whose own sweep comes later: this one's is about to be deleted once more.
				want = append(want, "claim_leaked 1")
			}
			wantFindings(t, report, want...)
			wantSubmitted(t, report, 3)
			b.wantCommand(s.stray, store.DeleteCommand, "StrayNamespace")
			b.wantCommand(s.expired, store.DeleteCommand, "Expired")
			b.wantSilence(s.good, s.missing)
			if other := all[elsewhere]; name == store.DefaultCluster {
				b.wantSilence(other.good, other.missing, other.stray, other.expired, other.stalled)
			}
		}
	})
}

// A tenant has one quota over all clusters, so one sweep mends the claims of all.
func TestClaimsOfAllClustersAreMendedByTheDefaultOnesSweep(t *testing.T) {
	bustest.Each(t, func(t *testing.T, brokers bustest.Brokers) {
		b := busOnly(t, brokers)
		living := []store.Message{{Type: store.CreateCommand}, {Type: store.AttemptStarted}, {Type: store.BecameReady}}
		mine, theirs := b.storeIn(store.DefaultCluster, "", living...), b.storeIn(elsewhere, "", living...)
		if err := b.claims.Release(t.Context(), tenant, theirs); err != nil {
			t.Fatal(err)
		}
		lost := store.DeriveID(tenant, "lost")
		b.claim(time.Now().Add(-2*claim.Grace), lost)
		b.ahead.Store(int64(2 * claim.Grace))
		// Its namespace is there, and the log has forgotten it.
		wantFindings(t, b.sweepOf(elsewhere, here(theirs, lost)), "unknown 1")
		b.wantHeld(mine, lost)
		wantFindings(t, b.sweepOf(store.DefaultCluster, here(mine)))
		b.wantHeld(mine, lost)
		wantFindings(t, b.sweepOf(elsewhere, here(theirs)))
		b.wantHeld(mine, lost)
		wantFindings(t, b.sweepOf(store.DefaultCluster, here(mine)), "claim_leaked 1", "claim_missing 1")
		b.wantHeld(mine, theirs)
	})
}

// Two hands were told the same cluster, or a kubeconfig leads into the wrong one.
func TestAnotherClustersStoreIsStrangeHere(t *testing.T) {
	b := busOnly(t, bustest.Brokers{Conns: []*nats.Conn{bustest.Start(t)}})
	living := []store.Message{{Type: store.CreateCommand}, {Type: store.AttemptStarted}, {Type: store.BecameReady}}
	mine, theirs := b.storeIn(store.DefaultCluster, "", living...), b.storeIn(elsewhere, "", living...)
	report := b.sweepOf(store.DefaultCluster, here(mine, theirs))
	wantFindings(t, report, "unknown 1")
	wantAlarm(t, report, "UnknownNamespaces", "another cluster")
	b.wantSilence(mine, theirs)
}

func TestEachClusterHasASweepUnderALeaseOfItsOwn(t *testing.T) {
	b := busOnly(t, bustest.Brokers{Conns: []*nats.Conn{bustest.Start(t)}})
	if _, err := b.leases.Of(elsewhere).Take(t.Context(), leaseKey, "another"); err != nil {
		t.Fatal(err)
	}
	b.sweepOf(store.DefaultCluster, here())
	s := b.sweeper(here())
	s.cfg.ClusterName = elsewhere
	if err := s.Sweep(t.Context()); err == nil {
		t.Error("two sweeps of one cluster ran at once")
	}
}
