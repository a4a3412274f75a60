package work

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// cancel calls the operation in flight off, as a gateway does.
func (b *testBench) cancel() store.State {
	b.t.Helper()
	after, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		if err := store.AdmitCancel(s); err != nil {
			return nil, err
		}
		return &store.Message{
			Type: store.BecameFailed, Actor: "test", Generation: s.Generation, Time: time.Now(),
			Facts: store.Facts{Reason: store.ReasonCancelled, Message: "It was called off."},
		}, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return after
}

// inMidStep is a worker in the middle of a step that goes on until it is told to end, and then until the test lets it.
type inMidStep struct {
	trust *Trust
	// told is closed when the step hears of its end.
	told, leave chan struct{}
}

func (b *testBench) midStep(steps ...Step) *inMidStep {
	b.t.Helper()
	m := &inMidStep{told: make(chan struct{}), leave: make(chan struct{})}
	entered, first := make(chan struct{}), true
	h := provisioner(append([]Step{step("release", func(ctx context.Context) error {
		if !first {
			return nil
		}
		first = false
		close(entered)
		<-ctx.Done()
		close(m.told)
		<-m.leave
		return ctx.Err()
	})}, steps...)...)
	h.trusts = make(chan *Trust, 8)
	b.provision(h)
	b.command(store.Create)
	<-entered
	m.trust = <-h.trusts
	return m
}

func TestAnOperationThatIsCalledOffEndsInMidStep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.midStep()
	if err := m.trust.Err(); err != nil {
		t.Fatalf("while it runs: %v", err)
	}
	called := b.cancel()
	<-m.told
	if err := m.trust.Err(); !errors.Is(err, errCalledOff) {
		t.Errorf("an operation that was called off may still write: %v", err)
	}
	close(m.leave)
	b.awaitAcknowledged(called.Generation)
	s, err := b.log.Last(t.Context(), id)
	if err != nil || s.Version != called.Version || s.Status != store.Failed || s.Outcome != store.Cancelled || s.Reason != store.ReasonCancelled {
		t.Fatalf("%+v, %v", s, err)
	}
	retry := b.command(store.Retry)
	history := b.awaitType(store.BecameReady)
	last := history[len(history)-1].State
	if last.Generation != retry.Generation || last.Root != called.Root || last.Outcome != store.Succeeded || len(last.Failures) != 0 {
		t.Errorf("%+v", last)
	}
}

// A worker that hasn't come out of its step when the next command is there says nothing more, and leaves it the store.
func TestWhatComesBehindACancelIsNotOvertaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var m *inMidStep
	m = b.midStep(step("http", func(context.Context) error {
		select {
		case <-m.leave:
		default:
			t.Error("two work on the store at once")
		}
		return nil
	}))
	called := b.cancel()
	retry := b.command(store.Retry)
	<-m.told
	if m.trust.Err() == nil {
		t.Error("an operation that was called off may still write")
	}
	close(m.leave)
	history := b.await(func(e storelog.Entry) bool {
		return e.Message.Generation == retry.Generation && e.Message.Type.IsTerminal()
	})
	b.awaitAcknowledged(retry.Generation)
	ends := map[uint64][]store.Type{}
	for _, e := range history {
		if e.Message.Type.IsTerminal() {
			ends[e.Message.Generation] = append(ends[e.Message.Generation], e.Message.Type)
		}
		if e.Message.Seq > called.Version && e.Message.Generation == called.Generation {
			t.Errorf("%s was said of what was called off", e.Message.Type)
		}
	}
	if got := ends[retry.Generation]; len(got) != 1 || got[0] != store.BecameReady || len(ends[called.Generation]) != 1 {
		t.Errorf("the commands ended as %v", ends)
	}
}
