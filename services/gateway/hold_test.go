package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// command asks for one without a body: suspend, resume, cancel, retry.
func (b *testBundle) command(id store.ID, verb string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, "/stores/"+string(id)+"/"+verb, "")
}

func (b *testBundle) accepted(id store.ID, verb string) query.Store {
	b.t.Helper()
	a := b.command(id, verb)
	if a.status != http.StatusAccepted {
		b.t.Fatalf("%s is answered %d %s", verb, a.status, a.body)
	}
	return decoded[query.Store](b.t, a)
}

func TestAStoreIsSuspendedAndResumed(t *testing.T) {
	b := setup(t)
	s := b.ready(`{"name":"Tea","ttl":"2h"}`)
	asked := b.accepted(s.ID, "suspend")
	if asked.Operation != store.Suspend || asked.Status != store.Ready || asked.URL != s.URL {
		t.Fatalf("asked: %+v", asked)
	}
	if again := b.accepted(s.ID, "suspend"); again.Version != asked.Version {
		t.Errorf("asked twice, said twice: %+v", again)
	}
	if p := wantProblem(t, b.command(s.ID, "resume"), http.StatusConflict, problem.ConflictInFlight); p.Operation != "suspend" {
		t.Errorf("problem %+v", p)
	}
	b.happen(s.ID, store.BecameSuspended, store.Facts{URL: s.URL})
	held := b.accepted(s.ID, "suspend")
	if held.Status != store.Suspended || held.Version != b.head() || held.URL != s.URL || !held.ExpiresAt.Equal(*s.ExpiresAt) {
		t.Errorf("suspended: %+v", held)
	}
	for _, path := range []string{"/credentials", "/links"} {
		wantProblem(t, b.get("/stores/"+string(s.ID)+path), http.StatusConflict, problem.NotReady)
	}
	b.changed(s.ID, `{"name":"Coffee","plan":"large"}`, http.StatusAccepted)
	b.happen(s.ID, store.BecameSuspended, store.Facts{URL: s.URL})
	resumed := b.accepted(s.ID, "resume")
	if resumed.Operation != store.Resume || resumed.Status != store.Suspended || resumed.Plan != "large" {
		t.Errorf("resumed: %+v", resumed)
	}
	if again := b.accepted(s.ID, "resume"); again.Version != resumed.Version {
		t.Errorf("resumed twice, said twice: %+v", again)
	}
	b.happen(s.ID, store.BecameReady, store.Facts{URL: s.URL})
	if up := b.accepted(s.ID, "resume"); up.Status != store.Ready || up.Version != b.head() {
		t.Errorf("a store that is up is resumed to %+v", up)
	}
}

// Each status has its answer, in words.
func TestWhatCanBeAskedForFromEachStatus(t *testing.T) {
	b := setup(t, func(c *Config) { c.MaxStores = 100 })
	started := func(id store.ID) { b.happen(id, store.AttemptStarted, store.Facts{Attempt: 1}) }
	for _, c := range []struct {
		status                  store.Status
		make                    func() store.ID
		suspend, resume, cancel problem.Code // empty: 202
	}{
		{store.Queued, func() store.ID { return b.create(`{}`).ID }, problem.ConflictInFlight, problem.ConflictInFlight, ""},
		{store.Provisioning, func() store.ID { id := b.create(`{}`).ID; started(id); return id }, problem.ConflictInFlight, problem.ConflictInFlight, ""},
		{store.Ready, func() store.ID { return b.ready(`{}`).ID }, "", "", problem.NothingToCancel},
		{store.Degraded, func() store.ID {
			id := b.ready(`{}`).ID
			b.happen(id, store.BecameDegraded, store.Facts{Reason: "ProbeFailed"})
			return id
		}, "", "", problem.NothingToCancel},
		{store.Suspended, func() store.ID {
			id := b.ready(`{}`).ID
			b.accepted(id, "suspend")
			b.happen(id, store.BecameSuspended, store.Facts{})
			return id
		}, "", "", problem.NothingToCancel},
		{store.Failed, func() store.ID { return b.failed().ID }, problem.WrongStatus, problem.WrongStatus, problem.NothingToCancel},
		{store.Deleting, func() store.ID { id := b.ready(`{}`).ID; b.delete(id); return id },
			problem.ConflictInFlight, problem.ConflictInFlight, problem.TooLateToCancel},
		{store.Deleted, func() store.ID {
			id := b.ready(`{}`).ID
			b.delete(id)
			b.happen(id, store.BecameDeleted, store.Facts{})
			return id
		}, problem.StoreDeleted, problem.StoreDeleted, problem.StoreDeleted},
	} {
		for verb, code := range map[string]problem.Code{"suspend": c.suspend, "resume": c.resume, "cancel": c.cancel} {
			id := c.make()
			if got := decoded[query.Store](t, b.get("/stores/"+string(id))); got.Status != c.status {
				t.Fatalf("%s is %s", c.status, got.Status)
			}
			a, end := b.command(id, verb), b.head()
			if code == "" {
				if a.status != http.StatusAccepted {
					t.Errorf("%s of %s is answered %d %s", verb, c.status, a.status, a.body)
				}
				continue
			}
			p := wantProblem(t, a, http.StatusConflict, code)
			if code == problem.WrongStatus && !strings.Contains(p.Detail, string(c.status)) || b.head() != end {
				t.Errorf("%s of %s: %s", verb, c.status, p.Detail)
			}
		}
	}
	for _, verb := range []string{"suspend", "resume", "cancel"} {
		wantProblem(t, b.command("sabcdefghijk", verb), http.StatusNotFound, problem.NotFound)
	}
}

func TestAnEngineWithoutASignCannotBeSuspended(t *testing.T) {
	b := setup(t)
	plain := samplePack()
	plain.Name, plain.Suspended = "plain", engine.Suspended{}
	b.publish(samplePack(), plain)
	b.await("the engine is on offer", func() bool {
		return b.do(http.MethodPost, "/stores", `{"engine":"plain"}`).status == http.StatusAccepted
	})
	s := b.ready(`{"engine":"plain"}`)
	end := b.head()
	wantProblem(t, b.command(s.ID, "suspend"), http.StatusConflict, problem.CannotSuspend)
	if b.head() != end {
		t.Error("what was refused was written")
	}
	// While a release may run that doesn't know of signs, what is published says nothing of them.
	b.before()
	b.start()
	b.await("the gateway is ready again", func() bool { return b.get("/readyz").status == http.StatusOK })
	b.await("its catalog is there", func() bool { return strings.Contains(string(b.get("/engines").body), `"plain"`) })
	wantProblem(t, b.command(s.ID, "suspend"), http.StatusConflict, problem.Upgrading)
}

func TestACreateThatIsCalledOffCanBeTriedAgain(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.create(`{"name":"Tea"}`)
	b.happen(s.ID, store.AttemptStarted, store.Facts{Attempt: 1})
	off := b.accepted(s.ID, "cancel")
	if off.Status != store.Failed || off.Reason != store.ReasonCancelled || off.LastOperation.Outcome != store.Cancelled || off.Operation != "" {
		t.Fatalf("called off: %+v", off)
	}
	wantProblem(t, b.command(s.ID, "cancel"), http.StatusConflict, problem.NothingToCancel)
	// Who called it off has dealt with it.
	wantProblem(t, b.redrive(s.Generation), http.StatusNotFound, problem.NoDeadLetter)
	if len(off.Failures) != 1 || off.Failures[0].Discarded == "" {
		t.Errorf("failures %+v", off.Failures)
	}
	again := b.accepted(s.ID, "retry")
	if again.Operation != store.Retry || again.LastOperation.Of != store.Create || again.Status != store.Queued {
		t.Errorf("tried again: %+v", again)
	}
}

func TestAnUpdateThatIsCalledOffLeavesTheStoreAsItStood(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.ready(`{"name":"Tea"}`)
	update := b.changed(s.ID, `{"plan":"large"}`, http.StatusAccepted)
	off := b.accepted(s.ID, "cancel")
	if off.Status != store.Ready || off.Plan != "small" || off.URL != s.URL || off.LastOperation.Outcome != store.Cancelled || off.Message != "" {
		t.Errorf("called off: %+v", off)
	}
	wantProblem(t, b.redrive(update.Generation), http.StatusNotFound, problem.NoDeadLetter)
	if again := b.accepted(s.ID, "retry"); again.Plan != "large" || again.LastOperation.Of != store.Update {
		t.Errorf("tried again: %+v", again)
	}
}

// A failure outlives what comes after it: each is named by its own number.
func TestAnOlderFailureIsRedrivenWhileThereIsANewerOne(t *testing.T) {
	b := setup(t, ownersOnly)
	s := b.ready(`{"name":"Tea"}`)
	update := b.changed(s.ID, `{"plan":"large"}`, http.StatusAccepted)
	b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "Quota", Message: "The cluster is full."})
	suspend := b.accepted(s.ID, "suspend")
	b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "Stuck", Message: "A pod doesn't end."})
	got := decoded[query.Store](t, b.get("/stores/"+string(s.ID)))
	if got.Status != store.Ready || len(got.Failures) != 2 || got.Failures[0].Generation != update.Generation || got.Failures[1].Generation != suspend.Generation {
		t.Fatalf("failures %+v", got.Failures)
	}
	a := b.redrive(update.Generation)
	redriven := decoded[query.Store](t, a)
	if a.status != http.StatusAccepted || redriven.LastOperation.Of != store.Update || redriven.LastOperation.Root != update.Generation ||
		redriven.Plan != "large" || len(redriven.Failures) != 1 || redriven.Failures[0].Generation != suspend.Generation {
		t.Fatalf("redriven: %d %s", a.status, a.body)
	}
	wantProblem(t, b.redrive(update.Generation), http.StatusNotFound, problem.NoDeadLetter)
	b.happen(s.ID, store.BecameReady, store.Facts{URL: s.URL})
	if a := b.discard(suspend.Generation, `{"reason":"It may stay open."}`); a.status != http.StatusAccepted {
		t.Errorf("the newer one is put away with %d %s", a.status, a.body)
	}
}

// A suspended store counts: its data takes room.
func TestASuspendedStoreCountsForTheQuota(t *testing.T) {
	b := setup(t, func(c *Config) { c.MaxStores = 1 })
	s := b.ready(`{}`)
	b.accepted(s.ID, "suspend")
	b.happen(s.ID, store.BecameSuspended, store.Facts{URL: s.URL})
	wantProblem(t, b.do(http.MethodPost, "/stores", `{}`), http.StatusForbidden, problem.QuotaExceeded)
}
