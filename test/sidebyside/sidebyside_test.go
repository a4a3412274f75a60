// Package sidebyside runs the services of the release before and the clone's on one log, one database and one cluster: a
// release lives beside the next one until an operator says that it doesn't any more, and does no harm if it does all the same.
// The cluster is a real API server without nodes (TEST_KUBECONFIG), which is also where the charts of both are upgraded to each other.
package sidebyside

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/test/internal/before"
	"github.com/store-platform/store-platform/test/internal/chaos/chaostest"
)

func TestTwoReleasesWorkOnOneLogAndTheFormerGoesOnAlone(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	o := chaostest.Options(t, "sidebyside")
	o.Clock = 1
	var err error
	if o.Before, err = before.Paths(ctx, o.Repo); err != nil {
		t.Fatal(err)
	}
	lab := chaostest.Open(ctx, t, o)
	if !testing.Short() {
		// It looks on for a minute.
		if err := lab.Beside(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := lab.Upgrade(ctx); err != nil {
		t.Fatal(err)
	}
}
