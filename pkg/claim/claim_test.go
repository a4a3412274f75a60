package claim_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// each runs a test on one broker and on three; books are the same one behind each broker.
func each(t *testing.T, test func(t *testing.T, books []*claim.Book, resigned func(int64) bool)) {
	t.Helper()
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		var books []*claim.Book
		for _, nc := range b.Conns {
			_, book := open(t, nc)
			books = append(books, book)
		}
		b.AwaitStepDown(t)
		test(t, books, b.Resigned)
	})
}

func id(n int) store.ID { return store.DeriveID("tenant", fmt.Sprint(n)) }

func TestTheQuotaIsExactForManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, books []*claim.Book, resigned func(int64) bool) {
		const limit, asked = 10, 40
		for turn := 0; turn == 0 || !resigned(18); turn++ {
			tenant := fmt.Sprint("tenant ", turn)
			var granted atomic.Int32
			var group sync.WaitGroup
			for n := range asked {
				group.Go(func() {
					err := claimed(t, books[n%len(books)], tenant, id(n), limit)
					switch {
					case err == nil:
						granted.Add(1)
					case !errors.Is(err, claim.ErrQuota):
						t.Errorf("claim %d: %v", n, err)
					}
				})
			}
			group.Wait()
			held, err := books[0].Held(t.Context(), tenant)
			if err != nil || granted.Load() != limit || len(held) != limit {
				t.Fatalf("%d granted, %d held, %v", granted.Load(), len(held), err)
			}
		}
	})
}

// claimed claims until it isn't just that others got ahead.
func claimed(t *testing.T, book *claim.Book, tenant string, id store.ID, limit int) error {
	for {
		if _, err := book.Claim(t.Context(), tenant, id, limit, time.Now()); !errors.Is(err, storelog.ErrContended) {
			return err
		}
	}
}

func TestClaimingTwiceIsClaimingOnceAndSoIsReleasing(t *testing.T) {
	each(t, func(t *testing.T, books []*claim.Book, resigned func(int64) bool) {
		here, there := books[0], books[len(books)-1]
		for turn := 0; turn == 0 || !resigned(18); turn++ {
			tenant := fmt.Sprint("tenant ", turn)
			for range 2 {
				if _, err := here.Claim(t.Context(), tenant, id(1), 1, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := there.Claim(t.Context(), tenant, id(2), 1, time.Now()); !errors.Is(err, claim.ErrQuota) {
				t.Fatalf("a second store got %v", err)
			}
			if _, err := there.Claim(t.Context(), tenant+" another", id(2), 1, time.Now()); err != nil {
				t.Fatalf("tenants share a quota: %v", err)
			}
			for range 2 {
				if err := there.Release(t.Context(), tenant, id(1)); err != nil {
					t.Fatal(err)
				}
			}
			// Whoever has room is not told otherwise by a broker that hasn't heard of it.
			if _, err := here.Claim(t.Context(), tenant, id(3), 1, time.Now()); err != nil {
				t.Fatalf("after a release: %v", err)
			}
			if held, err := there.Held(t.Context(), tenant); err != nil || len(held) != 1 || held[0] != id(3) {
				t.Fatalf("%v, %v", held, err)
			}
		}
	})
}
