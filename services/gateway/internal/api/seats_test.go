package api

import (
	"errors"
	"fmt"
	"testing"
)

func TestWhoIsServedForLongIsBounded(t *testing.T) {
	t.Parallel()
	s := seats{atOnce: 100, perTenant: 10}
	let := 0
	for i := range 200 {
		if s.enter(fmt.Sprint(i%20)) == nil {
			let++
		}
	}
	if let != 100 || !errors.Is(s.enter("another"), errNoSeat) {
		t.Errorf("%d are served at once", let)
	}
	s.leave("0")
	if s.enter("another") != nil || s.enter("one more") == nil {
		t.Error("a seat that was left isn't had once")
	}
	s = seats{atOnce: 100, perTenant: 10}
	for range 10 {
		_ = s.enter("one")
	}
	if !errors.Is(s.enter("one"), errTenantsSeats) || s.enter("two") != nil {
		t.Error("a tenant's own bound isn't its own")
	}
}
