// Package scaling starts provisioners and takes them away again while stores are made, as an autoscaler does, and looks on with
// its eyes. The cluster is a real API server without nodes (TEST_KUBECONFIG).
package scaling

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/test/internal/chaos/chaostest"
)

func TestProvisionersComeAndGoUnderLoadAndNoAttemptIsLost(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	o := chaostest.Options(t, "scaling")
	// Who is asked to end gives what it works on a second, and the pods are held back for longer than that.
	o.Clock, o.Provisioners, o.Slots = 4, 4, 4
	stores := 500
	if testing.Short() {
		stores = 40
	}
	if err := chaostest.Open(ctx, t, o).Scale(ctx, stores); err != nil {
		t.Fatal(err)
	}
}
