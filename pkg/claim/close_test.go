package claim_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/claim"
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
