package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestCreateFillsInWhatIsMissing(t *testing.T) {
	b := setup(t)
	a := b.do(http.MethodPost, "/stores", `{}`)
	s := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || a.header.Get("Location") != "/stores/"+string(s.ID) ||
		a.header.Get("ETag") != fmt.Sprintf("%q", fmt.Sprint(s.Generation)) {
		t.Fatalf("answered %d %v", a.status, a.header)
	}
	if s.Name == "" || s.Engine != "sample" || s.Plan != "small" || s.Options["currency"] != "EUR" || s.EngineVersion != "1.0.0" {
		t.Errorf("store %+v", s)
	}
	if s.Status != store.Queued || s.Operation != store.Create || s.Generation != s.Version || s.Reason != "" {
		t.Errorf("store %+v", s)
	}
	again := b.create(`{}`)
	if again.ID == s.ID {
		t.Error("without a key two creates must make two stores")
	}
}

// Two gateways on one log: exactly-once doesn't rest on anything that one of them remembers.
func TestConcurrentCreatesWithOneKeyMakeOneStore(t *testing.T) {
	b := setup(t)
	other := &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}
	other.start()
	other.await("the second gateway is ready", func() bool { return other.get("/readyz").status == http.StatusOK })
	const clients = 32
	answers := make([]answer, clients)
	var wait sync.WaitGroup
	for i := range clients {
		gateway := []*testBundle{b, other}[i%2]
		wait.Go(func() {
			answers[i] = gateway.do(http.MethodPost, "/stores", `{"plan":"large"}`, "Idempotency-Key", "one")
		})
	}
	wait.Wait()
	first := decoded[query.Store](t, answers[0])
	for _, a := range answers {
		s := decoded[query.Store](t, a)
		if a.status != http.StatusAccepted || s.ID != first.ID || s.Name != first.Name || s.Generation != first.Generation {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
	}
	if head, err := b.log.Head(t.Context()); err != nil || head != 1 {
		t.Errorf("the log holds %d messages (%v), want 1", head, err)
	}
	if held := b.held("ip:loopback"); held != 1 {
		t.Errorf("%d claims, want 1", held)
	}
}

func TestQuotaIsExact(t *testing.T) {
	b := setup(t, func(c *Config) { c.MaxStores = 10 })
	const clients = 64
	answers := make([]answer, clients)
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() { answers[i] = b.do(http.MethodPost, "/stores", `{}`) })
	}
	wait.Wait()
	made := 0
	for _, a := range answers {
		if a.status == http.StatusAccepted {
			made++
			continue
		}
		wantProblem(t, a, http.StatusForbidden, problem.QuotaExceeded)
	}
	if head, err := b.log.Head(t.Context()); made != 10 || err != nil || head != 10 {
		t.Errorf("%d stores made, %d messages in the log (%v); want 10 of each", made, head, err)
	}
	if held := b.held("ip:loopback"); held != 10 {
		t.Errorf("%d claims, want 10", held)
	}
}

func (b *testBundle) held(tenant string) int {
	b.t.Helper()
	kv, err := b.log.Bucket(b.t.Context(), storelog.BucketClaims)
	if err != nil {
		b.t.Fatal(err)
	}
	ids, err := claim.NewBook(kv).Held(b.t.Context(), tenant)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(ids)
}

func TestARepeatFindsItsOwnStore(t *testing.T) {
	b := setup(t, func(c *Config) { c.MaxStores = 1 })
	s := b.create(`{"name":"Tea"}`, "Idempotency-Key", "k")
	// Same content in another spelling, with the quota used up.
	if again := b.create(`{ "options": {}, "name": "Tea" }`, "Idempotency-Key", "k"); again.ID != s.ID {
		t.Errorf("the repeat made %s, want %s", again.ID, s.ID)
	}
	a := b.do(http.MethodPost, "/stores", `{"name":"Coffee"}`, "Idempotency-Key", "k")
	wantProblem(t, a, http.StatusUnprocessableEntity, problem.IdempotencyKeyReused)

	b.do(http.MethodDelete, "/stores/"+string(s.ID), "")
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	if again := b.create(`{"name":"Tea"}`, "Idempotency-Key", "k"); again.ID != s.ID || again.Status != store.Deleted {
		t.Errorf("after its deletion the repeat answers %+v", again)
	}
}

func TestACreateNamesTheWrongField(t *testing.T) {
	b := setup(t)
	for _, c := range []struct{ body, field string }{
		{`{"engine":"nope"}`, "engine"},
		{`{"plan":"huge"}`, "plan"},
		{`{"options":{"currency":"XYZ"}}`, "options.currency"},
		{`{"options":{"colour":"red"}}`, "options.colour"},
		{`{"name":"two\nlines"}`, "name"},
		{`{"name":"turned \u202e around"}`, "name"},
		{`{"name":"0123456789012345678901234567890123456789012345678901234567890"}`, "name"},
		{`{"name":5}`, "name"},
		{`{"surprise":true}`, "surprise"},
	} {
		p := wantProblem(t, b.do(http.MethodPost, "/stores", c.body), http.StatusUnprocessableEntity, problem.InvalidField)
		if p.Field != c.field {
			t.Errorf("%s: names field %q, want %q", c.body, p.Field, c.field)
		}
	}
	if head, err := b.log.Head(t.Context()); err != nil || head != 0 {
		t.Errorf("refused creates left %d messages (%v)", head, err)
	}
	if held := b.held("ip:loopback"); held != 0 {
		t.Errorf("refused creates left %d claims", held)
	}
}

// What the log holds is what was so when the store was asked for; what people see is how it is now.
func TestAStoreWaitsVisiblyForTheCluster(t *testing.T) {
	b := setup(t)
	building := func(part string) {
		b.cluster(platform.Cluster{Part: part, Message: "building " + part})
		b.await("the gateway knows", func() bool {
			return decoded[struct{ Cluster platform.Cluster }](t, b.get("/readyz")).Cluster.Part == part
		})
	}
	building("containerd")
	s := b.create(`{}`)
	if s.Status != store.Queued || s.Reason != "ClusterNotReady" || s.Message != "Waiting for the cluster: building containerd" {
		t.Errorf("store %+v", s)
	}
	building("coredns")
	now := decoded[query.Store](t, b.get("/stores/"+string(s.ID)))
	if now.Message != "Waiting for the cluster: building coredns" || now.Version != s.Version {
		t.Errorf("store %+v", now)
	}
	state, err := b.log.Last(t.Context(), s.ID)
	if err != nil || state.Reason != "ClusterNotReady" || state.Message != s.Message {
		t.Errorf("the log says %+v (%v)", state, err)
	}
	b.happen(s.ID, store.AttemptStarted, store.Facts{})
	if now := decoded[query.Store](t, b.get("/stores/"+string(s.ID))); now.Reason != "" || now.Message != "" || now.Attempt != 1 {
		t.Errorf("store %+v", now)
	}
}
