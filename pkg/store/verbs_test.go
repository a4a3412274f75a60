package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestAnUpdateThatFailsLeavesTheStoreAsItStood(t *testing.T) {
	h := ready()
	h.add(store.UpdateCommand, 0, store.Facts{Spec: &large})
	h.add(store.AttemptStarted, 4, store.Facts{})
	if s := h.state; s.Status != store.Ready || s.URL == "" || s.Spec.Plan != "large" || s.Running.Plan != "small" || s.Target().Plan != "large" {
		t.Fatalf("while it is updated: %+v", s)
	}
	h.add(store.RetryScheduled, 4, store.Facts{Reason: "Unreachable"})
	if s := h.state; s.Reason != "" || s.Why().Reason != "Unreachable" {
		t.Fatalf("the store itself is said to suffer: %+v", s)
	}
	h.add(store.BecameFailed, 4, store.Facts{Reason: "NoRoom", Step: "workloads"})
	s := h.state
	if s.Status != store.Ready || s.URL == "" || s.Spec.Plan != "small" || s.Changed != s.Version || s.InFlight() {
		t.Fatalf("after it failed: %+v", s)
	}
	if !cmp.Equal(s.DeadLetters(), []uint64{4}) || s.Failures[0].Spec.Plan != "large" || s.Failures[0].Step != "workloads" {
		t.Fatalf("its failure: %+v", s.Failures)
	}

	// A mend doesn't bury it, and a retry has its arguments.
	h.add(store.MendCommand, 0, store.Facts{Reason: "DriftFound"})
	if h.state.Target().Plan != "small" {
		t.Fatalf("a mend makes %+v", h.state.Target())
	}
	mend := h.state.Generation
	h.add(store.BecameReady, mend, store.Facts{URL: "http://tea.example"})
	if verb := store.Intent(h.state, store.Retry); verb != store.Retry || len(h.state.DeadLetters()) != 1 {
		t.Fatalf("buried under a mend: %+v", h.state)
	}
	h.add(store.RetryCommand, 0, store.Facts{})
	again := h.state
	if again.Doing() != store.Update || again.Root != 4 || again.Target().Plan != "large" || again.Status != store.Ready || len(again.DeadLetters()) != 0 {
		t.Fatalf("tried again: %+v", again)
	}
	h.add(store.BecameReady, again.Generation, store.Facts{URL: "http://tea.example"})
	if s := h.state; s.Running.Plan != "large" || s.Spec.Plan != "large" || len(s.Failures) != 0 {
		t.Fatalf("done: %+v", s)
	}
}

func TestARetryTakesTheFailureThatItNames(t *testing.T) {
	h := ready()
	h.add(store.UpdateCommand, 0, store.Facts{Spec: &large})
	h.add(store.BecameFailed, 4, store.Facts{Reason: "NoRoom"})
	h.add(store.SuspendCommand, 0, store.Facts{})
	h.add(store.BecameFailed, 6, store.Facts{Reason: "Timeout"})
	if !cmp.Equal(h.state.DeadLetters(), []uint64{4, 6}) {
		t.Fatalf("dead letters %v", h.state.DeadLetters())
	}
	named, newest := *h, *h
	named.add(store.RetryCommand, 0, store.Facts{DeadLetter: 4})
	newest.add(store.RetryCommand, 0, store.Facts{})
	if named.state.Doing() != store.Update || newest.state.Doing() != store.Suspend {
		t.Fatalf("retried %s and %s", named.state.Doing(), newest.state.Doing())
	}
	if !cmp.Equal(named.state.DeadLetters(), []uint64{6}) {
		t.Fatalf("the other one went with it: %v", named.state.DeadLetters())
	}
}

func TestASuspendedStoreKeepsItsAddressAndIsResumed(t *testing.T) {
	h := suspended()
	if s := h.state; s.Status != store.Suspended || s.URL == "" || s.Stands() || !s.Kept() {
		t.Fatalf("%+v", s)
	}
	h.add(store.UpdateCommand, 0, store.Facts{Spec: &large})
	if h.state.Leaves() != store.SuspendedStanding {
		t.Fatalf("an update wakes it: %s", h.state.Leaves())
	}
	h.add(store.BecameSuspended, h.state.Generation, store.Facts{URL: "http://tea.example"})
	h.add(store.ResumeCommand, 0, store.Facts{})
	if s := h.state; s.Leaves() != store.Up || s.Target().Plan != "large" || s.Status != store.Suspended {
		t.Fatalf("while it is resumed: %+v", s)
	}
	h.add(store.BecameReady, h.state.Generation, store.Facts{URL: "http://tea.example"})
	if h.state.Status != store.Ready {
		t.Fatalf("resumed: %+v", h.state)
	}
}

func TestAFailureBehindThePointOfNoReturnBreaksTheStore(t *testing.T) {
	h := ready()
	h.add(store.Type(rebuild), 0, store.Facts{})
	before := *h
	before.add(store.BecameFailed, 4, store.Facts{Reason: "Timeout", Step: "close"})
	if s := before.state; s.Status != store.Ready || s.URL == "" {
		t.Fatalf("failed before it: %+v", s)
	}
	h.add(store.StepCompleted, 4, store.Facts{Step: "close"})
	if err := store.AdmitCancel(h.state); err == nil {
		t.Fatal("it may be called off behind its point of no return")
	}
	h.add(store.BecameFailed, 4, store.Facts{Reason: "Timeout", Step: "open"})
	if s := h.state; s.Status != store.Failed || s.URL != "" || s.Kept() || !s.Stood {
		t.Fatalf("failed behind it: %+v", s)
	}
	for _, verb := range []store.Verb{store.Mend, store.Update, store.Suspend, store.Resume} {
		if store.Admit(h.state, verb) == nil {
			t.Errorf("%s of a broken store is admitted", verb)
		}
	}
	h.add(store.RetryCommand, 0, store.Facts{})
	if s := h.state; s.Doing() != rebuild || !cmp.Equal(s.Steps, []string{"close"}) {
		t.Fatalf("its recorded steps are asked again: %+v", s)
	}
	h.add(store.BecameReady, h.state.Generation, store.Facts{URL: "http://tea.example"})
	if h.state.Status != store.Ready {
		t.Fatalf("%+v", h.state)
	}
}

func TestARenameWhileItIsMadeChangesNothingOfTheShop(t *testing.T) {
	h := created()
	h.add(store.Renamed, 1, store.Facts{Name: "Coffee"})
	h.add(store.Renamed, 1, store.Facts{Name: "Cocoa"})
	if s := h.state; s.Spec.Name != "Cocoa" || s.Target().Name != "Tea" || s.Changed != s.Version {
		t.Fatalf("%+v", s)
	}
	h.add(store.BecameReady, 1, store.Facts{URL: "http://tea.example"})
	if s := h.state; s.Running.Name != "Tea" || s.Spec.Name != "Cocoa" {
		t.Fatalf("%+v", s)
	}
}

func TestALifetimeIsChangedAndTakenAway(t *testing.T) {
	h := suspended()
	at := start.Add(time.Hour)
	h.add(store.LifetimeChanged, h.state.Generation, store.Facts{ExpiresAt: &at})
	if !h.state.Expired(at) {
		t.Fatalf("%+v", h.state)
	}
	h.add(store.LifetimeChanged, h.state.Generation, store.Facts{})
	if h.state.ExpiresAt != nil {
		t.Fatalf("%+v", h.state)
	}
}

func TestHealthChangesNoVersionOfWhatClientsSet(t *testing.T) {
	h := ready()
	was := h.state.Changed
	h.add(store.BecameDegraded, 1, store.Facts{Reason: "NotAnswering"})
	h.add(store.Recovered, 1, store.Facts{})
	h.add(store.SuspendCommand, 0, store.Facts{})
	if h.state.Changed != was {
		t.Fatalf("from %d to %d", was, h.state.Changed)
	}
}

func TestWhatWasCancelledIsNoDeadLetterAndCanBeTriedAgain(t *testing.T) {
	h := created()
	h.add(store.BecameFailed, 1, store.Facts{Reason: store.ReasonCancelled, Message: "Called off."})
	if s := h.state; s.Status != store.Failed || s.Outcome != store.Cancelled || len(s.DeadLetters()) != 0 || store.Admit(s, store.Retry) != nil {
		t.Fatalf("%+v", s)
	}
}

func (h *history) transfer(to string) {
	h.seq++
	h.state = store.Evolve(h.state, store.Message{
		Type: store.Transferred, Store: "sabcdefghijk", Tenant: to, Generation: h.state.Generation, Seq: h.seq,
		Time: start.Add(time.Duration(h.seq) * time.Second), Facts: store.Facts{From: h.state.Tenant},
	})
}

func TestATransferChangesWhoseAStoreIsAndNothingElseOfIt(t *testing.T) {
	h := ready()
	was := h.state
	h.transfer("another")
	if was.Running.Tenant != "" {
		t.Fatal("what it was is written into")
	}
	want := was
	made := *was.Running
	made.Tenant = "tenant"
	want.Tenant, want.Running, want.Version, want.Changed, want.UpdatedAt = "another", &made, h.seq, h.seq, h.state.UpdatedAt
	if diff := cmp.Diff(want, h.state); diff != "" {
		t.Fatal(diff)
	}
	h.transfer("a third")
	if h.state.MadeAs() != "tenant" {
		t.Fatalf("made as %q", h.state.MadeAs())
	}
	h.add(store.RefreshCommand, 0, store.Facts{})
	h.add(store.BecameReady, h.state.Generation, store.Facts{URL: "http://tea.example", Tenant: "a third"})
	if s := h.state; s.Tenant != "a third" || s.MadeAs() != "a third" {
		t.Fatalf("refreshed: %+v", s)
	}
}

// What runs goes on, and says at its end whose it took the store for.
func TestATransferInTheMiddleOfAnOperationLeavesItAlone(t *testing.T) {
	h := created()
	h.add(store.AttemptStarted, 1, store.Facts{})
	h.transfer("another")
	if s := h.state; !s.InFlight() || !s.Working || s.Attempt != 1 || s.Status != store.Provisioning || s.MadeAs() != "another" {
		t.Fatalf("%+v", s)
	}
	h.add(store.BecameReady, 1, store.Facts{URL: "http://tea.example", Tenant: "tenant"})
	if s := h.state; s.Status != store.Ready || s.Tenant != "another" || s.MadeAs() != "tenant" {
		t.Fatalf("%+v", s)
	}
}
