// Package chaos holds the platform to its promise while its processes are killed, frozen, cut off and rolled, on a real
// API server without nodes (TEST_KUBECONFIG). `make chaos` does the same for as long as one likes.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/test/internal/chaos"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// The tests run side by side: each has processes, ways and stores of its own, and most of each is waiting.

// options are a run's whose folder is kept until the next one, because a failure is told by the logs in it.
func options(t *testing.T, name string) chaos.Options {
	t.Helper()
	kubeconfig := os.Getenv("TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("needs a Kubernetes API: run through make test")
	}
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, ".local", "chaos-"+name)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	return chaos.Options{Repo: root, Folder: folder, Kubeconfig: kubeconfig, Out: t.Output(), Seed: seed(t)}
}

// interruptible ends a run by Ctrl-C too, so that no frozen process stays behind.
func interruptible(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	return ctx
}

// seed is SEED, or another one each time.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("SEED")
	if text == "" {
		text = fmt.Sprint(1 + rand.Uint64N(1_000_000))
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("read SEED: %v", err)
	}
	return number
}

func TestThreeMinutesOfChaosBreakNoPromise(t *testing.T) {
	t.Parallel()
	o := options(t, "test")
	o.Length = 3 * time.Minute
	if err := chaos.Run(interruptible(t), o); err != nil {
		t.Fatal(err)
	}
}

func TestARollingRestartFailsNoCreateAndDoublesNoHelmRun(t *testing.T) {
	t.Parallel()
	o := options(t, "roll")
	o.SlowestStart = 12 * time.Second
	if err := chaos.Roll(interruptible(t), o); err != nil {
		t.Fatal(err)
	}
}

func TestAProjectorCutFromTheBrokerGivesWay(t *testing.T) {
	t.Parallel()
	if err := chaos.Partition(interruptible(t), options(t, "partition")); err != nil {
		t.Fatal(err)
	}
}
