package keep

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// view is a cluster as the test has it.
type view struct {
	ids  []store.ID
	tell chan func(cluster.Change)
	// unknown says that no watch knows any store.
	unknown bool
}

func (v *view) Watched() ([]store.ID, bool)          { return v.ids, true }
func (v *view) Knows(store.ID) bool                  { return !v.unknown }
func (v *view) Reachable(context.Context) error      { return nil }
func (v *view) IngressAnswers(context.Context) error { return nil }
func (v *view) Follow(tell func(cluster.Change)) func() {
	v.tell <- tell
	return func() {}
}

// sight is a store that is as it was made; answers is asked for it.
type sight struct {
	failing *atomic.Bool
	answers func(context.Context) error
}

func (s sight) Ahead(storelog.Lineage) *cluster.Error                         { return nil }
func (s sight) Undone() bool                                                  { return false }
func (s sight) Check(ctx context.Context) error                               { return s.answers(ctx) }
func (s sight) Probe(ctx context.Context) error                               { return s.answers(ctx) }
func (s sight) Drift(context.Context, cluster.Trust) ([]cluster.Drift, error) { return nil, nil }
func (s sight) Failing() *cluster.Error {
	if !s.failing.Load() {
		return nil
	}
	return &cluster.Error{Reason: "CrashLoopBackOff", Sentence: "It ends again and again."}
}

func openLog(t *testing.T) *storelog.Log {
	t.Helper()
	return openLogBy(t, 10)
}

func openLogBy(t *testing.T, by clock.Divisor) *storelog.Log {
	t.Helper()
	settings := storelog.Settings{Replicas: 1, Installation: "test-keep", Clock: by}
	log, err := storelog.Open(t.Context(), bustest.StartBroker(t, settings).Connect())
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// keeping runs a keeper until the returned function is called.
func keeping(t *testing.T, cfg Config) (*Keeper, func()) {
	t.Helper()
	k, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.Run(ctx) })
	stop := func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return k, stop
}

// divided is nil when each part is exactly one keeper's, and none has more than its share.
func divided(keepers ...*Keeper) error {
	most := share(len(keepers))
	seen := make(map[int]bool)
	var counts []int
	wrong := false
	for _, k := range keepers {
		held := k.held()
		counts = append(counts, len(held))
		wrong = wrong || len(held) > most
		for _, term := range held {
			wrong = wrong || seen[term.part]
			seen[term.part] = true
		}
	}
	if wrong || len(seen) != Parts {
		return fmt.Errorf("%d parts are kept, by each %d", len(seen), counts)
	}
	return nil
}

func TestThePartsAreDividedAmongAllKeepers(t *testing.T) {
	t.Parallel()
	// A busy machine ends no lease meanwhile.
	log := openLogBy(t, 2)
	begin := func(name string) (*Keeper, func()) {
		return keeping(t, Config{
			Holder: name, Log: log, Cluster: &view{tell: make(chan func(cluster.Change), 1)},
			Available: func(context.Context) error { return nil },
		})
	}
	first, _ := begin("first")
	waittest.Eventually(t, func() error { return divided(first) })
	second, stopSecond := begin("second")
	waittest.Eventually(t, func() error { return divided(first, second) })
	third, _ := begin("third")
	waittest.Eventually(t, func() error { return divided(first, second, third) })
	// What one of them loses is taken again, also where each of the others has its share without it.
	for _, k := range []*Keeper{first, second, third} {
		if held := k.held(); len(held) == share(3) {
			held[0].end()
			break
		}
	}
	waittest.Eventually(t, func() error { return divided(first, second, third) })
	stopSecond()
	// Who ends properly is counted no longer, so that nobody waits for a lease to run out.
	leases, err := lease.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := leases.Held(t.Context(), memberPrefix+"*"); err != nil || len(held) != 2 {
		t.Errorf("there are %v, %v; want the two that go on", held, err)
	}
	waittest.Eventually(t, func() error { return divided(first, third) })
}

// Shops that take a question and never answer keep nobody waiting, however many they are (until they are as many as are
// looked at abreast).
func TestShopsThatHangDelayNobody(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	var hung []store.ID
	for range 100 {
		hung = append(hung, stand(t, log))
	}
	crashed := stand(t, log)
	var asked, answered atomic.Int32
	v := &view{ids: append(hung, crashed), tell: make(chan func(cluster.Change), 1)}
	crashes := new(atomic.Bool)
	keeping(t, Config{
		Holder: "keeper", Log: log, Cluster: v, Available: func(context.Context) error { return nil },
		Sight: func(s store.State) (Sight, error) {
			if s.ID == crashed {
				return sight{failing: crashes, answers: func(context.Context) error { return nil }}, nil
			}
			return sight{failing: new(atomic.Bool), answers: func(ctx context.Context) error {
				asked.Add(1)
				<-ctx.Done()
				answered.Add(1)
				return ctx.Err()
			}}, nil
		},
	})
	tell := <-v.tell
	waittest.Eventually(t, func() error {
		// They aren't looked at before their part is kept.
		for _, id := range hung {
			tell(cluster.Change{Store: id})
		}
		if n := asked.Load(); n < int32(len(hung)) {
			return fmt.Errorf("%d of %d hang", n, len(hung))
		}
		return nil
	})
	crashes.Store(true)
	tell(cluster.Change{Store: crashed})
	waittest.Eventually(t, func() error { return isDegraded(t, log, crashed) })
	if n := answered.Load(); n > 0 {
		t.Errorf("it was told after %d looks at shops that hang had ended", n)
	}
}

// No watch tells of what went while nobody had its part, and nobody but the log knows that it should be there.
func TestAStoreIsKeptWhoseNamespaceNoWatchKnows(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	vanished := stand(t, log)
	gone := new(atomic.Bool)
	gone.Store(true)
	v := &view{unknown: true, tell: make(chan func(cluster.Change), 1)}
	// Parts change hands where something stumbles: the first look, which has little time, finds no cluster.
	var stumbled atomic.Bool
	available := func(ctx context.Context) error {
		if _, looks := ctx.Deadline(); looks && stumbled.CompareAndSwap(false, true) {
			return errors.New("the cluster is away")
		}
		return nil
	}
	keeping(t, Config{
		Holder: "keeper", Log: log, Cluster: v, Available: available,
		Sight: func(store.State) (Sight, error) { return sight{failing: gone}, nil },
	})
	waittest.Eventually(t, func() error { return isDegraded(t, log, vanished) })
}

func isDegraded(t *testing.T, log *storelog.Log, id store.ID) error {
	t.Helper()
	if s := stateOf(t, log, id); s.Status != store.Degraded {
		return errors.New(string(s.Status))
	}
	return nil
}

// The broker may be away, or the cluster, when a change is to be looked at.
func TestAChangeIsRememberedUntilItWasLookedAt(t *testing.T) {
	k := &Keeper{cfg: Config{Cluster: &view{}}}
	kept := store.State{Version: 1, Status: store.Ready, Condition: store.Condition{Standing: store.Up}}
	for name, c := range map[string]struct {
		look look
		want bool
	}{
		"the store couldn't be read": {look{wanted: true}, true},
		"its objects weren't":        {look{wanted: true, state: kept}, true},
		"they were":                  {look{wanted: true, state: kept, inspected: true}, false},
		"nothing was changed":        {look{state: kept}, false},
	} {
		c.look.term, c.look.entry = &term{Keeper: k}, &entry{stands: true}
		if !k.finish(&c.look) || c.look.entry.wanted != c.want {
			t.Errorf("%s: to be looked at: %t", name, c.look.entry.wanted)
		}
	}
}

// stand makes a store that stands, as far as the log knows.
func stand(t *testing.T, log *storelog.Log) store.ID {
	t.Helper()
	return standOf(t, log, "1.0.0")
}

func standOf(t *testing.T, log *storelog.Log, version string) store.ID {
	t.Helper()
	id := store.DeriveID("tenant", rand.Text())
	running := store.Spec{Name: "A store", Engine: "sample", Version: version, Plan: "small"}
	var generation uint64
	for _, m := range []store.Message{
		{Type: store.CreateCommand, Tenant: "tenant", Facts: store.Facts{Spec: &running}},
		{Type: store.AttemptStarted, Facts: store.Facts{Attempt: 1}},
		{Type: store.BecameReady, Facts: store.Facts{URL: "http://example.com"}},
	} {
		after, err := log.Update(t.Context(), id, func(s store.State) (*store.Message, error) {
			m.Actor, m.Time, m.Generation = "test", time.Now(), generation
			return &m, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		generation = after.Generation
	}
	return id
}
