package claim_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const limit = 100

// start lies before anything that a broker stores in these tests.
var start = time.Date(2020, 11, 24, 12, 0, 0, 0, time.UTC)

// ledger plays the log where a test wants to say what happens between two reads.
type ledger map[store.ID]store.State

func (l ledger) put(id store.ID, tenant string, verb store.Verb, status store.Status) {
	l[id] = store.State{ID: id, Tenant: tenant, Operation: store.Operation{Verb: verb}, Status: status, Version: 1, CreatedAt: start}
}

func (l ledger) last(_ context.Context, id store.ID) (store.State, error) { return l[id], nil }

func claimAt(t *testing.T, book *claim.Book, at time.Time, ids ...store.ID) {
	t.Helper()
	for _, id := range ids {
		if _, err := book.Claim(t.Context(), "tenant", id, limit, at); err != nil {
			t.Fatal(err)
		}
	}
}

func wantHeld(t *testing.T, book *claim.Book, want ...store.ID) {
	t.Helper()
	held, err := book.Held(t.Context(), "tenant")
	slices.Sort(held)
	slices.Sort(want)
	if err != nil || !slices.Equal(held, want) {
		t.Errorf("held are %v, %v; want %v", held, err, want)
	}
}

func open(t *testing.T, nc *nats.Conn) (*storelog.Log, *claim.Book) {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	return log, claim.NewBook(kv)
}

// setup is for what a test says itself of what happens between two reads; there a leader that resigns adds nothing.
func setup(t *testing.T) *claim.Book {
	t.Helper()
	_, book := open(t, bustest.Start(t))
	return book
}

func reconcile(t *testing.T, book *claim.Book, seen claim.Evidence, now time.Time) claim.Mended {
	t.Helper()
	mended, err := book.Reconcile(t.Context(), "tenant", seen, now)
	if err != nil {
		t.Fatal(err)
	}
	return mended
}

func TestOnlyOldClaimsWithoutALiveStoreAreReleased(t *testing.T) {
	book := setup(t)
	log := ledger{}
	live, never, deleted, deleting, others, lost := id(1), id(2), id(3), id(4), id(5), id(6)
	claimAt(t, book, start, live, never, deleted, deleting, others, lost)
	log.put(live, "tenant", store.Create, store.Ready)
	log.put(deleted, "tenant", store.Delete, store.Deleted)
	log.put(deleting, "tenant", store.Delete, store.Deleting)
	log.put(others, "another", store.Create, store.Ready)
	seen := claim.Evidence{Stores: []store.ID{live, deleting}, Spared: []store.ID{lost}, Last: log.last}

	if mended := reconcile(t, book, seen, start.Add(claim.Grace-time.Second)); len(mended.Released) != 0 {
		t.Fatalf("released %v, whose append may be under way", mended.Released)
	}
	mended := reconcile(t, book, seen, start.Add(claim.Grace))
	if !slices.Equal(mended.Released, []store.ID{never, deleted, others}) || len(mended.Added) != 0 {
		t.Errorf("mended %+v", mended)
	}
	wantHeld(t, book, live, deleting, lost)
}

func TestALiveStoreIsClaimedWhateverTheQuota(t *testing.T) {
	book := setup(t)
	log := ledger{}
	live, deleting := id(1), id(2)
	log.put(live, "tenant", store.Retry, store.Failed)
	log.put(deleting, "tenant", store.Delete, store.Deleting)
	mended := reconcile(t, book, claim.Evidence{Stores: []store.ID{live, deleting}, Last: log.last}, start)
	if !slices.Equal(mended.Added, []store.ID{live}) {
		t.Errorf("mended %+v", mended)
	}
	wantHeld(t, book, live)
	if _, err := book.Claim(t.Context(), "tenant", id(3), 1, start); err == nil {
		t.Error("the tenant got a second store, with a quota of one")
	}
}

// The teardown saw no claim to release, and then the sweep made one.
func TestAStoreThatIsDeletedWhileItIsClaimedKeepsNoClaim(t *testing.T) {
	book := setup(t)
	log := ledger{}
	gone := id(1)
	log.put(gone, "tenant", store.Create, store.Ready)
	last := func(ctx context.Context, id store.ID) (store.State, error) {
		defer log.put(gone, "tenant", store.Delete, store.Deleted)
		return log.last(ctx, id)
	}
	reconcile(t, book, claim.Evidence{Stores: []store.ID{gone}, Last: last}, start)
	wantHeld(t, book)
}

// Somebody gave it away between the sweep's look at the log and its write, and found no claim to release.
func TestAStoreThatIsGivenAwayWhileItIsClaimedKeepsNoClaim(t *testing.T) {
	book := setup(t)
	log := ledger{}
	given := id(1)
	log.put(given, "tenant", store.Create, store.Ready)
	last := func(ctx context.Context, id store.ID) (store.State, error) {
		defer log.put(given, "another", store.Create, store.Ready)
		return log.last(ctx, id)
	}
	reconcile(t, book, claim.Evidence{Stores: []store.ID{given}, Last: last}, start)
	wantHeld(t, book)
}

// Who gave a store away releases the claim that it had then: whoever has claimed it for the same tenant since gets it back.
func TestAClaimMadeAnewIsNotReleasedForTheOneBefore(t *testing.T) {
	book := setup(t)
	claimAt(t, book, start, id(1), id(2))
	var marks []claim.Mark
	for n := range 3 {
		mark, err := book.Mark(t.Context(), "tenant", id(n+1))
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, mark)
	}
	claimAt(t, book, start.Add(time.Second), id(1), id(3))
	for _, mark := range marks {
		for range 2 {
			if err := book.ReleaseMarked(t.Context(), "tenant", mark); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantHeld(t, book, id(1), id(3))
}

// A gateway died between claim and append, and its client comes back after ten minutes, between the sweep's look at the
// log and its write.
func TestARepeatedCreateKeepsTheClaimThatASweepIsAboutToRelease(t *testing.T) {
	book := setup(t)
	log := ledger{}
	back := id(1)
	claimAt(t, book, start, back)
	now := start.Add(claim.Grace)
	var once sync.Once
	last := func(ctx context.Context, id store.ID) (store.State, error) {
		before, err := log.last(ctx, id)
		once.Do(func() {
			claimAt(t, book, now, back)
			log.put(back, "tenant", store.Create, store.Queued)
		})
		return before, err
	}
	if mended := reconcile(t, book, claim.Evidence{Last: last}, now); len(mended.Released) != 0 {
		t.Errorf("released %v", mended.Released)
	}
	wantHeld(t, book, back)
}

// Its gateway's clock was two hours ahead when it claimed, and it died before it appended.
func TestAClaimIsNoYoungerThanTheBrokerSays(t *testing.T) {
	book := setup(t)
	claimAt(t, book, time.Now().Add(2*time.Hour), id(1))
	seen := claim.Evidence{Last: ledger{}.last}
	if mended := reconcile(t, book, seen, time.Now()); len(mended.Released) != 0 {
		t.Errorf("released %v at once", mended.Released)
	}
	reconcile(t, book, seen, time.Now().Add(claim.Grace))
	wantHeld(t, book)
}

func TestTenantsAreListedByTheirClaims(t *testing.T) {
	book := setup(t)
	if listed, err := book.List(t.Context()); err != nil || len(listed.Tenants) != 0 {
		t.Fatalf("%v, %v", listed.Tenants, err)
	}
	for n, tenant := range []string{"b", "a"} {
		if _, err := book.Claim(t.Context(), tenant, id(n), limit, start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := book.Claim(t.Context(), "whose stores are gone", id(2), limit, start); err != nil {
		t.Fatal(err)
	}
	if err := book.Release(t.Context(), "whose stores are gone", id(2)); err != nil {
		t.Fatal(err)
	}
	listed, err := book.List(t.Context())
	slices.Sort(listed.Tenants)
	if err != nil || !slices.Equal(listed.Tenants, []string{"a", "b"}) {
		t.Fatalf("%v, %v", listed.Tenants, err)
	}
}

// Stores come and go while sweeps mend: what is claimed in the end are the live stores.
func TestClaimsEqualLiveStoresWhoeverWorksBesideTheSweep(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		log, book := open(t, b.Conns[len(b.Conns)-1])
		b.AwaitStepDown(t)
		const stores = 80
		for n := range 5 {
			claimAt(t, book, time.Now().Add(-claim.Grace), id(1000+n)) // left by dead gateways
		}
		live := live(t, log)
		working, done := context.WithCancel(t.Context())
		var sweeps, workers sync.WaitGroup
		for range 2 {
			sweeps.Go(func() {
				for working.Err() == nil {
					if _, err := book.Reconcile(t.Context(), "tenant", claim.Evidence{Stores: live(), Last: log.Last}, time.Now()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		const gateways = 4
		for g := range gateways {
			workers.Go(func() {
				for n := g; n < stores; n += gateways {
					if err := liveAndDie(t.Context(), log, book, id(n), n%8 < 4); err != nil {
						t.Errorf("store %d: %v", n, err)
					}
				}
			})
		}
		workers.Wait()
		done()
		sweeps.Wait()
		// What came after the last sweep's look.
		reconcile(t, book, claim.Evidence{Stores: live(), Last: log.Last}, time.Now())
		wantHeld(t, book, live()...)
		if len(live()) != stores/2 {
			t.Errorf("%d stores live", len(live()))
		}
	})
}

// live gives a function that lists the stores that aren't deleted, as a sweep does.
func live(t *testing.T, log *storelog.Log) func() []store.ID {
	return func() []store.ID {
		ids, _, err := log.Stores(t.Context(), store.DefaultCluster)
		if err != nil {
			t.Error(err)
		}
		return slices.DeleteFunc(ids, func(id store.ID) bool {
			s, err := log.Last(t.Context(), id)
			return err != nil || s.Status == store.Deleted
		})
	}
}

// liveAndDie does what gateway and janitor do. Every third gateway has lost its claim.
func liveAndDie(ctx context.Context, log *storelog.Log, book *claim.Book, id store.ID, dies bool) error {
	if id[1]%3 != 0 {
		if _, err := book.Claim(ctx, "tenant", id, limit, time.Now()); err != nil {
			return err
		}
	}
	say := func(t store.Type) error {
		_, err := log.Update(ctx, id, func(s store.State) (*store.Message, error) {
			return &store.Message{Type: t, Tenant: "tenant", Actor: "test", Generation: s.Generation, Time: time.Now()}, nil
		})
		return err
	}
	if err := say(store.CreateCommand); err != nil || !dies {
		return err
	}
	if err := say(store.DeleteCommand); err != nil {
		return err
	}
	held, err := book.Held(ctx, "tenant")
	if err != nil {
		return err
	}
	if slices.Contains(held, id) {
		if err := book.Release(ctx, "tenant", id); err != nil {
			return fmt.Errorf("release: %w", err)
		}
	}
	return say(store.BecameDeleted)
}
