package limits

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// clock is moved by the test.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// fleet is how many gateways share the buckets; the test says so.
type fleet int

func (f *fleet) count() int { return int(*f) }

func setup(rate Rate) (*Buckets, *clock, *fleet) {
	at, gateways := &clock{time.Unix(1000, 0)}, fleet(1)
	return New(Commands, rate, gateways.count, at.now), at, &gateways
}

// takes is how many tokens can be had, one by one, before a refusal.
func (b *Buckets) takes(t *testing.T, tenant string) (taken int) {
	t.Helper()
	for {
		err := b.Take(t.Context(), tenant, 1)
		if err == nil {
			taken++
			continue
		}
		if !errors.As(err, new(*EmptyError)) {
			t.Fatal(err)
		}
		return taken
	}
}

// standsAt takes nothing, and tells what is in the tenant's bucket.
func (b *Buckets) standsAt(t *testing.T, tenant string) int {
	t.Helper()
	var n note
	if err := b.Take(context.WithValue(t.Context(), noteKey{}, &n), tenant, 0); err != nil {
		t.Fatal(err)
	}
	return n.standings[0].remaining
}

func TestATenantPaysForItselfAlone(t *testing.T) {
	b, at, _ := setup(Rate{3, 0.5})
	if taken := b.takes(t, "a"); taken != 3 {
		t.Fatalf("%d tokens were had of 3", taken)
	}
	// Asking costs nothing, or who asks too often would never be let in again.
	for range 10 {
		var refused *EmptyError
		if err := b.Take(t.Context(), "a", 1); !errors.As(err, &refused) || refused.After != 2*time.Second || refused.Bucket != Commands {
			t.Fatalf("got %v, want a refusal for two seconds", err)
		}
	}
	if err := b.Take(t.Context(), "b", 1); err != nil {
		t.Errorf("another tenant is refused: %v", err)
	}
	at.Time = at.Add(2 * time.Second)
	if taken := b.takes(t, "a"); taken != 1 {
		t.Errorf("after the time that it was told there are %d tokens, not one", taken)
	}
}

func TestSeveralMessagesArePaidForAtOnceOrNotAtAll(t *testing.T) {
	b, _, _ := setup(Rate{3, 0.5})
	if err := b.Take(t.Context(), "a", 2); err != nil {
		t.Fatal(err)
	}
	var refused *EmptyError
	if err := b.Take(t.Context(), "a", 2); !errors.As(err, &refused) || refused.After != 2*time.Second {
		t.Errorf("one token is left of two: %v", err)
	}
	if err := b.Take(t.Context(), "a", 1); err != nil {
		t.Errorf("it was taken all the same: %v", err)
	}
	if err := b.Take(t.Context(), "b", 5); err != nil {
		t.Errorf("more than there ever is can't be had from a full bucket: %v", err)
	}
	if err := b.Take(t.Context(), "b", 1); err == nil {
		t.Error("it has left something in the bucket")
	}
}

func TestWithoutACapacityNobodyIsCounted(t *testing.T) {
	b, _, _ := setup(Rate{})
	for range 100 {
		if err := b.Take(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
	}
}

// All gateways together give what one gives, but for what division leaves; and none gives nothing.
func TestGatewaysShareALimit(t *testing.T) {
	for _, c := range []struct{ gateways, share int }{{1, 10}, {2, 5}, {3, 3}, {10, 1}, {25, 1}} {
		b, at, gateways := setup(Rate{10, 1})
		*gateways = fleet(c.gateways)
		if taken := b.takes(t, "a"); taken != c.share {
			t.Errorf("one of %d gateways gives %d of 10, want %d", c.gateways, taken, c.share)
		}
		at.Time = at.Add(time.Duration(c.gateways) * time.Second)
		if taken := b.takes(t, "a"); taken != 1 {
			t.Errorf("one of %d gateways has %d back after its share of the time, want one", c.gateways, taken)
		}
	}
}

// Buckets keep how full they are in proportion: who has spent all gets nothing by a gateway that comes or goes, and who has
// spent nothing has all of its share.
func TestAShareThatChangesLeavesBucketsAsFullAsTheyWere(t *testing.T) {
	b, _, gateways := setup(Rate{12, 1})
	b.takes(t, "spent")
	if err := b.Take(t.Context(), "half", 6); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ gateways, spent, half, unspent int }{
		{gateways: 3, spent: 0, half: 2, unspent: 4},
		{gateways: 2, spent: 0, half: 3, unspent: 6},
		{gateways: 1, spent: 0, half: 6, unspent: 12},
		{gateways: 4, spent: 0, half: 1, unspent: 3},
		{gateways: 1, spent: 0, half: 6, unspent: 12},
	} {
		*gateways = fleet(c.gateways)
		spent, half, unspent := b.standsAt(t, "spent"), b.standsAt(t, "half"), b.standsAt(t, "unspent")
		if spent != c.spent || half != c.half || unspent != c.unspent {
			t.Errorf("with %d gateways there are %d, %d and %d, want %d, %d and %d",
				c.gateways, spent, half, unspent, c.spent, c.half, c.unspent)
		}
	}
}

func TestRatesThatMakeNoSenseAreRefused(t *testing.T) {
	for rate, names := range map[Rate]string{
		{-1, 1}: "C=-1", {1_000_001, 1}: "C=1000001", {1, 0}: "R=0", {1, -1}: "R=-1", {1, 100_001}: "R=100001",
		{1_000_000, 1e-6}: "R=1e-06",
	} {
		if err := rate.Check("C", "R"); err == nil || err.Error()[:len(names)] != names {
			t.Errorf("%v: %v, which doesn't begin with %s", rate, err, names)
		}
	}
	for _, rate := range []Rate{{}, {1, 1}, {1_000_000, 100_000}, {200, 0.1}, {1, 1e-7}} {
		if err := rate.Check("C", "R"); err != nil {
			t.Errorf("%v: %v", rate, err)
		}
	}
}

// Tenants are as many as addresses, and memory isn't.
func TestBucketsThatAreFullAgainAreForgotten(t *testing.T) {
	b, at, _ := setup(Rate{2, 1})
	for n := range 10 * sparse {
		if n%sparse == 0 {
			b.takes(t, "busy")
		}
		if err := b.Take(t.Context(), fmt.Sprint(n), 1); err != nil {
			t.Fatal(err)
		}
		at.Time = at.Add(time.Millisecond)
	}
	if kept := len(b.shelf.full); kept > 2*sparse {
		t.Errorf("%d buckets are kept", kept)
	}
	b.takes(t, "busy")
	for n := range 3 * sparse {
		if err := b.Take(t.Context(), fmt.Sprint("other ", n), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Take(t.Context(), "busy", 1); err == nil {
		t.Error("who has spent all was forgotten")
	}
}
