package hands

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// It would make that installation's stores once more, in its own cluster.
func TestNoHandWorksOnALogOfAnotherInstallation(t *testing.T) {
	broker := config.NATS{URL: bustest.StartFor(t, "theirs").ConnectedUrl()}
	where := cluster.Config{Kubeconfig: filepath.Join(t.TempDir(), "none yet"), Installation: "mine"}
	if _, err := Open(t.Context(), "janitor", broker, where); !errors.Is(err, storelog.ErrForeignLog) {
		t.Fatalf("got %v", err)
	}
	where.Installation = "theirs"
	process, err := Open(t.Context(), "janitor", broker, where)
	if err != nil {
		t.Fatal(err)
	}
	process.Close()
}
