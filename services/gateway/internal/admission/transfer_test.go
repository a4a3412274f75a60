package admission

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

const giver, taker = "ip:a", "t-4kq7wmzc3e"

// swept mends both tenants' claims as a sweep does, once claims that nobody has appended for are old, and says who claims the store.
func swept(t *testing.T, parts *bus.Parts, id store.ID) (claiming []string) {
	t.Helper()
	s, err := parts.Log.Last(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{giver, taker} {
		seen := claim.Evidence{Last: parts.Log.Last}
		if s.Tenant == tenant {
			seen.Stores = []store.ID{id}
		}
		if _, err := parts.Claims.Reconcile(t.Context(), tenant, seen, time.Now().Add(claim.Grace)); err != nil {
			t.Fatal(err)
		}
		if held, err := parts.Claims.Held(t.Context(), tenant); err != nil {
			t.Fatal(err)
		} else if slices.Contains(held, id) {
			claiming = append(claiming, tenant)
		}
	}
	return claiming
}

// A gateway that is killed has transferred the store or hasn't; what it leaves of claims, a sweep takes back.
func TestATransferThatIsKilledIsDoneOrIsNotAndASweepMendsTheClaims(t *testing.T) {
	a, log, s := setup(t)
	parts, err := a.bus.Parts()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parts.Claims.Claim(t.Context(), giver, s.ID, 20, time.Now()); err != nil {
		t.Fatal(err)
	}
	operator := principal.KeyHolder(here, "ip:b")
	free := func() error { return nil }
	handed := func(ctx context.Context) *store.Message {
		now, err := log.Last(ctx, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.handing(ctx, &transfer{parts: parts, who: operator, id: s.ID, to: taker}, now, time.Now(), free)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	// Between claim and append.
	handed(t.Context())
	if held, err := parts.Claims.Held(t.Context(), taker); err != nil || len(held) != 1 {
		t.Fatalf("it is said before it is claimed: %v (%v)", held, err)
	}
	if got := swept(t, parts, s.ID); !slices.Equal(got, []string{giver}) {
		t.Errorf("killed before it was said, it is claimed by %v", got)
	}
	// Between append and release.
	m := handed(t.Context())
	m.Store = s.ID
	after, err := log.Append(t.Context(), s, *m)
	if err != nil || after.Tenant != taker {
		t.Fatal(after, err)
	}
	if got := swept(t, parts, s.ID); !slices.Equal(got, []string{taker}) {
		t.Errorf("killed after it was said, it is claimed by %v", got)
	}
	// Whoever asks again finds it done.
	if again, err := a.Transfer(t.Context(), operator, s.ID, taker); err != nil || again.Version != after.Version {
		t.Errorf("again: %+v (%v)", again, err)
	}
}

// What nobody knows to have been refused may be so, and then needs its claim.
func TestAClaimIsKeptWhereATransferIsInDoubt(t *testing.T) {
	for err, want := range map[error]bool{
		errors.Join(storelog.ErrLogFull, storelog.ErrInDoubt): false, errors.Join(storelog.ErrNewerSchema, storelog.ErrConflict): false,
		context.DeadlineExceeded: false, storelog.ErrLogFull: true, storelog.ErrUpgrading: true,
	} {
		if got := (&transfer{}).certain(err); got != want {
			t.Errorf("%v is certain: %t", err, got)
		}
	}
	if !(&transfer{refused: store.ErrDeleted}).certain(store.ErrDeleted) {
		t.Error("what was never sent is in doubt")
	}
}
