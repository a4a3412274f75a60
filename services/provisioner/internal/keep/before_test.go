package keep

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// What one of that release says of a store that only its pack's check calls ill is the contrary of what these say.
func TestAKeeperOfTheReleaseBeforeKeepsNothingBesideThese(t *testing.T) {
	t.Parallel()
	log := openLogBy(t, 3)
	leases, err := lease.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	// As it does it.
	before, err := leases.Take(t.Context(), "keeper", "before")
	if err != nil {
		t.Fatal(err)
	}
	kept, release := before.Hold(t.Context())
	defer release()
	begin := func(name string) (*Keeper, func()) {
		return keeping(t, Config{
			Holder: name, Log: log, Cluster: &view{tell: make(chan func(cluster.Change), 1)},
			Available: func(context.Context) error { return nil },
		})
	}
	first, stopFirst := begin("first")
	waittest.Eventually(t, func() error {
		if err := context.Cause(kept); !errors.Is(err, lease.ErrLost) {
			return fmt.Errorf("it goes on, or ended with %w", err)
		}
		return nil
	})
	second, stopSecond := begin("second")
	waittest.Eventually(t, func() error { return divided(first, second) })
	stopFirst()
	if _, err := leases.Take(t.Context(), "keeper", "before"); !errors.Is(err, lease.ErrHeld) {
		t.Fatalf("with one of these left it got %v", err)
	}
	// The way back.
	stopSecond()
	if _, err := leases.Take(t.Context(), "keeper", "before"); err != nil {
		t.Fatalf("with none of these left it got %v", err)
	}
}
