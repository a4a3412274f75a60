package keep

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// Ten that have died since they said that they are there, and haven't been forgotten, have none of the parts.
func TestTheDeadHaveNoShare(t *testing.T) {
	now, within := time.Now(), 15*time.Second
	r := make(roster)
	var members []lease.Holding
	for n := range 11 {
		members = append(members, lease.Holding{Key: fmt.Sprint("member.", n), Revision: uint64(n)})
	}
	want := func(when string, want int) {
		t.Helper()
		if living := r.living(now, members, within); len(living) != want {
			t.Errorf("%s: %d live, want %d", when, len(living), want)
		}
	}
	want("all have just come", 0)
	now = now.Add(10 * time.Second)
	want("none has renewed its lease", 0)
	members[0].Revision, members[1].Revision = 20, 21
	want("two have", 2)
	now = now.Add(10 * time.Second)
	members[0].Revision = 30
	want("one goes on", 2)
	now = now.Add(within - 10*time.Second)
	want("the other doesn't", 1)
	members[1].Revision = 31
	want("it was only slow", 2)
	members = members[2:]
	want("both have gone", 0)
	if len(r) != len(members) {
		t.Errorf("%d are remembered of %d", len(r), len(members))
	}
}

func TestWhoDiesSoonAfterItsStartTakesNoPartFromAnybody(t *testing.T) {
	t.Parallel()
	// A busy machine ends no lease meanwhile.
	log := openLogBy(t, 2)
	leases, err := lease.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	// It is asked before each division, and by nobody else where there are no stores.
	var divisions atomic.Int32
	k, _ := keeping(t, Config{
		Holder: "keeper", Log: log, Cluster: &view{tell: make(chan func(cluster.Change), 1)},
		Available: func(context.Context) error { divisions.Add(1); return nil },
	})
	waittest.Eventually(t, func() error { return divided(k) })
	for n := range 2 {
		if _, err := leases.Take(t.Context(), fmt.Sprint(memberPrefix, n), k.crew.member("dead")); err != nil {
			t.Fatal(err)
		}
		before := divisions.Load()
		waittest.Eventually(t, func() error {
			if n := divisions.Load() - before; n < 2 {
				return fmt.Errorf("%d divisions have begun since", n)
			}
			return nil
		})
		if err := divided(k); err != nil {
			t.Fatal(err)
		}
	}
}
