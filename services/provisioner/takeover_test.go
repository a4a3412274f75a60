package provisioner_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// A provisioner that is killed is replaced by another, which goes on where it got to.
func TestKilledWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	for during, c := range map[string]struct {
		behind string
		clock  clock.Divisor
	}{"the Helm call": {"credentials", hurried}, "the wait": {"release", production}} {
		t.Run(during, func(t *testing.T) {
			b := setupBy(t, c.clock)
			b.shop.open.Store(true)
			first := b.start("provisioner")
			id := b.create()
			b.awaitStep(id, c.behind)
			first.kill()
			b.startKubelet()
			b.start("provisioner")
			b.requireAttempts(t, b.awaitType(id, store.BecameReady), 2)
		})
	}
}

// A worker that is frozen for longer than its lease writes nothing when it wakes: the store is somebody else's.
func TestFrozenWorkerWritesNothing(t *testing.T) {
	b := setupBy(t, production)
	b.shop.open.Store(true)
	first := b.start("provisioner")
	id := b.create()
	b.awaitStep(id, "release")
	b.signal(first, syscall.SIGSTOP)
	b.startKubelet()
	b.start("provisioner")
	b.awaitType(id, store.BecameReady)
	before := b.state(id).Version
	b.signal(first, syscall.SIGCONT)
	b.awaitOutput(first, "the lease was lost", "superseded")
	if after := b.state(id); after.Version != before || after.Status != store.Ready {
		t.Errorf("the frozen worker wrote to the log:\n%s", b.told(id))
	}
}

// A clean shutdown hands its work over and takes its attempt back.
func TestShutdownYieldsTheAttempt(t *testing.T) {
	b := setup(t)
	b.shop.open.Store(true)
	first := b.start("provisioner")
	id := b.create()
	b.awaitStep(id, "release")
	b.signal(first, syscall.SIGTERM)
	begun := b.count(id, store.AttemptStarted)
	if yielded := b.awaitType(id, store.AttemptYielded); yielded.State.Attempt != begun-1 {
		t.Errorf("%d attempts count of %d: the one that was handed over does:\n%s", yielded.State.Attempt, begun, b.told(id))
	}
	b.startKubelet()
	b.start("provisioner")
	b.requireAttempts(t, b.awaitType(id, store.BecameReady), 1)
	if err := first.end(); err != nil {
		t.Errorf("the shutdown wasn't clean: %v", err)
	}
}

// A shop that gives the wrong answer isn't Ready, whatever its pods say.
func TestPodsAloneAreNotReady(t *testing.T) {
	b := setupBy(t, production)
	b.startKubelet()
	b.start("provisioner")
	id := b.create()
	retry := b.await(id, "retry of step http", func(e storelog.Entry) bool {
		return e.Message.Type == store.RetryScheduled && e.Message.Facts.Step == "http"
	})
	if retry.Message.Facts.Reason != "NotAnswering" || !strings.Contains(retry.Message.Facts.Detail, "503") {
		t.Errorf("it says %+v", retry.Message.Facts)
	}
	b.shop.open.Store(true)
	b.requireAttempts(t, b.awaitType(id, store.BecameReady), 2, "NotAnswering")
}

func (b *bundle) signal(w *worker, s syscall.Signal) {
	b.t.Helper()
	if err := w.Process.Signal(s); err != nil {
		b.t.Fatalf("send %s: %v", s, err)
	}
}

// awaitOutput waits until the process has logged one of the texts.
func (b *bundle) awaitOutput(w *worker, texts ...string) {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		written, more := w.output.look()
		for _, text := range texts {
			if strings.Contains(written, text) {
				return
			}
		}
		select {
		case <-more:
		case <-deadline:
			b.t.Fatalf("the process logged none of %q:\n%s", texts, written)
		}
	}
}
