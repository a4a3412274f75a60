// Package chaostest opens a lab for a test.
package chaostest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/store-platform/store-platform/test/internal/chaos"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// Options are those of a lab of the clone on the tests' Kubernetes, in an empty folder of this name. It is kept until the next
// run, because a failure is told by the logs in it. The test is skipped where there is no Kubernetes.
func Options(t *testing.T, folder string) chaos.Options {
	t.Helper()
	o := chaos.Options{Kubeconfig: os.Getenv("TEST_KUBECONFIG"), Out: t.Output()}
	if o.Kubeconfig == "" {
		t.Skip("needs a Kubernetes API: run through make test")
	}
	var err error
	if o.Repo, err = repo.Root(); err == nil {
		o.Folder = filepath.Join(o.Repo, ".local", folder)
		err = os.RemoveAll(o.Folder)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Open opens a lab that ends with the test.
func Open(ctx context.Context, t *testing.T, o chaos.Options) *chaos.Lab {
	t.Helper()
	l, err := chaos.Open(ctx, o)
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
