package gateway

import (
	"net/http"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// waits sends a request that prefers to wait, in the background.
func (b *testBundle) waits(seconds, method, path, body string, header ...string) <-chan answer {
	answered := make(chan answer, 1)
	go func() {
		answered <- b.do(method, path, body, append([]string{"Prefer", "wait=" + seconds}, header...)...)
	}()
	return answered
}

// deleting asks for a store's deletion and waits, and returns when that is on the log.
func (b *testBundle) deleting(id store.ID) <-chan answer {
	b.t.Helper()
	answered := b.waits("10", http.MethodDelete, "/stores/"+string(id), "")
	b.await("the deletion is asked for", func() bool {
		s, err := b.log.Last(b.t.Context(), id)
		return err == nil && s.Doing() == store.Delete
	})
	return answered
}

func wantWaited(t *testing.T, a answer, status int, applied string) query.Store {
	t.Helper()
	if a.status != status || a.header.Get("Preference-Applied") != applied {
		t.Fatalf("answered %d, Preference-Applied %q, %s; want %d, %q", a.status, a.header.Get("Preference-Applied"), a.body, status, applied)
	}
	if a.header.Get("Location") == "" || a.header.Get("ETag") == "" {
		t.Errorf("headers %v", a.header)
	}
	return decoded[query.Store](t, a)
}

func TestWhoPrefersToWaitIsAnsweredWhenItHasEnded(t *testing.T) {
	b := setup(t)
	made := b.create(`{}`, "Idempotency-Key", "one")
	again := b.waits("10", http.MethodPost, "/stores", `{}`, "Idempotency-Key", "one")
	b.happen(made.ID, store.BecameReady, store.Facts{URL: "http://a"})
	if s := wantWaited(t, <-again, http.StatusOK, "wait=10"); s.ID != made.ID || s.Status != store.Ready {
		t.Errorf("the store is %+v", s)
	}
	gone := b.deleting(made.ID)
	b.happen(made.ID, store.BecameDeleted, store.Facts{})
	if s := wantWaited(t, <-gone, http.StatusOK, "wait=10"); s.Status != store.Deleted {
		t.Errorf("the store is %+v", s)
	}
	// What has ended isn't waited for, and no longer than may be.
	over := b.do(http.MethodDelete, "/stores/"+string(made.ID), "", "Prefer", "respond-async, wait=3600")
	wantWaited(t, over, http.StatusOK, "wait=10")
}

// How an operation ended says the store, and not the answer's status.
func TestAFailureThatWasWaitedForIsRead(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	changed := b.waits("10", http.MethodPatch, "/stores/"+string(s.ID), `{"plan":"large"}`)
	b.await("the update is asked for", func() bool { is, err := b.log.Last(t.Context(), s.ID); return err == nil && is.InFlight() })
	b.happen(s.ID, store.BecameFailed, store.Facts{Step: "release", Reason: "TooLarge", Message: "no room"})
	is := wantWaited(t, <-changed, http.StatusOK, "wait=10")
	if is.LastOperation.Outcome != store.Unsuccessful || is.Status != store.Ready {
		t.Errorf("the store is %+v", is)
	}
	// A name is true at once, so there is nothing to wait for.
	wantWaited(t, b.do(http.MethodPatch, "/stores/"+string(s.ID), `{"name":"Tea"}`, "Prefer", "wait=10"), http.StatusOK, "")
}

func TestWhatHasNotEndedIsAnsweredAsWithoutWaiting(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`, "Idempotency-Key", "one")
	late := b.do(http.MethodPost, "/stores", `{}`, "Idempotency-Key", "one", "Prefer", "wait=1")
	if is := wantWaited(t, late, http.StatusAccepted, "wait=1"); is.ID != s.ID || is.Status != store.Queued {
		t.Errorf("the store is %+v", is)
	}
	for _, preference := range []string{"", "respond-async", "wait=0", "wait=soon", "return=minimal"} {
		wantWaited(t, b.do(http.MethodPost, "/stores", `{}`, "Idempotency-Key", "one", "Prefer", preference), http.StatusAccepted, "")
	}
	// What came in its place isn't what was asked for, and isn't waited for.
	overtaken := b.waits("10", http.MethodPost, "/stores", `{}`, "Idempotency-Key", "one")
	b.delete(s.ID)
	if is := wantWaited(t, <-overtaken, http.StatusAccepted, "wait=10"); is.Operation != store.Delete {
		t.Errorf("the store is %+v", is)
	}
}

// A gateway that goes, and one whose broker has gone, answers who waits as if they didn't.
func TestNobodyKeepsAGatewayThatGoes(t *testing.T) {
	b := setup(t)
	waiting := b.deleting(b.ready(`{}`).ID)
	if err := b.stop(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	if s := wantWaited(t, <-waiting, http.StatusAccepted, ""); s.Status != store.Deleting {
		t.Errorf("the store is %+v", s)
	}
}

func TestWithoutABrokerNobodyWaits(t *testing.T) {
	b := setup(t)
	waiting := b.deleting(b.ready(`{}`).ID)
	b.broker.Shutdown()
	if s := wantWaited(t, <-waiting, http.StatusAccepted, ""); s.Status != store.Deleting {
		t.Errorf("the store is %+v", s)
	}
}

// Who finds no place is answered at once, and others have theirs.
func TestATenantHasSoManyWhoWait(t *testing.T) {
	b := setup(t, func(c *Config) { c.TrustProxy, c.AdminKey = []string{"127.0.0.1"}, "sesame" })
	here, there := []string{"X-Forwarded-For", "203.0.113.1"}, []string{"X-Forwarded-For", "203.0.113.2"}
	s := b.create(`{}`, here...)
	path := "/stores/" + string(s.ID)
	const places = 10
	answers := make(chan answer, 2*places)
	for range 2 * places {
		go func() { answers <- <-b.waits("10", http.MethodDelete, path, "", here...) }()
	}
	for range places {
		wantWaited(t, <-answers, http.StatusAccepted, "")
	}
	others := b.create(`{}`, there...)
	wantWaited(t, b.do(http.MethodDelete, "/stores/"+string(others.ID), "", append([]string{"Prefer", "wait=1"}, there...)...), http.StatusAccepted, "wait=1")
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	for range places {
		wantWaited(t, <-answers, http.StatusOK, "wait=10")
	}
	wantWaited(t, b.do(http.MethodDelete, path, "", append([]string{"Prefer", "wait=1"}, here...)...), http.StatusOK, "wait=1")
}
