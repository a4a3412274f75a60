package work

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	childEnv = "WORK_TEST_BROKER"
	// mildEnv has a child do its work.
	mildEnv = "WORK_TEST_MILD"
	// knowsTheLine is where each child says once that it has heard the log.
	knowsTheLine = "test.knows"
	// shortLease leaves six seconds of trust: a busy machine may stall that long, and five crashes must not take minutes.
	shortLease = storelog.LeaseTTL / 4
	innocents  = 6
	poisonous  = store.ID("spoisonaaaaa")
)

func innocent(i int) store.ID { return store.ID(fmt.Sprintf("sinnocent%03d", i)) }

func TestMain(m *testing.M) {
	guard.Main()
	if url := os.Getenv(childEnv); url != "" {
		if err := child(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child is a worker's process.
func child(url string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	nc, err := nats.Connect(url, bustest.Patient)
	if err != nil {
		return err
	}
	defer nc.Close()
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return err
	}
	cfg := Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 2 * innocents, Holder: fmt.Sprint(os.Getpid())}
	hand := Hand(&murderous{begun: make(chan struct{}, innocents)})
	if os.Getenv(mildEnv) != "" {
		hand, cfg.Slots = provisioner(step("release", brief)), mildSlots
	}
	w, err := New(ctx, log, hand, cfg)
	if err != nil {
		return err
	}
	w.timing = quick
	// Or what rests came again more often than so few slots can look at, and nothing else came.
	w.timing.placesApart, w.timing.waitAtMost = production.placesApart/10, production.waitAtMost/10
	// On a machine that is slow nobody is passed over for that.
	w.timing.idle = time.Hour
	go func() {
		<-w.turns.isKnown
		_ = nc.Publish(knowsTheLine, nil)
	}()
	return w.Run(ctx)
}

// murderous is a hand whose step kills the process for one store. As long as they aren't tried alone, the others'
// steps end with their process only.
type murderous struct{ begun chan struct{} }

func (*murderous) Available(context.Context, store.State) error { return nil }

func (h *murderous) Operation(s store.State, _ *Trust) (Operation, error) {
	apply := h.live
	switch {
	case s.ID == poisonous:
		apply = h.die(s.Crashes >= crashesAtLarge)
	case s.Crashes >= crashesAtLarge:
		apply = succeed
	}
	return Operation{Steps: []Step{step("release", apply)}, Finish: func() (store.Type, store.Facts) {
		return store.BecameReady, store.Facts{}
	}}, nil
}

func (h *murderous) live(ctx context.Context) error {
	h.begun <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

// die waits for all others to be under way, unless it is tried alone.
func (h *murderous) die(alone bool) func(context.Context) error {
	return func(context.Context) error {
		for range innocents {
			if !alone {
				<-h.begun
			}
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
}

// A command that kills its worker every time fails in the end, and costs none of those beside it more than two attempts; a
// machine that is busy may cost each one more.
func TestACommandThatKillsItsWorkerTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.shortenLeases()
	b.commandFor(poisonous, store.Create)
	for i := range innocents {
		b.commandFor(innocent(i), store.Create)
	}
	deaths := b.keepAlive(nil)
	last := map[store.ID]store.State{}
	b.await(func(e storelog.Entry) bool {
		if !e.State.InFlight() {
			last[e.Message.Store] = e.State
		}
		return len(last) == innocents+1
	})
	if s := last[poisonous]; s.Status != store.Failed || s.Reason != "AttemptsExhausted" || s.Attempt != store.MaxAttempts {
		t.Errorf("the one that kills is %s (%s) after %d attempts", s.Status, s.Reason, s.Attempt)
	}
	for i := range innocents {
		if s := last[innocent(i)]; s.Status != store.Ready || s.Attempt <= crashesAtLarge || s.Attempt > crashesAtLarge+2 {
			t.Errorf("%s is %s (%s) after %d attempts", s.ID, s.Status, s.Reason, s.Attempt)
		}
	}
	if n := deaths(); n <= crashesAtLarge || n > store.MaxAttempts {
		t.Errorf("%d workers died, want %d to %d: one an attempt that began", n, crashesAtLarge+1, store.MaxAttempts)
	}
}

func (b *testBench) shortenLeases() {
	b.t.Helper()
	_, err := b.log.JetStream().UpdateKeyValue(b.t.Context(), jetstream.KeyValueConfig{
		Bucket: storelog.BucketLeases, TTL: shortLease, Storage: jetstream.FileStorage, Replicas: 1,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// keepAlive runs a worker's process again whenever it dies, and returns how to end it and how often it died. Each that kill tells
// kills it.
func (b *testBench) keepAlive(kill <-chan struct{}, env ...string) (deaths func() int) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	died := 0
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			process := exec.CommandContext(ctx, os.Args[0])
			process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
			process.Env = append(append(os.Environ(), childEnv+"="+b.nc.ConnectedUrl()), env...)
			if err := guard.Join(process); err != nil {
				b.t.Error(err)
				return
			}
			err := endOf(process, kill)
			if ctx.Err() != nil {
				return
			}
			if died++; process.ProcessState.ExitCode() != -1 {
				b.t.Errorf("the worker ended by itself: %v", err)
				return
			}
		}
	})
	end := sync.OnceFunc(func() { cancel(); running.Wait() })
	b.t.Cleanup(end)
	return func() int { end(); return died }
}

// endOf runs a process to its end, which kill may bring about.
func endOf(process *exec.Cmd, kill <-chan struct{}) error {
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-kill:
		return errors.Join(process.Process.Kill(), <-ended)
	}
}

// A panic is the failure of an attempt, not the end of the process, and what was panicked with is told to nobody.
func TestAPanicIsTriedAgain(t *testing.T) {
	b := setup(t)
	panicked := false
	b.provision(provisioner(step("release", func(context.Context) error {
		if !panicked {
			panicked = true
			panic("secret")
		}
		return nil
	})))
	b.command(store.Create)
	for _, e := range b.awaitType(store.BecameReady) {
		if f := e.Message.Facts; e.Message.Type == store.RetryScheduled && (f.Reason != "Panicked" || f.Detail != "" || f.Step != "release") {
			t.Errorf("it says %+v", f)
		}
	}
}
