package store_test

import (
	"errors"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

// histories lead to every condition that a store can be in.
func histories() map[string]*history {
	all := map[string]*history{
		"nothing": {}, "being made": created(), "ready": ready(), "degraded": ready(), "failed": created(), "suspended": suspended(),
		"being deleted": ready(), "deleted": ready(), "being mended": ready(), "update failed": ready(), "being updated": ready(),
		"being suspended": ready(),
	}
	all["being made"].add(store.AttemptStarted, 1, store.Facts{})
	all["degraded"].add(store.BecameDegraded, 1, store.Facts{Reason: "NotAnswering"})
	all["failed"].add(store.BecameFailed, 1, store.Facts{Reason: "QuotaExceeded"})
	all["being deleted"].add(store.DeleteCommand, 0, store.Facts{})
	all["deleted"].add(store.DeleteCommand, 0, store.Facts{})
	all["deleted"].add(store.BecameDeleted, 4, store.Facts{})
	all["being mended"].add(store.MendCommand, 0, store.Facts{Reason: "DriftFound"})
	all["being updated"].add(store.UpdateCommand, 0, store.Facts{Spec: &large})
	all["being suspended"].add(store.SuspendCommand, 0, store.Facts{})
	all["update failed"].add(store.UpdateCommand, 0, store.Facts{Spec: &large})
	all["update failed"].add(store.BecameFailed, 4, store.Facts{Reason: "NotAnswering"})
	return all
}

func suspended() *history {
	h := ready()
	h.add(store.SuspendCommand, 0, store.Facts{})
	h.add(store.BecameSuspended, 4, store.Facts{URL: "http://tea.example"})
	return h
}

// Errors that are compared by their type alone.
var (
	busy    error = &store.InFlightError{}
	notThen error = &store.StandingError{}
)

func same(got, want error) bool {
	switch want {
	case busy:
		return errors.As(got, new(*store.InFlightError))
	case notThen:
		return errors.As(got, new(*store.StandingError))
	}
	return errors.Is(got, want)
}

func TestAdmit(t *testing.T) {
	verbs := []store.Verb{store.Create, store.Retry, store.Mend, store.Update, store.Suspend, store.Resume, store.Delete}
	all := histories()
	for name, want := range map[string][]error{
		"nothing":         {nil, store.ErrNotFound, store.ErrNotFound, store.ErrNotFound, store.ErrNotFound, store.ErrNotFound, store.ErrNotFound},
		"being made":      {store.ErrExists, busy, busy, busy, busy, busy, nil},
		"ready":           {store.ErrExists, store.ErrNothingToRetry, nil, nil, nil, store.ErrAlready, nil},
		"degraded":        {store.ErrExists, store.ErrNothingToRetry, nil, nil, nil, store.ErrAlready, nil},
		"failed":          {store.ErrExists, nil, store.ErrNothingToMend, notThen, notThen, notThen, nil},
		"suspended":       {store.ErrExists, store.ErrNothingToRetry, nil, nil, store.ErrAlready, nil, nil},
		"update failed":   {store.ErrExists, nil, nil, nil, nil, store.ErrAlready, nil},
		"being mended":    {store.ErrExists, store.ErrNothingToRetry, store.ErrAlready, nil, nil, nil, nil},
		"being updated":   {store.ErrExists, busy, busy, busy, busy, busy, nil},
		"being suspended": {store.ErrExists, busy, busy, busy, store.ErrAlready, busy, nil},
		"being deleted":   {store.ErrExists, busy, busy, busy, busy, busy, store.ErrAlready},
		"deleted":         {store.ErrExists, store.ErrDeleted, store.ErrDeleted, store.ErrDeleted, store.ErrDeleted, store.ErrDeleted, store.ErrDeleted},
	} {
		for i, verb := range verbs {
			if name == "being mended" && verb == store.Resume {
				continue // whether it stands is the mend's to tell
			}
			if err := store.Admit(all[name].state, verb); !same(err, want[i]) {
				t.Errorf("%s of a store that is %s: %v, want %v", verb, name, err, want[i])
			}
		}
	}
	var running *store.InFlightError
	if err := store.Admit(all["being made"].state, store.Retry); !errors.As(err, &running) || running.Verb != store.Create || running.Generation != 1 {
		t.Errorf("a second operation: %v", err)
	}
}

func TestAdmitCancel(t *testing.T) {
	all := histories()
	for name, want := range map[string]error{
		"nothing": store.ErrNotFound, "ready": store.ErrNothingToCancel, "deleted": store.ErrDeleted, "being deleted": store.ErrTooLate,
		"being made": nil, "being updated": nil, "being mended": nil, "failed": store.ErrNothingToCancel,
	} {
		if err := store.AdmitCancel(all[name].state); !errors.Is(err, want) {
			t.Errorf("cancel of a store that is %s: %v, want %v", name, err, want)
		}
	}
}

func TestRetryMeansWhatTheStoreNeeds(t *testing.T) {
	all := histories()
	for name, want := range map[string]store.Verb{
		"being deleted": store.Delete, "failed": store.Retry, "degraded": store.Mend, "update failed": store.Retry, "ready": store.Retry,
	} {
		if v := store.Intent(all[name].state, store.Retry); v != want {
			t.Errorf("a retry of a store that is %s is %s, want %s", name, v, want)
		}
	}
	// A Degraded store of which something failed is asked for that first.
	h := all["update failed"]
	h.add(store.BecameDegraded, 4, store.Facts{Reason: "NotAnswering"})
	if v := store.Intent(h.state, store.Retry); v != store.Retry {
		t.Errorf("the failed update was forgotten for a %s", v)
	}
	// Once it is put away, nobody wants it that asks for the store to be put right.
	h.add(store.Discarded, 4, store.Facts{DeadLetter: 4, Message: "no longer"})
	if v := store.Intent(h.state, store.Retry); v != store.Mend {
		t.Errorf("the update that was put away comes back by a %s", v)
	}
}

// What the platform asked for by itself makes way, and hides nothing of how the store is.
func TestWhoAsksComesBeforeThePlatform(t *testing.T) {
	suspended := histories()["suspended"]
	suspended.add(store.RefreshCommand, 0, store.Facts{})
	if err := store.Admit(suspended.state, store.Suspend); !errors.Is(err, store.ErrAlready) {
		t.Errorf("a suspended store that is refreshed is asked to be suspended: %v", err)
	}
	if err := store.Admit(suspended.state, store.Resume); err != nil {
		t.Errorf("it is asked to be resumed: %v", err)
	}

	failed := histories()["update failed"]
	letter := failed.state.Failures[0].Generation
	failed.add(store.MendCommand, 0, store.Facts{Reason: "DriftFound"})
	if verb, err := store.AdmitRedrive(failed.state, letter); verb != store.Retry || err != nil {
		t.Fatalf("the update is tried again beside a mend: %s, %v", verb, err)
	}
	failed.add(store.RetryCommand, 0, store.Facts{DeadLetter: letter})
	if s := failed.state; s.Doing() != store.Update || len(s.Failures) != 0 {
		t.Errorf("the retry does %s, and the failures are %v", s.Doing(), s.Failures)
	}
}

// A letter can be put away at any time, and sent again when nothing else is done about its store.
func TestALetterIsNotSentAgainBesideAnOperation(t *testing.T) {
	h := histories()["update failed"]
	letter := h.state.Failures[0].Generation
	h.add(store.SuspendCommand, 0, store.Facts{})
	var running *store.InFlightError
	if _, err := store.AdmitRedrive(h.state, letter); !errors.As(err, &running) || running.Verb != store.Suspend {
		t.Errorf("sent again beside a suspend: %v", err)
	}
	if err := store.AdmitDiscard(h.state, letter); err != nil {
		t.Errorf("put away: %v", err)
	}
	if err := store.AdmitDiscard(h.state, letter+1); !errors.Is(err, store.ErrNoDeadLetter) {
		t.Errorf("another is put away: %v", err)
	}
}

// That a mend was called off says nothing of what is wrong with its store.
func TestACalledOffMendLeavesTheReason(t *testing.T) {
	h := histories()["being mended"]
	was := h.state.Cause
	h.add(store.BecameFailed, h.state.Generation, store.Facts{Reason: store.ReasonCancelled, Message: "It was called off."})
	if s := h.state; s.Cause != was || s.Outcome != store.Cancelled || s.Standing != store.DegradedStanding {
		t.Errorf("it was %+v, and is %s for %+v", was, s.Standing, s.Cause)
	}
}

func TestWhatWasCalledOffMakesWayForWhatWaitsForSomebody(t *testing.T) {
	h := ready()
	h.add(store.SuspendCommand, 0, store.Facts{})
	failed := h.state.Generation
	h.add(store.BecameFailed, failed, store.Facts{Reason: "Quota", Message: "The cluster is full."})
	h.add(store.UpdateCommand, 0, store.Facts{Spec: &large})
	h.add(store.BecameFailed, h.state.Generation, store.Facts{Reason: store.ReasonCancelled, Message: "Called off."})
	both := *h
	if h.add(store.RetryCommand, 0, store.Facts{}); h.state.Doing() != store.Suspend || h.state.Root != failed {
		t.Errorf("tried again: %s of %d", h.state.Doing(), h.state.Root)
	}
	h = &both
	h.add(store.Discarded, h.state.Generation, store.Facts{DeadLetter: failed, Message: "Never mind."})
	if h.add(store.RetryCommand, 0, store.Facts{}); h.state.Doing() != store.Update || h.state.Spec.Plan != "large" {
		t.Errorf("with nothing else to try again: %s, plan %s", h.state.Doing(), h.state.Spec.Plan)
	}
}

func TestADegradedStoreOfWhichSomethingWasCalledOffIsMended(t *testing.T) {
	h := ready()
	h.add(store.UpdateCommand, 0, store.Facts{})
	h.add(store.BecameFailed, h.state.Generation, store.Facts{Reason: store.ReasonCancelled, Message: "Called off."})
	if v := store.Intent(h.state, store.Retry); v != store.Retry {
		t.Errorf("a store that works is asked for %s", v)
	}
	h.add(store.BecameDegraded, h.state.Generation, store.Facts{Reason: "NotAnswering"})
	if v := store.Intent(h.state, store.Retry); v != store.Mend {
		t.Errorf("what was called off is carried out by a %s", v)
	}
}

func TestHealthIsToldOfWhatStandsAndIsLeftAlone(t *testing.T) {
	all := histories()
	no := store.ErrNothingToMend
	for name, want := range map[string][2]error{
		"nothing": {no, no}, "ready": {nil, no}, "degraded": {nil, nil}, "being made": {no, no}, "being mended": {no, no},
		"failed": {no, no}, "deleted": {no, no}, "suspended": {nil, no},
	} {
		for i, what := range []store.Type{store.BecameDegraded, store.Recovered} {
			if err := store.AdmitHealth(all[name].state, what); !errors.Is(err, want[i]) {
				t.Errorf("%s of a store that is %s: %v, want %v", what, name, err, want[i])
			}
		}
	}
}

func TestASweepDeletesOnlyWhatTheLogSaysIsDeleted(t *testing.T) {
	all := histories()
	for _, name := range []string{"nothing", "ready", "being deleted", "failed", "suspended"} {
		if err := store.AdmitSweep(all[name].state); !errors.Is(err, store.ErrNothingToSweep) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := store.AdmitSweep(all["deleted"].state); err != nil {
		t.Error(err)
	}
}

func TestIDs(t *testing.T) {
	a, b := store.DeriveID("tenant", "key"), store.DeriveID("tenantk", "ey")
	if a == b {
		t.Fatal("two tenants share an id")
	}
	for _, id := range []store.ID{a, b, store.NewID(make([]byte, 8))} {
		if parsed, err := store.ParseID(string(id)); err != nil || parsed != id {
			t.Fatalf("%q: %v", id, err)
		}
	}
	for _, bad := range []string{"", "short", "sabcdefghij.", "*", ">", "1abcdefghijk", "sabcdefghijkl", "Sabcdefghijk"} {
		if _, err := store.ParseID(bad); err == nil {
			t.Fatalf("%q passed", bad)
		}
	}
}
