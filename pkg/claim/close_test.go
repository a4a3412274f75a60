package claim_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Of a create and a deletion of its tenant at the same moment one is refused, behind whichever broker each is, and also where
// the one who creates has just created and remembers.
func TestATenantIsClosedOrHasAStoreAndNeverBoth(t *testing.T) {
	each(t, func(t *testing.T, books []*claim.Book, resigned func(int64) bool) {
		here, there := books[0], books[len(books)-1]
		closed, held := 0, 0
		for turn := 0; turn < 12 || !resigned(6); turn++ {
			tenant := fmt.Sprint("tenant ", turn)
			if turn%3 == 0 {
				remember(t, here, there, tenant)
			}
			var refused, claim error
			both := []func(){
				func() { claim = claimed(t, here, tenant, id(2), 9) },
				func() { refused = there.Close(t.Context(), tenant) },
			}
			var group sync.WaitGroup
			group.Go(both[turn%2])
			both[1-turn%2]()
			group.Wait()
			switch {
			case refused == nil && errors.Is(claim, errClosed):
				closed++
			case isHeld(refused) && claim == nil:
				held++
			default:
				t.Fatalf("closing: %v, claiming: %v", refused, claim)
			}
			if refused == nil {
				if ids, err := there.Held(t.Context(), tenant); err != nil || len(ids) != 0 {
					t.Fatalf("a closed tenant has %v, %v", ids, err)
				}
				if err := there.Close(t.Context(), tenant); err != nil {
					t.Fatalf("closing twice: %v", err)
				}
			}
		}
		if closed == 0 || held == 0 {
			t.Errorf("closed came first %d times and the claim %d times: nothing is shown", closed, held)
		}
	})
}

// remember has a tenant's store come and go, behind two brokers.
func remember(t *testing.T, here, there *claim.Book, tenant string) {
	t.Helper()
	if _, err := here.Claim(t.Context(), tenant, id(1), 9, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := there.Close(t.Context(), tenant); !isHeld(err) {
		t.Fatalf("closing a tenant with a store: %v", err)
	}
	if err := there.Release(t.Context(), tenant, id(1)); err != nil {
		t.Fatal(err)
	}
}

var errClosed = claim.ErrClosed

func isHeld(err error) bool {
	var held *claim.HeldError
	return errors.As(err, &held) && held.Claims == 1
}

// That a tenant was closed is known for a day, and then there is nothing left of it; of those that have stores all stays.
func TestAClosedTenantIsForgotten(t *testing.T) {
	nc := bustest.Start(t)
	_, book := open(t, nc)
	for _, tenant := range []string{"gone", "gone too"} {
		if err := book.Close(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	if err := claimed(t, book, "standing", id(1), 9); err != nil {
		t.Fatal(err)
	}
	forgets := func(later time.Duration) {
		t.Helper()
		listed, err := book.List(t.Context())
		if err != nil || !slices.Equal(listed.Tenants, []string{"standing"}) {
			t.Fatalf("listed are %v, %v", listed.Tenants, err)
		}
		if err := book.Forget(t.Context(), listed, time.Now().Add(later)); err != nil {
			t.Fatal(err)
		}
	}
	forgets(claim.Remembered - time.Hour)
	if err := claimed(t, book, "gone", id(2), 9); !errors.Is(err, errClosed) {
		t.Errorf("within a day: %v", err)
	}
	forgets(claim.Remembered + time.Hour)
	if ids, err := book.Held(t.Context(), "standing"); err != nil || len(ids) != 1 {
		t.Errorf("who has a store holds %v, %v", ids, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), storelog.StreamOf(storelog.BucketClaims))
	if err != nil {
		t.Fatal(err)
	}
	marks := 0
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(m.Data, []byte("gone")) || len(m.Data) == 0 && m.Header.Get("Nats-TTL") == "" {
			t.Errorf("left is %v %s", m.Header, m.Data)
		}
		if len(m.Data) == 0 {
			marks++
		}
	}
	if marks != 2 {
		t.Errorf("%d were forgotten, not two", marks)
	}
}
