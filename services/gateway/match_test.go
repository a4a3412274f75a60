package gateway

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func (b *testBundle) tag(id store.ID) string {
	b.t.Helper()
	return b.get("/stores/" + string(id)).header.Get("ETag")
}

func TestAChangeMayBeHeldToWhatWasRead(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea"}`)
	old := b.tag(s.ID)
	for _, match := range []string{old, "*", ` "9999", ` + old, `W/"3",` + old + `,"4"`} {
		if a := b.patch(s.ID, `{"name":"Tea"}`, "If-Match", match); a.status != http.StatusOK {
			t.Errorf("If-Match %s is answered %d %s", match, a.status, a.body)
		}
	}
	renamed := b.patch(s.ID, `{"name":"Coffee"}`, "If-Match", old)
	now := renamed.header.Get("ETag")
	if renamed.status != http.StatusOK || now == old || now != b.tag(s.ID) {
		t.Fatalf("renamed with %d, ETag %s after %s", renamed.status, now, old)
	}
	end := b.head()
	bare := strings.Trim(now, `"`)
	for _, match := range []string{old, "W/" + now, bare, "'" + bare + "'", "`" + bare + "`", `"0` + bare + `"`, `"banana"`, `"`, ",", `"*"`} {
		a := b.patch(s.ID, `{"name":"Cocoa"}`, "If-Match", match)
		p := wantProblem(t, a, http.StatusPreconditionFailed, problem.Changed)
		current, _ := p.Current.(map[string]any)
		if current["name"] != "Coffee" || a.header.Get("ETag") != now {
			t.Errorf("If-Match %s: current %v, ETag %s, want %s", match, current["name"], a.header.Get("ETag"), now)
		}
	}
	if b.head() != end {
		t.Error("what was refused was written")
	}
	wantProblem(t, b.patch("sabcdefghijk", `{}`, "If-Match", "*"), http.StatusNotFound, problem.NotFound)
}

// Several messages of one request are one change: the second isn't held against the ETag that the first has made.
func TestOneETagHoldsForAllOfAChange(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	a := b.patch(s.ID, `{"name":"Coffee","ttl":"2h","plan":"large"}`, "If-Match", b.tag(s.ID))
	if got := decoded[query.Store](t, a); a.status != http.StatusAccepted || got.Name != "Coffee" || got.ExpiresAt == nil || got.Plan != "large" {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	if a.header.Get("ETag") != b.tag(s.ID) {
		t.Errorf("told %s, it is %s", a.header.Get("ETag"), b.tag(s.ID))
	}
}

func TestOnlyWhatClientsSetChangesTheETag(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea"}`)
	first := b.tag(s.ID)
	same := func(what string) {
		t.Helper()
		if tag := b.tag(s.ID); tag != first {
			t.Errorf("%s made ETag %s of %s", what, tag, first)
		}
	}
	b.happen(s.ID, store.BecameDegraded, store.Facts{Reason: "ProbeFailed", Message: "It doesn't answer."})
	b.happen(s.ID, store.Recovered, store.Facts{})
	same("its health")
	b.command(s.ID, "suspend")
	same("a wish to suspend it")
	b.happen(s.ID, store.AttemptStarted, store.Facts{Attempt: 1})
	b.happen(s.ID, store.BecameSuspended, store.Facts{URL: s.URL})
	same("its suspension")
	b.command(s.ID, "resume")
	b.happen(s.ID, store.BecameReady, store.Facts{URL: s.URL})
	same("its resumption")
	for _, body := range []string{`{"name":"Coffee"}`, `{"ttl":"2h"}`, `{"plan":"large"}`} {
		before := b.tag(s.ID)
		if a := b.patch(s.ID, body, "If-Match", before); a.header.Get("ETag") == before || a.header.Get("ETag") != b.tag(s.ID) {
			t.Errorf("%s: ETag %s, before %s: %s", body, a.header.Get("ETag"), before, a.body)
		}
	}
}

// second is another gateway on the same log.
func (b *testBundle) second(change ...func(*Config)) *testBundle {
	b.t.Helper()
	other := &testBundle{t: b.t, broker: b.broker, conn: b.conn, log: b.log}
	other.start(change...)
	other.await("the second gateway is ready", func() bool { return other.get("/readyz").status == http.StatusOK })
	return other
}

func TestOfManyChangesOfOneReadingOneWins(t *testing.T) {
	b := setup(t)
	other := b.second()
	s := b.ready(`{"name":"Tea"}`)
	tag, end := b.tag(s.ID), b.head()
	const clients = 12
	answers := make([]answer, clients)
	var wait sync.WaitGroup
	for i := range clients {
		gateway := []*testBundle{b, other}[i%2]
		wait.Go(func() { answers[i] = gateway.patch(s.ID, `{"name":"Name `+string(rune('A'+i))+`"}`, "If-Match", tag) })
	}
	wait.Wait()
	won := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			won++
			continue
		}
		wantProblem(t, a, http.StatusPreconditionFailed, problem.Changed)
	}
	if won != 1 || b.head() != end+1 {
		t.Errorf("%d won, the log went from %d to %d", won, end, b.head())
	}
}

// Two who want different things and say nothing of what they read: each is said once, and the later stands.
func TestNobodyAnswersAnotherForEver(t *testing.T) {
	b := setup(t)
	other := b.second()
	s := b.ready(`{"name":"Tea"}`)
	const clients = 6
	end := b.head()
	var wait sync.WaitGroup
	for i := range clients {
		gateway := []*testBundle{b, other}[i%2]
		wait.Go(func() {
			if a := gateway.patch(s.ID, `{"name":"Name `+string(rune('A'+i))+`"}`); a.status != http.StatusOK {
				t.Errorf("answered %d %s", a.status, a.body)
			}
		})
	}
	wait.Wait()
	if said := b.head() - end; said != clients {
		t.Errorf("%d clients said %d names", clients, said)
	}
}
