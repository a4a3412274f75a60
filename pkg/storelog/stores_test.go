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
		var want []store.ID
		for n := range 5 {
			m := message(store.CreateCommand, 0)
			m.Store = store.DeriveID("tenant", fmt.Sprint(n))
			want = append(want, m.Store)
			state, err := log.Append(t.Context(), store.State{}, m)
			if err != nil {
				t.Fatal(err)
			}
			if n%2 == 0 {
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
		for turn := 0; turn == 0 || !b.Resigned(9); turn++ {
			ids, at, err := log.Stores(t.Context(), store.DefaultCluster)
			if err != nil || !slices.Equal(ids, want) {
				t.Fatalf("listed %v, %v; want %v", ids, err, want)
			}
			if at.IsZero() {
				t.Error("the broker told no time")
			}
		}
	})
}
