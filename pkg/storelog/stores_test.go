package storelog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
)

func TestStoresListsEachOnceWhateverBecameOfIt(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		log := open(t, b.Conns[len(b.Conns)-1])
		if ids, _, err := log.Stores(t.Context(), store.DefaultCluster); err != nil || len(ids) != 0 {
			t.Fatalf("an empty log has %v, %v", ids, err)
		}
		var want, undeleted []store.ID
		for n := range 5 {
			m := message(store.CreateCommand, 0)
			m.Store = store.DeriveID("tenant", fmt.Sprint(n))
			want = append(want, m.Store)
			state, err := log.Append(t.Context(), store.State{}, m)
			if err != nil {
				t.Fatal(err)
			}
			if n%2 == 0 {
				undeleted = append(undeleted, m.Store)
				continue
			}
			for _, next := range []store.Message{{Type: store.DeleteCommand}, {Type: store.BecameDeleted}, {Type: store.RetryCommand}} {
				next.Store, next.Actor, next.Time, next.Generation = m.Store, "test", time.Now(), state.Generation
				if state, err = log.Append(t.Context(), state, next); err != nil {
					t.Fatal(err)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(undeleted)
		for turn := 0; turn == 0 || !b.Resigned(9); turn++ {
			ids, at, err := log.Stores(t.Context(), store.DefaultCluster)
			if err != nil || !slices.Equal(ids, want) {
				t.Fatalf("listed %v, %v; want %v", ids, err, want)
			}
			if at.IsZero() {
				t.Error("the broker told no time")
			}
			if ids, err := log.Undeleted(t.Context(), store.DefaultCluster); err != nil || !slices.Equal(ids, undeleted) {
				t.Fatalf("not deleted are %v, %v; want %v", ids, err, undeleted)
			}
		}
	})
}

func TestWhatWasToldBehindASequenceIsListedOnce(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		log := open(t, b.Conns[len(b.Conns)-1])
		var ids []store.ID
		for n := range 4 {
			m := message(store.CreateCommand, 0)
			m.Store = store.DeriveID("tenant", fmt.Sprint(n))
			ids = append(ids, m.Store)
			state, err := log.Append(t.Context(), store.State{}, m)
			if err == nil {
				m.Type, m.Generation = store.BecameReady, state.Generation
				_, err = log.Append(t.Context(), state, m)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		now, err := log.Present(t.Context())
		if err != nil || now.Head != 8 || now.Time.IsZero() || now.Lineage.Epoch != log.Epoch() {
			t.Fatalf("the log is at %+v, %v", now, err)
		}
		for after, want := range map[uint64][]store.ID{0: ids, 3: ids[1:], 6: ids[3:], 7: ids[3:], 8: nil, 9: nil} {
			want = slices.Clone(want)
			slices.Sort(want)
			if told, err := log.Told(t.Context(), after, now.Head); err != nil || !slices.Equal(told, want) {
				t.Errorf("behind %d was told %v, %v; want %v", after, told, err, want)
			}
		}
	})
}
