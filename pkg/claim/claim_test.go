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

func setup(t *testing.T) *claim.Book {
	t.Helper()
	log, err := storelog.Open(t.Context(), bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	return claim.NewBook(kv)
}

func id(n int) store.ID { return store.DeriveID("tenant", fmt.Sprint(n)) }

func TestTheQuotaIsExactForManyAtOnce(t *testing.T) {
	book := setup(t)
	const limit, asked = 10, 40
	var granted atomic.Int32
	var group sync.WaitGroup
	for n := range asked {
		group.Go(func() {
			err := book.Claim(t.Context(), "tenant", id(n), limit, time.Now())
			switch {
			case err == nil:
				granted.Add(1)
			case !errors.Is(err, claim.ErrQuota):
				t.Errorf("claim %d: %v", n, err)
			}
		})
	}
	group.Wait()
	held, err := book.Held(t.Context(), "tenant")
	if err != nil || granted.Load() != limit || len(held) != limit {
		t.Fatalf("%d granted, %d held, %v", granted.Load(), len(held), err)
	}
}

func TestClaimingTwiceIsClaimingOnceAndSoIsReleasing(t *testing.T) {
	book := setup(t)
	for range 2 {
		if err := book.Claim(t.Context(), "tenant", id(1), 1, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Claim(t.Context(), "another", id(2), 1, time.Now()); err != nil {
		t.Fatalf("tenants share a quota: %v", err)
	}
	for range 2 {
		if err := book.Release(t.Context(), "tenant", id(1)); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := book.Held(t.Context(), "tenant"); err != nil || len(held) != 0 {
		t.Fatalf("%v, %v", held, err)
	}
}
