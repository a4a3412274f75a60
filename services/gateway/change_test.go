package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func (b *testBundle) patch(id store.ID, body string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodPatch, "/stores/"+string(id), body, header...)
}

// changed is the store after a change that must be answered so.
func (b *testBundle) changed(id store.ID, body string, status int) query.Store {
	b.t.Helper()
	a := b.patch(id, body)
	if a.status != status {
		b.t.Fatalf("%s is answered %d %s, want %d", body, a.status, a.body, status)
	}
	return decoded[query.Store](b.t, a)
}

// ready makes a store that stands.
func (b *testBundle) ready(body string, header ...string) query.Store {
	b.t.Helper()
	s := b.create(body, header...)
	return query.View(b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://store-" + string(s.ID) + ".localhost"}))
}

// lastType is the kind of the log's newest message.
func (b *testBundle) lastType() store.Type {
	b.t.Helper()
	raw, err := b.log.Message(b.t.Context(), b.head())
	if err != nil {
		b.t.Fatal(err)
	}
	entry, err := raw.Entry()
	if err != nil {
		b.t.Fatal(err)
	}
	return entry.Message.Type
}

func TestANameIsChangedAtOnce(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea"}`)
	got := b.changed(s.ID, `{"name":" Coffee "}`, http.StatusOK)
	if got.Name != "Coffee" || got.Status != store.Ready || got.Operation != "" || got.Generation != s.Generation || got.URL != s.URL {
		t.Errorf("renamed to %+v", got)
	}
	if facts := b.lastFacts(b.head()); b.lastType() != store.Renamed || facts.Name != "Coffee" || facts.Spec != nil {
		t.Errorf("the log says %s %+v", b.lastType(), facts)
	}
	read := b.get("/stores/" + string(s.ID))
	if tag := fmt.Sprintf(`"%d"`, got.Version); decoded[query.Store](t, read).Name != "Coffee" || read.header.Get("ETag") != tag {
		t.Errorf("read as %s with ETag %s, want %s", read.body, read.header.Get("ETag"), tag)
	}
	// Who lists its stores next is to find it there.
	asked := make(chan query.StoresRequest, 1)
	b.answers(query.Stores.Subject, func(data []byte) any {
		asked <- parsed[query.StoresRequest](t, data)
		return query.StoresReply{}
	})
	b.get("/stores")
	if q := received(t, asked); q.Seen != got.Version {
		t.Errorf("the list waits for %d, want %d", q.Seen, got.Version)
	}
}

func TestANameThatIsNoneIsRefused(t *testing.T) {
	b := setup(t)
	s, end := b.ready(`{"name":"Tea"}`), b.head()
	for _, name := range []string{`""`, `"  "`, `"a\u0000b"`, `"a\nb"`, `"\u202eabc"`, `"` + strings.Repeat("x", 61) + `"`, `5`, `{}`, `["x"]`} {
		p := wantProblem(t, b.patch(s.ID, `{"name":`+name+`,"ttl":"2h","plan":"large"}`), http.StatusUnprocessableEntity, problem.InvalidField)
		if p.Field != "name" {
			t.Errorf("%s: names field %q", name, p.Field)
		}
	}
	if b.head() != end {
		t.Error("what was refused was written in part")
	}
}

func TestAStoresEndIsSetChangedAndTakenAway(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	set := b.changed(s.ID, `{"ttl":"90m"}`, http.StatusOK)
	if set.ExpiresAt == nil || set.ExpiresAt.Sub(set.UpdatedAt) != 90*time.Minute || b.lastType() != store.LifetimeChanged {
		t.Fatalf("said at %s, it ends at %s", set.UpdatedAt, set.ExpiresAt)
	}
	later := b.changed(s.ID, `{"ttl":"\u00372h"}`, http.StatusOK) // 72h, as JSON may write it
	if later.ExpiresAt == nil || later.ExpiresAt.Sub(later.UpdatedAt) != 72*time.Hour {
		t.Errorf("said at %s, it ends at %s", later.UpdatedAt, later.ExpiresAt)
	}
	end := b.head()
	for _, ttl := range []string{`""`, `"59s"`, `"8760h1s"`, `"-2h"`, `"soon"`, `5`, `false`, `{}`} {
		if p := wantProblem(t, b.patch(s.ID, `{"ttl":`+ttl+`}`), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "ttl" {
			t.Errorf("%s: names field %q", ttl, p.Field)
		}
	}
	b.changed(s.ID, `{"name":"Tea"}`, http.StatusOK)
	if b.head() != end+1 {
		t.Errorf("a rename behind %d went to %d", end, b.head())
	}
	never := b.changed(s.ID, `{"ttl":null}`, http.StatusOK)
	if never.ExpiresAt != nil || never.Name != "Tea" {
		t.Errorf("taken away: %+v", never)
	}
	if again := b.changed(s.ID, `{"ttl":null}`, http.StatusOK); again.Version != never.Version {
		t.Error("what isn't there was taken away twice")
	}
}

func TestPlanAndOptionsAreAnOperation(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea"}`)
	a := b.patch(s.ID, `{"plan":"large","options":{"currency":"USD","title":"Leaves"}}`)
	got := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || got.Operation != store.Update || got.Status != store.Ready || got.URL != s.URL ||
		got.Plan != "large" || got.Options["currency"] != "USD" || got.Options["title"] != "Leaves" {
		t.Fatalf("answered %d %+v", a.status, got)
	}
	if o := got.LastOperation; o.Verb != store.Update || o.Generation != b.head() || o.Outcome != "" || a.header.Get("Location") != "/stores/"+string(s.ID) {
		t.Errorf("operation %+v at %s", o, a.header.Get("Location"))
	}
	// Asked again, it is the one that runs.
	again := b.changed(s.ID, `{"plan":"large","options":{"currency":"USD"}}`, http.StatusAccepted)
	if again.Generation != got.Generation || again.Version != got.Version {
		t.Errorf("the same change appended: %+v", again)
	}
	b.happen(s.ID, store.BecameReady, store.Facts{URL: s.URL})
	if done := b.changed(s.ID, `{"plan":"large","options":{"currency":"USD"}}`, http.StatusOK); done.LastOperation.Outcome != store.Succeeded {
		t.Errorf("the operation is %+v", done.LastOperation)
	}
	back := b.changed(s.ID, `{"options":{"currency":null,"title":null}}`, http.StatusAccepted)
	if _, titled := back.Options["title"]; back.Options["currency"] != "EUR" || titled || back.Plan != "large" {
		t.Errorf("back to the default: %+v", back.Options)
	}
}

func TestAnUpdateThatFailsLeavesTheStoreAsItStood(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea"}`)
	b.changed(s.ID, `{"plan":"large","name":"Coffee"}`, http.StatusAccepted)
	b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "Quota", Message: "The cluster is full.", Step: "release"})
	got := decoded[query.Store](t, b.get("/stores/"+string(s.ID)))
	if got.Status != store.Ready || got.Plan != "small" || got.Name != "Coffee" || got.URL != s.URL || got.Message != "" ||
		len(got.Failures) != 1 || got.Failures[0].Verb != store.Update || got.Failures[0].Message != "The cluster is full." {
		t.Fatalf("store %+v", got)
	}
	a := b.do(http.MethodPost, "/stores/"+string(s.ID)+"/retry", "")
	again := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || again.Plan != "large" || again.LastOperation.Of != store.Update || len(again.Failures) != 0 {
		t.Errorf("tried again: %d %+v", a.status, again)
	}
}

func TestWhatCannotChangeIsToldInWords(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"plan":"large"}`)
	end := b.head()
	for body, want := range map[string][2]string{
		`{"plan":"small"}`:                             {"plan", "less storage"},
		`{"plan":"huge"}`:                              {"plan", "is not a plan"},
		`{"plan":5}`:                                   {"plan", ""},
		`{"options":{"samples":3}}`:                    {"options.samples", "can't be changed"},
		`{"options":{"colour":"red"}}`:                 {"options.colour", ""},
		`{"options":{"curency":null}}`:                 {"options.curency", "is not an option"},
		`{"options":{"currency":"GBP"}}`:               {"options.currency", ""},
		`{"options":{"currency":7}}`:                   {"options.currency", ""},
		`{"options":[]}`:                               {"options", ""},
		`{"options":"currency"}`:                       {"options", ""},
		`{"engine":"other"}`:                           {"engine", ""},
		`{"Name":"Tea"}`:                               {"Name", ""},
		`{"name":"Tea","options":{"samples":3}}`:       {"options.samples", "can't be changed"},
		`{"ttl":"72h","plan":"small","name":"Coffee"}`: {"plan", "less storage"},
	} {
		p := wantProblem(t, b.patch(s.ID, body), http.StatusUnprocessableEntity, problem.InvalidField)
		if p.Field != want[0] || !strings.Contains(p.Detail, want[1]) {
			t.Errorf("%s: %s: %s", body, p.Field, p.Detail)
		}
	}
	wantProblem(t, b.patch(s.ID, ``), http.StatusBadRequest, problem.InvalidRequest)
	wantProblem(t, b.patch(s.ID, `{`), http.StatusBadRequest, problem.InvalidJSON)
	wantProblem(t, b.patch(s.ID, `[]`), http.StatusUnprocessableEntity, problem.InvalidField)
	if b.head() != end {
		t.Error("what was refused was written in part")
	}
}

func TestNothingChangedIsNoMessage(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea","options":{"samples":3}}`)
	end := b.head()
	for _, body := range []string{
		`{}`, `{"name":"Tea"}`, `{"name":" Tea "}`, `{"plan":"small"}`, `{"options":{}}`, `{"options":{"currency":"EUR"}}`,
		`{"options":{"currency":null}}`, `{"options":{"samples":3}}`, `{"options":{"title":null}}`, `{"ttl":null}`,
		`{"name":"Tea","plan":"small","options":{"currency":"EUR","samples":3},"ttl":null}`, `{"name":null,"plan":null,"options":null}`,
	} {
		if got := b.changed(s.ID, body, http.StatusOK); got.Version != s.Version {
			t.Errorf("%s: appended %+v", body, got)
		}
	}
	if b.head() != end {
		t.Errorf("the log went from %d to %d", end, b.head())
	}
}

// engine is what a store can be changed to.
func (b *testBundle) engine(id store.ID) api.Engine {
	b.t.Helper()
	a := b.get("/stores/" + string(id) + "/engine")
	if a.status != http.StatusOK {
		b.t.Fatalf("its engine is answered %d %s", a.status, a.body)
	}
	return decoded[api.Engine](b.t, a)
}

// A store keeps its version's pack, whatever is on offer meanwhile.
func TestAStoreIsHeldToItsOwnVersionsPack(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	next := samplePack()
	next.Version, next.Suspended, next.Options = "2.0.0", engine.Suspended{}, next.Options[1:]
	b.publish(samplePack(), next)
	b.await("the next version is on offer", func() bool { return b.create(`{}`).EngineVersion == "2.0.0" })
	own := b.engine(s.ID)
	if own.Version != "1.0.0" || !own.Suspends || own.Default || len(own.Options) != 3 {
		t.Errorf("its engine is %+v", own)
	}
	if offered := b.engine(b.create(`{}`).ID); offered.Version != "2.0.0" || offered.Suspends || !offered.Default || len(offered.Options) != 2 {
		t.Errorf("a new store's engine is %+v", offered)
	}
	if got := b.changed(s.ID, `{"options":{"currency":"USD"}}`, http.StatusAccepted); got.EngineVersion != "1.0.0" || got.Options["currency"] != "USD" {
		t.Errorf("changed to %+v", got)
	}
	b.happen(s.ID, store.BecameReady, store.Facts{URL: s.URL})
	if a := b.command(s.ID, "suspend"); a.status != http.StatusAccepted {
		t.Errorf("suspended with %d %s", a.status, a.body)
	}
}

func TestWhoseStoreMayBeChangedAndWhen(t *testing.T) {
	b := setup(t, func(c *Config) { c.TrustProxy, c.AdminKey = []string{"127.0.0.0/8"}, "sesame" })
	me, other := []string{"X-Forwarded-For", "203.0.113.7"}, []string{"X-Forwarded-For", "203.0.113.8"}
	s := b.ready(`{"name":"Tea"}`, me...)
	missing := wantProblem(t, b.patch("sabcdefghijk", `{"name":"x"}`, me...), http.StatusNotFound, problem.NotFound)
	for _, body := range []string{`{"name":"x"}`, `{"plan":"huge"}`, `{}`} {
		p := wantProblem(t, b.patch(s.ID, body, append(other, "If-Match", `"1"`)...), http.StatusNotFound, problem.NotFound)
		if p.Detail != missing.Detail || p.Current != nil {
			t.Errorf("%+v tells more than %q", p, missing.Detail)
		}
	}
	wantProblem(t, b.patch("x", `{"name":"x"}`, me...), http.StatusNotFound, problem.NotFound)
	if a := b.patch(s.ID, `{"name":"Theirs"}`, "X-Api-Key", "sesame"); a.status != http.StatusOK {
		t.Errorf("the operator is answered %d %s", a.status, a.body)
	}
	b.do(http.MethodDelete, "/stores/"+string(s.ID), "", me...)
	for _, body := range []string{`{"name":"x"}`, `{"ttl":"2h"}`, `{"plan":"large"}`} {
		p := wantProblem(t, b.patch(s.ID, body, me...), http.StatusConflict, problem.ConflictInFlight)
		if p.Operation != "delete" || strings.Contains(p.Detail, "delete the store") {
			t.Errorf("%s: %+v", body, p)
		}
	}
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	wantProblem(t, b.patch(s.ID, `{"name":"x"}`, me...), http.StatusConflict, problem.StoreDeleted)
}

func TestAStoreThatIsWorkedOnIsRenamedAllTheSame(t *testing.T) {
	b := setup(t)
	making := b.create(`{"name":"Tea"}`)
	if got := b.changed(making.ID, `{"name":"Coffee","ttl":"2h"}`, http.StatusOK); got.Name != "Coffee" || got.ExpiresAt == nil || got.Operation != store.Create {
		t.Errorf("renamed while it is made: %+v", got)
	}
	s := b.ready(`{"name":"Tea"}`)
	update := b.changed(s.ID, `{"plan":"large"}`, http.StatusAccepted)
	if got := b.changed(s.ID, `{"name":"Coffee"}`, http.StatusOK); got.Operation != store.Update || got.Generation != update.Generation {
		t.Errorf("renamed while it is updated: %+v", got)
	}
	end := b.head()
	p := wantProblem(t, b.patch(s.ID, `{"name":"Cocoa","options":{"currency":"USD"}}`), http.StatusConflict, problem.ConflictInFlight)
	if p.Operation != "update" || p.Generation != update.Generation || !p.Retryable || b.head() != end {
		t.Errorf("problem %+v, the log ends at %d, was %d", p, b.head(), end)
	}
	wantProblem(t, b.patch(b.failed().ID, `{"plan":"small"}`), http.StatusUnprocessableEntity, problem.InvalidField)
	wantProblem(t, b.patch(b.failed().ID, `{"options":{"currency":"USD"}}`), http.StatusConflict, problem.WrongStatus)
}
