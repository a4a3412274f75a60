package sweep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestManySweepersAskOnce(t *testing.T) {
	b := setup(t)
	strays := []store.ID{b.store(true, deleted...), b.store(true, deleted...)}
	where := b.cluster()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			s := b.sweeper(where)
			for range 5 {
				if err := s.Sweep(t.Context()); err != nil && !errors.Is(err, lease.ErrHeld) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, id := range strays {
		b.wantCommand(id, store.DeleteCommand, "StrayNamespace")
	}
}

func TestOneSweepRunsAtATime(t *testing.T) {
	b := setup(t)
	b.store(true, deleted...)
	b.sweepIn(&between{Cluster: b.cluster(), act: func() {
		if err := b.sweeper(b.cluster()).Sweep(t.Context()); !errors.Is(err, lease.ErrHeld) {
			t.Errorf("a second sweep beside it: %v", err)
		}
	}})
}

// It slept between its look and its words; meanwhile the lease ran out, another swept, and the janitor removed. The
// namespace that it knows of is there again.
func TestASweeperThatWasFrozenAsksForNothing(t *testing.T) {
	b := setup(t)
	id := b.store(true, deleted...)
	frozen := &between{Cluster: b.cluster(), act: func() {
		// What the broker does when the TTL is over.
		leases := b.bucket(storelog.BucketLeases)
		err := leases.Purge(t.Context(), leaseKey)
		for tries := 1; storelog.Unanswered(err) && tries < 20; tries++ {
			err = leases.Purge(t.Context(), leaseKey)
		}
		if err != nil {
			t.Error(err)
		}
		wantSubmitted(t, b.sweep(), 1)
		b.say(id, store.AttemptStarted, store.BecameDeleted)
	}}
	// It may learn of its loss before it has come to its words.
	if err := b.sweeper(frozen).Sweep(t.Context()); err != nil && !errors.Is(err, lease.ErrLost) {
		t.Fatal(err)
	}
	b.wantCommand(id, store.DeleteCommand, "StrayNamespace")
}

// Whichever process ticks: the installation is swept once in a while, not once for each janitor.
func TestAnInstallationIsNotSweptAgainAtOnce(t *testing.T) {
	b := setup(t)
	s := b.sweeper(b.cluster())
	swept := func() time.Time {
		t.Helper()
		if err := s.take(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		return b.report().At
	}
	first := swept()
	if again := swept(); first.IsZero() || !again.Equal(first) {
		t.Errorf("swept at %s and again at %s", first, again)
	}
	b.ahead.Store(int64(time.Hour))
	if again := swept(); again.Equal(first) {
		t.Error("not swept after an hour")
	}
	// A report that can't be read, and one from tomorrow, keep nobody from sweeping.
	if _, err := b.platform.Put(t.Context(), "sweep", []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	swept()
	b.ahead.Store(0)
	if again := swept(); again.After(time.Now()) {
		t.Errorf("the newest report is of %s", again)
	}
}

// victim makes the test binary the process that is killed; its value is the broker's address.
const victim = "SWEEP_VICTIM"

const looked = "looked"

// dieSweeping sweeps until it has looked, says so, and waits to be killed.
func dieSweeping() {
	err := func() error {
		nc, err := nats.Connect(os.Getenv(victim), bustest.Patient)
		if err != nil {
			return err
		}
		where, err := connect(os.Getenv("SWEEP_KUBECONFIG"), os.Getenv("SWEEP_INSTALLATION"))
		if err != nil {
			return err
		}
		s, err := New(Config{
			Installation: os.Getenv("SWEEP_INSTALLATION"), Holder: victim, Now: time.Now,
			Cluster:   &between{Cluster: where, act: func() { fmt.Println(looked); select {} }},
			Live:      live(nc),
			Available: func(context.Context) error { return nil },
			Open:      func(ctx context.Context) (*storelog.Log, error) { return storelog.Open(ctx, nc) },
		})
		if err != nil {
			return err
		}
		return s.Sweep(context.Background())
	}()
	fmt.Println("ended:", err)
	os.Exit(1)
}

func TestAnotherSweepsWhenOneWasKilledInBetween(t *testing.T) {
	b := setup(t)
	id := b.store(true, deleted...)
	// The broker forgets a dead sweeper's lease sooner than in production.
	config := jetstream.KeyValueConfig{Bucket: storelog.BucketLeases, TTL: storelog.LeaseTTL / 4, Storage: jetstream.FileStorage}
	if _, err := b.log.JetStream().UpdateKeyValue(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), victim+"="+b.nc.ConnectedUrl(), "SWEEP_KUBECONFIG="+b.kubeconfig, "SWEEP_INSTALLATION="+b.installation)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Join(process); err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	awaitLine(t, bufio.NewScanner(out), looked)
	if err := b.sweeper(b.cluster()).Sweep(t.Context()); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("beside a sweep that runs: %v", err)
	}
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()
	if said := b.swept(id); len(said) != 0 {
		t.Fatalf("it said %+v before it was killed", said)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for s := b.sweeper(b.cluster()); ; {
		err := s.Sweep(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, lease.ErrHeld) {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	b.wantCommand(id, store.DeleteCommand, "StrayNamespace")
	if report := b.report(); report.By != "test" {
		t.Errorf("the report is by %q", report.By)
	}
}
