package keep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

var errNotCarried = errors.New("not carried")

// carrier is a keeper that carries some versions of an engine, and the stores that it looks at.
type carrier struct {
	*Keeper
	stop   func()
	tell   func(cluster.Change)
	mu     sync.Mutex
	looked map[store.ID]int
}

func (c *carrier) looks(id store.ID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looked[id]
}

// Whoever carries a store's pack keeps it, and where several do, one of them. It is so again when one of them has ended.
func TestAStoreIsKeptByWhoeverCarriesItsPack(t *testing.T) {
	t.Parallel()
	// A busy machine ends no lease meanwhile.
	log := openLogBy(t, 2)
	var ill atomic.Bool
	begin := func(versions ...string) *carrier {
		c := &carrier{looked: make(map[store.ID]int)}
		carried := make(map[string]bool)
		var names []string
		for _, version := range versions {
			carried[version] = true
			names = append(names, packs.Name("sample", version))
		}
		v := &view{tell: make(chan func(cluster.Change), 1)}
		c.Keeper, c.stop = keeping(t, Config{
			Holder: "carrier", Log: log, Packs: names, Cluster: v,
			Available: func(context.Context) error { return nil },
			Sight: func(s store.State) (Sight, error) {
				if !carried[s.Running.Version] {
					return nil, errNotCarried
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				c.looked[s.ID]++
				return sight{failing: &ill, answers: func(context.Context) error { return nil }}, nil
			},
		})
		c.tell = <-v.tell
		return c
	}
	of := make(map[string][]store.ID)
	for range 6 {
		for _, version := range []string{"1", "2", "3"} {
			of[version] = append(of[version], standOf(t, log, version))
		}
	}
	// The release before, the one that carries more than it, and one that an operator has given a pack of its own.
	older, newer, other := begin("1"), begin("1", "2"), begin("3")
	keepers := map[*carrier]string{older: "the older", newer: "the newer", other: "the other"}
	waittest.Eventually(t, func() error {
		for c, name := range keepers {
			if n := len(c.held()); n != Parts {
				return fmt.Errorf("%s has %d parts", name, n)
			}
		}
		if !older.leaves(stateOf(t, log, of["1"][0])) {
			return errors.New("what both carry isn't left to the newer")
		}
		return nil
	})
	want := func(status store.Status, versions ...string) {
		t.Helper()
		waittest.Eventually(t, func() error {
			var wrong []error
			for _, version := range versions {
				for _, id := range of[version] {
					for c := range keepers {
						c.tell(cluster.Change{Store: id})
					}
					if s := stateOf(t, log, id); s.Status != status {
						wrong = append(wrong, fmt.Errorf("a store of version %s is %s", version, s.Status))
					}
				}
			}
			return errors.Join(wrong...)
		})
	}
	before := older.looks(of["1"][0])
	ill.Store(true)
	want(store.Degraded, "1", "2", "3")
	// One look may have been on its way.
	if now := older.looks(of["1"][0]); now > before+1 {
		t.Errorf("two keep what both carry: the older looked %d times more", now-before)
	}
	newer.stop()
	ill.Store(false)
	want(store.Ready, "1", "3")
}

func stateOf(t *testing.T, log *storelog.Log, id store.ID) store.State {
	t.Helper()
	s, err := log.Last(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
