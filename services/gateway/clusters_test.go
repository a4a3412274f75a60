package gateway

import (
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// elsewhere asks for a store of another cluster as no gateway can so far, with the tenant of whoever made like.
func (b *testBundle) elsewhere(like query.Store) store.State {
	b.t.Helper()
	s, err := b.log.Append(b.t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: store.DeriveID(like.Tenant, "elsewhere"), Tenant: like.Tenant, Actor: "test", Time: time.Now(),
		Facts: store.Facts{Cluster: "eu", Spec: &store.Spec{Name: "Far", Engine: like.Engine, Version: like.EngineVersion, Plan: like.Plan}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// wantElsewhere wants the log's last message under a subject of the store's cluster.
func (b *testBundle) wantElsewhere(what string) {
	b.t.Helper()
	raw, err := b.log.Message(b.t.Context(), b.head())
	if err != nil {
		b.t.Fatal(err)
	}
	if cluster, err := storelog.ClusterOf(raw.Subject); err != nil || cluster != "eu" {
		b.t.Errorf("%s was written under %s", what, raw.Subject)
	}
	if entry, err := raw.Entry(); err != nil || entry.State.ClusterName() != "eu" {
		b.t.Errorf("%s: %+v, %v", what, entry.State, err)
	}
}

func TestAStoreOfAnotherClusterIsTreatedLikeAny(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.elsewhere(b.create(`{"name":"Tea","plan":"large"}`))
	path := "/stores/" + string(s.ID)
	if got := decoded[query.Store](t, b.get(path)); got.Name != "Far" || got.Status != store.Queued {
		t.Errorf("read as %+v", got)
	}
	failed := b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "ImagePull"})
	if a := b.redrive(failed.Generation); a.status != http.StatusAccepted {
		t.Errorf("its redrive is answered %d %s", a.status, a.body)
	}
	b.wantElsewhere("a redrive")
	b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://far"})
	b.answers(query.Credentials.In("eu").Subject, func([]byte) any {
		return query.CredentialsReply{Credentials: []query.Credential{{Name: "admin", Password: "secret"}}}
	})
	if a := b.get(path+"/credentials", "X-Api-Key", "sesame"); a.status != http.StatusOK {
		t.Errorf("its passwords are answered %d %s", a.status, a.body)
	}
	b.wantElsewhere("a look at passwords")
	b.answers(query.Monitoring.In("eu").Subject, func([]byte) any { return query.MonitoringReply{} })
	if a := b.get(path + "/monitoring"); a.status != http.StatusOK {
		t.Errorf("how what runs of it is, is answered %d %s", a.status, a.body)
	}
	if a := b.do(http.MethodDelete, path, ""); a.status != http.StatusAccepted {
		t.Errorf("its delete is answered %d %s", a.status, a.body)
	}
	b.wantElsewhere("a delete")
}

// Nothing can be read of it: only its subject says whose hands the next command is for.
func TestAnUnreadableHistoryStaysInItsCluster(t *testing.T) {
	b := setup(t, ownersOnly)
	msg := nats.NewMsg("store." + string(store.DeriveID("t", "unreadable")) + ".event.eu")
	msg.Data = []byte("{")
	if _, err := b.conn.RequestMsg(msg, patience); err != nil {
		t.Fatal(err)
	}
	if a := b.discard(b.head(), `{"reason":"never was any"}`, "X-Api-Key", "sesame"); a.status != http.StatusAccepted {
		t.Fatalf("its discard is answered %d %s", a.status, a.body)
	}
	b.wantElsewhere("a discard")
}
