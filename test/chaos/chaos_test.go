// Package chaos holds the platform to its promise while its processes are killed, frozen, cut off and rolled, on a real
// API server without nodes (TEST_KUBECONFIG). `make chaos` does the same for as long as one likes.
package chaos

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/test/internal/chaos"
	"github.com/store-platform/store-platform/test/internal/chaos/chaostest"
)

// clockDivisor makes leases of seven seconds, so that in a minute many run out. `make chaos` leaves the clocks as they are in
// production.
const clockDivisor = 4

// One lab is used in turns, and each turn wants it whole and at rest: the one that is most easily disturbed comes first, the
// one that leaves most last.
func TestAPlatformThatIsRolledPartedAndBrokenKeepsItsPromises(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	o := chaostest.Options(t, "chaos-test")
	o.Clock = clockDivisor
	l := chaostest.Open(ctx, t, o)
	for _, turn := range []struct {
		name string
		take func(*chaos.Lab, context.Context) error
	}{
		{"other settings of the installation reach every store", (*chaos.Lab).Refit},
		{"a rolling restart fails no create and doubles no Helm run", (*chaos.Lab).Roll},
		{"a projector cut from the broker gives way", (*chaos.Lab).Partition},
		{"boards have something to show, and alerts fire in faults of their kind", (*chaos.Lab).Watched},
		{"a minute with each kind of trouble breaks no promise", (*chaos.Lab).Minute},
	} {
		if !t.Run(turn.name, func(t *testing.T) {
			if err := turn.take(l, ctx); err != nil {
				t.Fatal(err)
			}
		}) {
			t.Fatal("what this turn leaves would deceive the next")
		}
	}
}
