package gateway

import (
	"net/http"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func (b *testBundle) delete(id store.ID) query.Store {
	b.t.Helper()
	a := b.do(http.MethodDelete, "/stores/"+string(id), "")
	if a.status != http.StatusAccepted {
		b.t.Fatalf("delete answered %d: %s", a.status, a.body)
	}
	return decoded[query.Store](b.t, a)
}

func TestDeleteInterruptsAndRepeatsForFree(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	b.happen(s.ID, store.AttemptStarted, store.Facts{})
	first := b.delete(s.ID)
	if first.Status != store.Deleting || first.Operation != store.Delete || first.Generation <= s.Generation {
		t.Fatalf("store %+v", first)
	}
	if again := b.delete(s.ID); again.Generation != first.Generation || again.Version != first.Version {
		t.Errorf("the second delete appended: %+v", again)
	}
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	if gone := b.delete(s.ID); gone.Status != store.Deleted || gone.Generation != first.Generation {
		t.Errorf("delete of a deleted store answers %+v", gone)
	}
	if a := b.get("/stores/" + string(s.ID)); a.status != http.StatusOK {
		t.Errorf("a deleted store is read with %d", a.status)
	}
	a := b.do(http.MethodPost, "/stores/"+string(s.ID)+"/retry", "")
	wantProblem(t, a, http.StatusConflict, problem.StoreDeleted)
}

// Two gateways on one log: of many deletes at once one is appended, and all answer with it.
func TestConcurrentDeletesAreOneDelete(t *testing.T) {
	b := setup(t)
	other := &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}
	other.start()
	other.await("the second gateway is ready", func() bool { return other.get("/readyz").status == http.StatusOK })
	s := b.create(`{}`)
	const clients = 16
	answers := make([]answer, clients)
	var wait sync.WaitGroup
	for i := range clients {
		gateway := []*testBundle{b, other}[i%2]
		wait.Go(func() { answers[i] = gateway.do(http.MethodDelete, "/stores/"+string(s.ID), "") })
	}
	wait.Wait()
	first := decoded[query.Store](t, answers[0])
	for _, a := range answers {
		if got := decoded[query.Store](t, a); a.status != http.StatusAccepted || got.Generation != first.Generation {
			t.Errorf("answered %d %s", a.status, a.body)
		}
	}
	if head, err := b.log.Head(t.Context()); err != nil || head != first.Generation {
		t.Errorf("the log holds %d messages (%v), the delete is number %d", head, err, first.Generation)
	}
}

func TestRetry(t *testing.T) {
	b := setup(t)
	s := b.create(`{"name":"Tea","plan":"large"}`)
	retry := func() answer { return b.do(http.MethodPost, "/stores/"+string(s.ID)+"/retry", "") }
	p := wantProblem(t, retry(), http.StatusConflict, problem.ConflictInFlight)
	if p.Operation != "create" || p.Generation != s.Generation || !p.Retryable {
		t.Errorf("problem %+v", p)
	}
	b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://x.localhost"})
	wantProblem(t, retry(), http.StatusConflict, problem.NothingToRetry)
	b.delete(s.ID)
	b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "Stuck"})
	a := retry()
	if got := decoded[query.Store](t, a); a.status != http.StatusAccepted || got.Operation != store.Delete || got.Status != store.Deleting {
		t.Errorf("the retry of a failed delete answers %d %+v", a.status, got)
	}
}

func TestRetryCarriesTheWholeSpec(t *testing.T) {
	b := setup(t)
	s := b.create(`{"name":"Tea","plan":"large"}`)
	b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "ImagePull", Message: "The image can't be pulled."})
	a := b.do(http.MethodPost, "/stores/"+string(s.ID)+"/retry", "")
	got := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || got.Operation != store.Retry || got.Status != store.Queued || got.Message != "" {
		t.Fatalf("retry answers %d %+v", a.status, got)
	}
	if got.Plan != "large" || got.Name != "Tea" || got.Options["currency"] != "EUR" {
		t.Errorf("the spec is %+v", got)
	}
}

func TestNotYoursIsNotFound(t *testing.T) {
	proxied := func(c *Config) { c.TrustProxy, c.AdminKey = []string{"127.0.0.0/8"}, "sesame" }
	b := setup(t, proxied)
	mine := b.create(`{}`, "X-Forwarded-For", "203.0.113.7")
	path := "/stores/" + string(mine.ID)
	if mine.Tenant != b.named("203.0.113.7") {
		t.Fatalf("tenant %q", mine.Tenant)
	}
	missing := wantProblem(t, b.get("/stores/sabcdefghijk", "X-Forwarded-For", "203.0.113.7"), http.StatusNotFound, problem.NotFound)
	for _, a := range []answer{
		b.get(path), b.get(path + "/events"), b.get(path + "/links"), b.get(path + "/credentials"),
		b.get(path + "/monitoring"), b.get(path + "/summary"),
		b.get(path, "X-Forwarded-For", "203.0.113.7, 203.0.113.8"),
		b.do(http.MethodDelete, path, ""), b.do(http.MethodPost, path+"/retry", ""),
	} {
		if p := wantProblem(t, a, http.StatusNotFound, problem.NotFound); p.Detail != missing.Detail {
			t.Errorf("%q tells more than %q", p.Detail, missing.Detail)
		}
	}
	for _, header := range [][]string{{"X-Api-Key", "sesame"}, {"Authorization", "Bearer sesame"}} {
		if a := b.get(path, header...); a.status != http.StatusOK {
			t.Errorf("the admin is answered %d", a.status)
		}
	}
	wantProblem(t, b.get(path, "X-Api-Key", "wrong"), http.StatusUnauthorized, problem.AdminKeyWrong)
}
