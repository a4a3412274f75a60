package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func (b *testBundle) redrive(n uint64, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, fmt.Sprintf("/dead-letters/%d/redrive", n), "", header...)
}

func (b *testBundle) discard(n uint64, body string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, fmt.Sprintf("/dead-letters/%d/discard", n), body, header...)
}

func (b *testBundle) head() uint64 {
	b.t.Helper()
	head, err := b.log.Head(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return head
}

// failed makes a store whose create is a dead letter.
func (b *testBundle) failed(header ...string) query.Store {
	b.t.Helper()
	s := b.create(`{"name":"Tea","plan":"large"}`, header...)
	return query.View(b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "ImagePull", Message: "The image can't be pulled."}))
}

// lastFacts reads what the store's newest message says, as the log holds it.
func (b *testBundle) lastFacts(seq uint64) store.Facts {
	b.t.Helper()
	raw, err := b.log.Message(b.t.Context(), seq)
	if err != nil {
		b.t.Fatal(err)
	}
	entry, err := raw.Entry()
	if err != nil {
		b.t.Fatal(err)
	}
	return entry.Message.Facts
}

// scribble ends the store's history with a message that nobody can read.
func (b *testBundle) scribble(id store.ID) uint64 {
	b.t.Helper()
	msg := nats.NewMsg("store." + string(id) + ".event")
	msg.Data = []byte("{")
	if _, err := b.conn.RequestMsg(msg, patience); err != nil {
		b.t.Fatal(err)
	}
	return b.head()
}

// ownersOnly has an operator elsewhere. Who may be asking for a message that was set aside has to wait for the read model.
func ownersOnly(c *Config) { c.AdminKey = "sesame" }

// Nobody answers for the read model in these: a dead letter is found in the log.
func TestAFailedStoreIsRedrivenOnce(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.failed()
	const clients = 8
	answers := make([]answer, clients)
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() { answers[i] = b.redrive(s.Generation) })
	}
	wait.Wait()
	var won *query.Store
	for _, a := range answers {
		if a.status != http.StatusAccepted {
			wantProblem(t, a, http.StatusNotFound, problem.NoDeadLetter)
			continue
		}
		got := decoded[query.Store](t, a)
		if won != nil {
			t.Fatalf("redriven twice: %+v and %+v", *won, got)
		}
		if won = &got; a.header.Get("Location") != "/stores/"+string(s.ID) {
			t.Errorf("Location %q", a.header.Get("Location"))
		}
	}
	if won == nil || won.Operation != store.Retry || won.Status != store.Queued || won.Plan != "large" || won.Generation != b.head() {
		t.Fatalf("redriven to %+v, the log ends at %d", won, b.head())
	}
	if facts := b.lastFacts(won.Generation); facts.DeadLetter != s.Generation || won.Name != "Tea" {
		t.Errorf("the command says %+v", facts)
	}
	// The new command is one only when it fails in its turn, and then under its own number.
	wantProblem(t, b.redrive(won.Generation), http.StatusNotFound, problem.NoDeadLetter)
	b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "ImagePull"})
	wantProblem(t, b.redrive(s.Generation), http.StatusNotFound, problem.NoDeadLetter)
	if a := b.redrive(won.Generation); a.status != http.StatusAccepted {
		t.Errorf("the second failure is answered %d %s", a.status, a.body)
	}
}

func TestAStuckDeleteIsBegunAnew(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.create(`{}`)
	deleting := b.delete(s.ID)
	for range store.MaxAttempts - 1 {
		b.happen(s.ID, store.AttemptStarted, store.Facts{})
	}
	wantProblem(t, b.redrive(deleting.Generation), http.StatusNotFound, problem.NoDeadLetter)
	b.happen(s.ID, store.AttemptStarted, store.Facts{})
	a := b.redrive(deleting.Generation)
	got := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || got.Operation != store.Delete || got.Generation <= deleting.Generation || got.Attempt != 0 {
		t.Fatalf("answered %d %+v", a.status, got)
	}
	state, err := b.log.Last(t.Context(), s.ID)
	if err != nil || !state.IsOpen(deleting.Generation) || b.lastFacts(got.Generation).DeadLetter != deleting.Generation {
		t.Errorf("the log says %+v (%v): the old deletion's worker ends it", state, err)
	}
}

func TestADiscardedLetterIsPutAwayWithItsReason(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.failed()
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"  "}`, `{"reason":"two\nlines"}`,
		`{"reason":"` + strings.Repeat("x", 501) + `"}`} {
		wantProblem(t, b.discard(s.Generation, body), http.StatusUnprocessableEntity, problem.InvalidField)
	}
	wantProblem(t, b.discard(s.Generation, ""), http.StatusBadRequest, problem.InvalidRequest)
	a := b.discard(s.Generation, `{"reason":"The image is gone for good."}`)
	if got := decoded[query.Store](t, a); a.status != http.StatusAccepted || got.Status != store.Failed || got.Version != s.Version+1 {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	state, err := b.log.Last(t.Context(), s.ID)
	if err != nil || state.Failures[0].Discarded != "The image is gone for good." || len(state.DeadLetters()) != 0 {
		t.Errorf("the log says %+v (%v)", state, err)
	}
	wantProblem(t, b.discard(s.Generation, `{"reason":"Again."}`), http.StatusNotFound, problem.NoDeadLetter)
	wantProblem(t, b.redrive(s.Generation), http.StatusNotFound, problem.NoDeadLetter)
	if b.head() != state.Version {
		t.Error("what was refused was written")
	}
}

func TestAStrangersLetterIsNone(t *testing.T) {
	b := setup(t, func(c *Config) { c.TrustProxy, c.AdminKey = []string{"127.0.0.0/8"}, "sesame" })
	s := b.failed("X-Forwarded-For", "203.0.113.7")
	end := b.head()
	nothing := wantProblem(t, b.redrive(end+7), http.StatusNotFound, problem.NoDeadLetter)
	for _, a := range []answer{
		b.redrive(s.Generation), b.discard(s.Generation, `{"reason":"No."}`), b.redrive(0), b.redrive(s.Version),
		b.do(http.MethodPost, "/dead-letters/x/redrive", ""),
	} {
		if p := wantProblem(t, a, http.StatusNotFound, problem.NoDeadLetter); p.Detail != nothing.Detail {
			t.Errorf("%q tells more than %q", p.Detail, nothing.Detail)
		}
	}
	if b.head() != end {
		t.Error("a stranger wrote")
	}
	if a := b.redrive(s.Generation, "X-Api-Key", "sesame"); a.status != http.StatusAccepted {
		t.Errorf("the admin is answered %d %s", a.status, a.body)
	}
}

func TestOnlyAnOperatorGoesOnBehindWhatCannotBeRead(t *testing.T) {
	b := setup(t, func(c *Config) { c.AdminKey = "sesame" })
	s, key := b.create(`{}`), []string{"X-Api-Key", "sesame"}
	first := b.scribble(s.ID)
	last := b.scribble(s.ID)
	wantProblem(t, b.get("/stores/"+string(s.ID)), http.StatusConflict, problem.StoreUnreadable)
	wantProblem(t, b.redrive(last), http.StatusNotFound, problem.NoDeadLetter)
	wantProblem(t, b.redrive(first, key...), http.StatusConflict, problem.StoreUnreadable)
	a := b.discard(last, `{"reason":"Scribbled."}`, key...)
	if got := decoded[query.Store](t, a); a.status != http.StatusAccepted || got.ID != s.ID || got.Generation != s.Generation {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	if facts := b.lastFacts(b.head()); facts.DeadLetter != last || facts.Message != "Scribbled." {
		t.Errorf("the log says %+v", facts)
	}
	if got := b.delete(s.ID); got.Status != store.Deleting {
		t.Errorf("the store goes on as %+v", got)
	}
}

func TestWhatTheReadModelSetAsideIsAskedOfIt(t *testing.T) {
	b := setup(t, func(c *Config) { c.AdminKey = "sesame" })
	s, key := b.create(`{}`), []string{"X-Api-Key", "sesame"}
	wantProblem(t, b.redrive(s.Generation, key...), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
	asked := make(chan query.DeadLettersRequest, 8)
	b.answers(query.DeadLetters.Subject, func(data []byte) any {
		var q query.DeadLettersRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		// As the read model does: what comes behind After.
		if q.After >= s.Generation {
			return query.DeadLettersReply{}
		}
		return query.DeadLettersReply{DeadLetters: []query.DeadLetter{{Seq: s.Generation, Kind: query.DeadSetAside}}}
	})
	wantProblem(t, b.redrive(s.Generation), http.StatusNotFound, problem.NoDeadLetter)
	a := b.redrive(s.Generation, key...)
	got := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || got.Status != store.Queued || got.Generation != s.Generation || got.Version != b.head() {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	want := query.DeadLettersRequest{Log: b.log.Epoch(), Scope: query.All(), Kind: query.DeadSetAside, After: s.Generation - 1, Limit: 1, Seen: s.Version}
	if q := received(t, asked); q != want {
		t.Errorf("asked for %+v, want %+v", q, want)
	}
	raw, err := b.log.Message(t.Context(), got.Version)
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := raw.Entry(); err != nil || entry.Message.Type != store.Redriven || entry.Message.Facts.DeadLetter != s.Generation {
		t.Errorf("the log says %+v (%v)", entry.Message, err)
	}
	wantProblem(t, b.redrive(got.Version, key...), http.StatusNotFound, problem.NoDeadLetter)
}

func TestDeadLettersAreListedAsAsked(t *testing.T) {
	b := setup(t, func(c *Config) { c.TrustProxy, c.AdminKey = []string{"127.0.0.0/8"}, "sesame" })
	wantProblem(t, b.get("/dead-letters"), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
	wantProblem(t, b.get("/dead-letters?kind=nice"), http.StatusUnprocessableEntity, problem.InvalidField)
	s := b.failed()
	letter := query.DeadLetter{Seq: s.Generation, Kind: query.DeadFailed, Store: s.ID, Message: "It failed.", Since: time.Unix(1, 0).UTC()}
	asked := make(chan query.DeadLettersRequest, 8)
	b.answers(query.DeadLetters.Subject, func(data []byte) any {
		var q query.DeadLettersRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return query.DeadLettersReply{DeadLetters: []query.DeadLetter{letter}, Next: letter.Seq}
	})
	list := decoded[struct {
		DeadLetters []query.DeadLetter
		Next        uint64
	}](t, b.get("/dead-letters?kind=failed&after=3&limit=7&seen=900"))
	if len(list.DeadLetters) != 1 || list.DeadLetters[0] != letter || list.Next != letter.Seq {
		t.Errorf("list %+v", list)
	}
	want := query.DeadLettersRequest{Log: b.log.Epoch(), Scope: query.Of("ip:loopback"), Kind: query.DeadFailed, After: 3, Limit: 7, Seen: 900}
	if q := received(t, asked); q != want {
		t.Errorf("asked for %+v, want %+v", q, want)
	}
	// The owner's next list and the operator's show what was done, wherever the read model is.
	operator := []string{"X-Api-Key", "sesame", "X-Forwarded-For", "203.0.113.9"}
	redriven := decoded[query.Store](t, b.redrive(s.Generation, operator...))
	b.get("/dead-letters")
	if q := received(t, asked); q.Seen != redriven.Version || q.Limit != 50 {
		t.Errorf("the owner asked for %+v, want as far as %d", q, redriven.Version)
	}
	b.get("/dead-letters", operator...)
	if q := received(t, asked); q.Scope != query.All() || q.Seen != redriven.Version {
		t.Errorf("the admin asked for %+v", q)
	}
}
