package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/store"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// history drives a store by messages at growing sequences.
type history struct {
	state store.State
	seq   uint64
}

func (h *history) add(t store.Type, generation uint64, facts store.Facts) {
	h.seq++
	h.state = store.Evolve(h.state, store.Message{
		Type: t, Store: "sabcdefghijk", Tenant: "tenant", Generation: generation, Seq: h.seq,
		Time: start.Add(time.Duration(h.seq) * time.Second), Facts: facts,
	})
}

var (
	small = store.Spec{Name: "Tea", Engine: "sample", Plan: "small"}
	large = store.Spec{Name: "Tea", Engine: "sample", Plan: "large"}
)

func created() *history {
	h := &history{}
	h.add(store.CreateCommand, 0, store.Facts{Spec: &small})
	return h
}

func TestEvolveToReady(t *testing.T) {
	h := created()
	if h.state.Status != store.Queued || h.state.Generation != 1 || !h.state.InFlight() {
		t.Fatalf("after create: %+v", h.state)
	}
	h.add(store.Waited, 1, store.Facts{Reason: "ClusterNotReady", Message: "building containerd"})
	if h.state.Status != store.Queued || h.state.Attempt != 0 || h.state.Reason != "ClusterNotReady" {
		t.Fatalf("waiting must not cost an attempt: %+v", h.state)
	}
	h.add(store.AttemptStarted, 1, store.Facts{Attempt: 1})
	h.add(store.StepCompleted, 1, store.Facts{Step: "namespace"})
	h.add(store.StepCompleted, 1, store.Facts{Step: "namespace"})
	h.add(store.BecameReady, 1, store.Facts{URL: "http://tea.example"})
	want := store.State{
		Schema: store.Schema, ID: "sabcdefghijk", Tenant: "tenant", Status: store.Ready, Spec: small, Version: 6, Changed: 1,
		Condition: store.Condition{
			Standing: store.Up, Stood: true, Running: &store.Running{Spec: small}, URL: "http://tea.example",
		},
		Operation: store.Operation{
			Verb: store.Create, Generation: 1, Root: 1, Attempt: 1, Steps: []string{"namespace"}, Begun: true, Outcome: store.Succeeded,
		},
		CreatedAt: start.Add(time.Second), UpdatedAt: start.Add(6 * time.Second),
	}
	if diff := cmp.Diff(want, h.state); diff != "" {
		t.Fatal(diff)
	}
}

func TestADeleteOvertakesAndTheLateWorkerChangesNothing(t *testing.T) {
	h := created()
	h.add(store.AttemptStarted, 1, store.Facts{})
	h.add(store.DeleteCommand, 0, store.Facts{})
	h.add(store.BecameReady, 1, store.Facts{URL: "http://too.late"})
	if h.state.Status != store.Deleting || h.state.URL != "" {
		t.Fatalf("an event of an older command moved the store: %+v", h.state)
	}
	h.add(store.BecameDeleted, 3, store.Facts{})
	if h.state.Status != store.Deleted || len(h.state.Open) != 0 {
		t.Fatalf("after both ended: %+v", h.state)
	}
}

func TestSupersededEndsOnlyItsOwnCommand(t *testing.T) {
	h := created()
	h.add(store.DeleteCommand, 0, store.Facts{})
	h.add(store.Superseded, 1, store.Facts{})
	if h.state.Status != store.Deleting || !cmp.Equal(h.state.Open, []uint64{2}) {
		t.Fatalf("after superseded: %+v", h.state)
	}
}

func TestYieldTakesTheAttemptBack(t *testing.T) {
	h := created()
	h.add(store.AttemptStarted, 1, store.Facts{})
	h.add(store.AttemptYielded, 1, store.Facts{})
	if h.state.Attempt != 0 {
		t.Fatalf("attempt is %d", h.state.Attempt)
	}
}

func TestAnAttemptThatEndsWithoutAWordIsACrash(t *testing.T) {
	h := created()
	h.add(store.AttemptStarted, 1, store.Facts{})
	h.add(store.RetryScheduled, 1, store.Facts{})
	h.add(store.AttemptStarted, 1, store.Facts{})
	if h.state.Crashes != 0 || !h.state.Working {
		t.Fatalf("an attempt whose end was told counts as a crash: %+v", h.state)
	}
	h.add(store.AttemptStarted, 1, store.Facts{})
	h.add(store.AttemptYielded, 1, store.Facts{})
	h.add(store.AttemptStarted, 1, store.Facts{})
	if h.state.Crashes != 1 || h.state.Attempt != 3 {
		t.Fatalf("%d crashes in %d attempts, want 1 in 3", h.state.Crashes, h.state.Attempt)
	}
	h.add(store.BecameFailed, 1, store.Facts{})
	h.add(store.RetryCommand, 0, store.Facts{})
	if h.state.Crashes != 0 || h.state.Working {
		t.Fatalf("a new command inherits the old one's crashes: %+v", h.state)
	}
}

func TestADeadLetterWaitsUntilItIsDealtWith(t *testing.T) {
	failed := created()
	failed.add(store.BecameFailed, 1, store.Facts{Reason: "QuotaExceeded"})
	stuck := created()
	stuck.add(store.DeleteCommand, 0, store.Facts{})
	for range store.MaxAttempts {
		if len(stuck.state.DeadLetters()) != 0 {
			t.Fatalf("a delete is stuck after %d attempts", stuck.state.Attempt)
		}
		stuck.add(store.AttemptStarted, 2, store.Facts{})
		stuck.add(store.RetryScheduled, 2, store.Facts{})
	}
	for h, want := range map[*history]struct {
		generation uint64
		verb       store.Verb
	}{failed: {1, store.Retry}, stuck: {2, store.Delete}} {
		if got := h.state.DeadLetters(); !cmp.Equal(got, []uint64{want.generation}) {
			t.Fatalf("the dead letters are %d, want %d", got, want.generation)
		}
		if verb, err := store.AdmitRedrive(h.state, want.generation); err != nil || verb != want.verb {
			t.Fatalf("redriven as %q, %v; want %q", verb, err, want.verb)
		}
		// Of another message, which the projection has set aside.
		h.add(store.Discarded, want.generation, store.Facts{DeadLetter: 99, Message: "garbage"})
		if len(h.state.DeadLetters()) == 0 {
			t.Fatal("it went with somebody else's")
		}
		h.add(store.Discarded, want.generation, store.Facts{DeadLetter: want.generation, Message: "a test"})
		if len(h.state.DeadLetters()) != 0 {
			t.Fatalf("it is still there: %+v", h.state)
		}
		if _, err := store.AdmitRedrive(h.state, want.generation); !errors.Is(err, store.ErrNoDeadLetter) {
			t.Fatalf("redriven after it was put away: %v", err)
		}
	}
}

func ready() *history {
	h := created()
	h.add(store.AttemptStarted, 1, store.Facts{Attempt: 1})
	h.add(store.BecameReady, 1, store.Facts{URL: "http://tea.example"})
	return h
}

func TestADegradedStoreKeepsItsAddressAndRecovers(t *testing.T) {
	h := ready()
	h.add(store.BecameDegraded, 1, store.Facts{Reason: "CrashLoopBackOff", Message: "It ends again and again.", Detail: "container mariadb"})
	if s := h.state; s.Status != store.Degraded || s.URL == "" || s.Reason != "CrashLoopBackOff" || s.Detail == "" || s.InFlight() || len(s.DeadLetters()) != 0 {
		t.Fatalf("after degraded: %+v", s)
	}
	h.add(store.Recovered, 1, store.Facts{})
	if s := h.state; s.Status != store.Ready || s.URL == "" || s.Reason+s.Message+s.Detail != "" {
		t.Fatalf("after recovered: %+v", s)
	}
}

func TestHealthMovesNothingThatIsWorkedOn(t *testing.T) {
	h := ready()
	h.add(store.MendCommand, 0, store.Facts{Reason: "DriftFound", Message: "Service store is missing."})
	h.add(store.Recovered, 4, store.Facts{})
	if h.state.Status != store.Degraded || h.state.Reason != "DriftFound" {
		t.Fatalf("a mend was ended by a look: %+v", h.state)
	}
	h.add(store.DeleteCommand, 0, store.Facts{})
	h.add(store.BecameDegraded, 6, store.Facts{Reason: "NotAnswering"})
	if h.state.Status != store.Deleting || h.state.Reason != "" {
		t.Fatalf("a delete was hidden by a look: %+v", h.state)
	}
}

func TestAMendKeepsTheAddressHoweverItEnds(t *testing.T) {
	h := ready()
	h.add(store.MendCommand, 0, store.Facts{Reason: "DriftFound", Message: "Service store is missing.", Detail: "service/store"})
	h.add(store.AttemptStarted, 4, store.Facts{Attempt: 1})
	if s := h.state; s.Status != store.Degraded || s.URL == "" || s.Reason != "DriftFound" || s.Detail == "" || !s.InFlight() || s.Attempt != 1 {
		t.Fatalf("while it is mended: %+v", s)
	}
	mended := *h
	mended.add(store.BecameReady, 4, store.Facts{URL: "http://tea.example"})
	if s := mended.state; s.Status != store.Ready || s.Reason != "" || s.InFlight() {
		t.Fatalf("after the mend: %+v", s)
	}
	h.add(store.BecameFailed, 4, store.Facts{Reason: "NotAnswering"})
	if s := h.state; s.Status != store.Degraded || s.URL == "" || s.Reason != "NotAnswering" || s.InFlight() || len(s.DeadLetters()) != 0 {
		t.Fatalf("after a mend that failed: %+v", s)
	}
	h.add(store.Recovered, 4, store.Facts{})
	if s := h.state; s.Status != store.Ready || s.URL == "" {
		t.Fatalf("well again although its mend failed: %+v", s)
	}
}

// A merchant's retry of a Degraded store is a mend without a finding of its own.
func TestAMendWithoutAReasonKeepsTheOneBefore(t *testing.T) {
	h := ready()
	h.add(store.BecameDegraded, 1, store.Facts{Reason: "NotAnswering", Message: "It doesn't answer."})
	h.add(store.MendCommand, 0, store.Facts{})
	if h.state.Reason != "NotAnswering" || h.state.Message == "" {
		t.Fatalf("%+v", h.state)
	}
}
