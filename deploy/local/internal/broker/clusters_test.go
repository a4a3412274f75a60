package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// clusters are those of an installation to come; all but the first are what readers must be ready for.
var clusters = []string{store.DefaultCluster, "eu"}

// say appends to the history of a cluster's store under a user.
func (b *bundle) say(t *testing.T, user, cluster string, kind store.Type) store.State {
	t.Helper()
	id := store.DeriveID("t", cluster)
	after, err := b.log(t, user).Update(t.Context(), id, func(s store.State) (*store.Message, error) {
		m := &store.Message{Type: kind, Tenant: "t", Actor: user, Time: time.Now()}
		if kind == store.CreateCommand {
			m.Facts.Cluster = cluster
		} else if !kind.IsCommand() {
			m.Generation = s.Generation
		}
		return m, nil
	})
	if err != nil {
		t.Fatalf("%s appends %s to a store of cluster %s: %v", user, kind, cluster, err)
	}
	return after
}

func TestEachClustersHandsCanDoTheirWork(t *testing.T) {
	b := setupFor(t, clusters...)
	for _, cluster := range clusters {
		provisioner, janitor := broker.Named(broker.Provisioner, cluster), broker.Named(broker.Janitor, cluster)
		b.say(t, broker.Gateway, cluster, store.CreateCommand)
		doWork(t, b.log(t, provisioner), storelog.Durable(broker.Provisioner, cluster), storelog.ApplyCommands(cluster))
		doWork(t, b.log(t, provisioner), storelog.DurableOfStanding(broker.Provisioner, cluster), storelog.ApplyCommands(cluster))
		b.say(t, provisioner, cluster, store.BecameReady)
		b.say(t, provisioner, cluster, store.MendCommand)
		b.say(t, broker.Gateway, cluster, store.CredentialsViewed)
		b.say(t, broker.Gateway, cluster, store.DeleteCommand)
		doWork(t, b.log(t, janitor), storelog.Durable(broker.Janitor, cluster), storelog.DeleteCommands(cluster))
		b.say(t, janitor, cluster, store.Superseded)
		state := b.say(t, janitor, cluster, store.RetryCommand)
		if state.ClusterName() != cluster {
			t.Errorf("it is in cluster %s, not %s", state.ClusterName(), cluster)
		}
		for _, user := range []string{provisioner, janitor} {
			b.holds(t, user, cluster, state.ID)
		}
		b.sweeps(t, janitor, cluster, state.ID)
		b.tells(t, provisioner, cluster)
	}
	b.allowed(t)
}

// holds takes a lease as a cluster's hand does.
func (b *bundle) holds(t *testing.T, user, cluster string, id store.ID) {
	t.Helper()
	leases, err := lease.Open(t.Context(), b.log(t, user))
	if err != nil {
		t.Fatalf("%s opens the leases: %v", user, err)
	}
	l, err := leases.Of(cluster).Take(t.Context(), string(id), user)
	if err != nil {
		t.Fatalf("%s takes a lease: %v", user, err)
	}
	if err := errors.Join(l.Renew(t.Context()), l.Release(t.Context())); err != nil {
		t.Fatalf("%s renews and releases: %v", user, err)
	}
}

// sweeps asks and tells what a cluster's sweep does, and releases a claim as its teardown.
func (b *bundle) sweeps(t *testing.T, user, cluster string, id store.ID) {
	t.Helper()
	ctx, log := t.Context(), b.log(t, user)
	if ids, _, err := log.Stores(ctx, cluster); err != nil || len(ids) != 1 || ids[0] != id {
		t.Errorf("%s lists %v, %v; want %s", user, ids, err, id)
	}
	if _, err := log.OtherStores(ctx); err != nil {
		t.Errorf("%s lists the other clusters' stores: %v", user, err)
	}
	if _, err := log.JetStream().Consumer(ctx, storelog.Stream, storelog.Durable(broker.Provisioner, cluster)); err != nil {
		t.Errorf("%s asks what the other hand was handed: %v", user, err)
	}
	if err := claim.NewBook(b.bucket(t, user, storelog.BucketClaims)).Release(ctx, "t", id); err != nil {
		t.Errorf("%s releases a claim: %v", user, err)
	}
	reports := b.bucket(t, user, storelog.BucketPlatform)
	if err := platform.PublishSweep(ctx, reports, cluster, platform.Sweep{By: user}); err != nil {
		t.Errorf("%s publishes its report: %v", user, err)
	}
	if read, err := platform.ReadSweep(ctx, reports, cluster); err != nil || read.By != user {
		t.Errorf("cluster %s's newest sweep is %+v, %v", cluster, read, err)
	}
	if _, err := platform.OtherSweeps(ctx, log, reports); err != nil {
		t.Errorf("%s reads the others' reports: %v", user, err)
	}
}

// tells says how the cluster is, and answers for its stores.
func (b *bundle) tells(t *testing.T, user, cluster string) {
	t.Helper()
	if err := platform.Publish(t.Context(), b.bucket(t, user, storelog.BucketPlatform), cluster, platform.Cluster{Part: cluster}); err != nil {
		t.Errorf("%s says how its cluster is: %v", user, err)
	}
	answer, err := b.conns[user].Subscribe(query.Credentials.In(cluster).Subject, func(m *nats.Msg) { _ = m.Respond([]byte(user)) })
	if err == nil {
		err = b.conns[user].Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Unsubscribe() }()
	said, err := b.conns[broker.Gateway].RequestWithContext(t.Context(), query.Credentials.In(cluster).Subject, nil)
	if err != nil || string(said.Data) != user {
		t.Errorf("asked about a store of cluster %s: %v", cluster, err)
	}
}

// Clusters trust each other, and this is no wall between them: it catches a hand that was told the wrong name.
func TestAHandWritesForItsOwnClusterOnly(t *testing.T) {
	b := setupFor(t, clusters...)
	const history = "store." + string(id)
	for _, own := range clusters {
		for _, other := range clusters {
			if own == other {
				continue
			}
			last := strings.TrimSuffix("."+other, "."+store.DefaultCluster)
			for _, hand := range []string{broker.Provisioner, broker.Janitor} {
				user := broker.Named(hand, own)
				refused := []string{
					history + ".event" + last, history + ".command.apply" + last, history + ".command.delete" + last,
				}
				if hand == broker.Janitor {
					refused = append(refused, "$KV.platform."+store.ClusterKey(other, "sweep"))
				}
				if own != store.DefaultCluster {
					refused = append(refused, "$KV.leases."+string(id), "$KV.leases.sweep", "$KV.platform.cluster")
				}
				for _, of := range []string{broker.Provisioner, broker.Janitor} {
					durable := broker.Named(of, other)
					refused = append(refused,
						"$JS.API.CONSUMER.CREATE.STORES."+durable,
						"$JS.API.CONSUMER.CREATE.STORES."+durable+"."+storelog.ApplyCommands(other),
						"$JS.API.CONSUMER.MSG.NEXT.STORES."+durable,
						"$JS.API.CONSUMER.DELETE.STORES."+durable,
						"$JS.API.CONSUMER.INFO.STORES."+durable,
						"$JS.ACK.STORES."+durable+".1.2.3.4.0")
				}
				for _, subject := range refused {
					b.attempt(t, user, subject)
				}
			}
		}
	}
	b.attempt(t, broker.Events, history+".event.eu")
	b.attempt(t, broker.Gateway, history+".other.eu")
}
