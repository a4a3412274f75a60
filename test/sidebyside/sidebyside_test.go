// Package sidebyside runs the services of the release before and the clone's on one log, one database and one cluster: a
// release lives beside the next one until an operator says that it doesn't any more, and does no harm if it does all the same.
// The cluster is a real API server without nodes (TEST_KUBECONFIG).
package sidebyside

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/test/internal/before"
	"github.com/store-platform/store-platform/test/internal/chaos"
	"github.com/store-platform/store-platform/test/internal/repo"
)

func TestTwoReleasesWorkOnOneLogAndTheFormerGoesOnAlone(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if err := open(ctx, t).Upgrade(ctx); err != nil {
		t.Fatal(err)
	}
}

// open starts a lab of the release before, whose folder is kept until the next run.
func open(ctx context.Context, t *testing.T) *chaos.Lab {
	t.Helper()
	kubeconfig := os.Getenv("TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("needs a Kubernetes API: run through make test")
	}
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := before.Paths(ctx, root)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, ".local", "sidebyside")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	l, err := chaos.Open(ctx, chaos.Options{Repo: root, Folder: folder, Kubeconfig: kubeconfig, Out: t.Output(), Clock: 1, Before: programs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}
