package store_test

import (
	"errors"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestAdmit(t *testing.T) {
	inFlight := store.State{Version: 3, Generation: 2, Open: []uint64{2}, Verb: store.Create, Status: store.Provisioning}
	ready := store.State{Version: 9, Generation: 2, Verb: store.Create, Status: store.Ready}
	degraded := store.State{Version: 9, Generation: 2, Verb: store.Create, Status: store.Degraded}
	failed := store.State{Version: 9, Generation: 2, Verb: store.Create, Status: store.Failed}
	deleting := store.State{Version: 9, Generation: 7, Open: []uint64{7}, Verb: store.Delete, Status: store.Deleting}
	deleted := store.State{Version: 9, Generation: 7, Verb: store.Delete, Status: store.Deleted}
	for _, c := range []struct {
		name  string
		state store.State
		verb  store.Verb
		want  error
	}{
		{"create of nothing", store.State{}, store.Create, nil},
		{"create of what exists", ready, store.Create, store.ErrExists},
		{"create of what was deleted", deleted, store.Create, store.ErrExists},
		{"retry of nothing", store.State{}, store.Retry, store.ErrNotFound},
		{"delete of nothing", store.State{}, store.Delete, store.ErrNotFound},
		{"retry of a ready store", ready, store.Retry, store.ErrNothingToRetry},
		{"retry of a failed store", failed, store.Retry, nil},
		{"mend of nothing", store.State{}, store.Mend, store.ErrNotFound},
		{"mend of a ready store", ready, store.Mend, nil},
		{"mend of a degraded store", degraded, store.Mend, nil},
		{"mend of a failed store", failed, store.Mend, store.ErrNothingToMend},
		{"mend of a deleted store", deleted, store.Mend, store.ErrDeleted},
		{"delete of a degraded store", degraded, store.Delete, nil},
		{"delete while provisioning", inFlight, store.Delete, nil},
		{"delete of a failed store", failed, store.Delete, nil},
		{"second delete", deleting, store.Delete, store.ErrAlreadyDeleting},
		{"delete of a deleted store", deleted, store.Delete, store.ErrDeleted},
		{"retry of a deleted store", deleted, store.Retry, store.ErrDeleted},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := store.Admit(c.state, c.verb); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("mend beside an operation", func(t *testing.T) {
		var running *store.InFlightError
		if err := store.Admit(inFlight, store.Mend); !errors.As(err, &running) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("second operation", func(t *testing.T) {
		var running *store.InFlightError
		if err := store.Admit(inFlight, store.Retry); !errors.As(err, &running) || running.Verb != store.Create || running.Generation != 2 {
			t.Fatalf("got %v", err)
		}
	})
}

func TestRetryOfADeleteIsADelete(t *testing.T) {
	if v := store.Intent(store.State{Verb: store.Delete}, store.Retry); v != store.Delete {
		t.Fatal(v)
	}
	if v := store.Intent(store.State{Verb: store.Create}, store.Retry); v != store.Retry {
		t.Fatal(v)
	}
}

func TestRetryOfADegradedStoreIsAMend(t *testing.T) {
	if v := store.Intent(store.State{Verb: store.Create, Status: store.Degraded}, store.Retry); v != store.Mend {
		t.Fatal(v)
	}
}

func TestHealthIsToldOfWhatStandsAndIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		state               store.State
		degraded, recovered error
	}{
		"nothing":    {store.State{}, store.ErrNothingToMend, store.ErrNothingToMend},
		"ready":      {store.State{Version: 3, Generation: 1, Status: store.Ready}, nil, store.ErrNothingToMend},
		"degraded":   {store.State{Version: 3, Generation: 1, Status: store.Degraded}, nil, nil},
		"being made": {store.State{Version: 3, Generation: 1, Open: []uint64{1}, Status: store.Provisioning}, store.ErrNothingToMend, store.ErrNothingToMend},
		"being mended": {store.State{Version: 3, Generation: 1, Open: []uint64{1}, Verb: store.Mend, Status: store.Degraded},
			store.ErrNothingToMend, store.ErrNothingToMend},
		"failed":  {store.State{Version: 3, Generation: 1, Status: store.Failed}, store.ErrNothingToMend, store.ErrNothingToMend},
		"deleted": {store.State{Version: 3, Generation: 1, Status: store.Deleted}, store.ErrNothingToMend, store.ErrNothingToMend},
	} {
		if err := store.AdmitHealth(c.state, store.BecameDegraded); !errors.Is(err, c.degraded) {
			t.Errorf("degraded of %s: %v, want %v", name, err, c.degraded)
		}
		if err := store.AdmitHealth(c.state, store.Recovered); !errors.Is(err, c.recovered) {
			t.Errorf("recovered of %s: %v, want %v", name, err, c.recovered)
		}
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

func TestASweepDeletesOnlyWhatTheLogSaysIsDeleted(t *testing.T) {
	for name, c := range map[string]struct {
		state store.State
		want  error
	}{
		"nothing":       {store.State{}, store.ErrNothingToSweep},
		"ready":         {store.State{Version: 3, Generation: 1, Status: store.Ready}, store.ErrNothingToSweep},
		"being deleted": {store.State{Version: 3, Generation: 2, Open: []uint64{2}, Verb: store.Delete, Status: store.Deleting}, store.ErrNothingToSweep},
		"deleted":       {store.State{Version: 4, Generation: 2, Verb: store.Delete, Status: store.Deleted}, nil},
	} {
		if err := store.AdmitSweep(c.state); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
