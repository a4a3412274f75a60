package work

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/store-platform/store-platform/pkg/store"
)

// Step is one observed, idempotent part of an operation.
type Step struct {
	Name string
	// Done asks the world, not memory.
	Done func(context.Context) (bool, error)
	// Apply makes it so. When it returns nil the step is done. It tells what it is at where that takes long.
	Apply func(context.Context, Tell) error
	// Timeout bounds Done and Apply together; zero means a minute.
	Timeout time.Duration
}

// Tell lets people know what a step is doing, in a few words for merchants. It waits until that stands in the log or
// the step's context ends.
type Tell func(phrase string)

// Operation is what a hand does for one command.
type Operation struct {
	Steps []Step
	// Finish is called when every step is done and says which terminal event to append.
	Finish func() (store.Type, store.Facts)
}

// Hand is a worker's own part: which steps a command takes. Called from many goroutines.
type Hand interface {
	// Available returns a *Waiting while nothing can be attempted for a store in the given state.
	Available(context.Context, store.State) error
	// Operation lists the steps for a store in the given state. Every write to Kubernetes must ask trust first.
	Operation(s store.State, trust *Trust) (Operation, error)
}

const (
	defaultStepTimeout = time.Minute
	// abandonAfter is how long a step may go on after its operation ended. Its requests are refused or time out by
	// then; what hangs without any can do no harm and isn't waited for.
	abandonAfter = 20 * time.Second
)

// run does the operation's steps in order and records each.
func (j *job) run(ctx context.Context, op Operation) error {
	recorded := store.Verbs[j.state.Doing()].Recorded
	for _, step := range op.Steps {
		done := slices.Contains(j.state.Steps, step.Name)
		if done && recorded {
			continue
		}
		began := time.Now()
		err := j.doStep(ctx, step)
		j.worker.measures.stepped(ctx, step.Name, began)
		if err != nil {
			return &stepError{step: step.Name, err: err}
		}
		if done {
			continue
		}
		if err := j.record(ctx, store.StepCompleted, store.Facts{Step: step.Name, Attempt: j.state.Attempt}); err != nil {
			return err
		}
		slog.InfoContext(ctx, "step completed", j.attrs("step", step.Name)...)
	}
	return nil
}

func (j *job) doStep(ctx context.Context, step Step) error {
	timeout := step.Timeout
	if timeout == 0 {
		timeout = defaultStepTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, span := otel.Tracer("work").Start(ctx, "step "+step.Name)
	defer span.End()
	finished, phrases := make(chan error, 1), make(chan string)
	go func() {
		finished <- ensure(ctx, step, func(phrase string) {
			select {
			case phrases <- phrase:
			case <-ctx.Done():
			}
		})
	}()
	for ctx.Err() == nil {
		select {
		case err := <-finished:
			return err
		case phrase := <-phrases:
			j.tell(ctx, step.Name, phrase)
		case <-ctx.Done():
		}
	}
	select {
	case err := <-finished:
		return err
	case <-time.After(abandonAfter):
		return fmt.Errorf("step %s hangs: %w", step.Name, context.Cause(ctx))
	}
}

// tell writes a phrase down. That it can't is no reason to end the step: whatever stands in the way of this event
// stands in the way of those that count.
func (j *job) tell(ctx context.Context, step, phrase string) {
	err := j.record(ctx, store.Progressed, store.Facts{Step: step, Message: phrase, Attempt: j.state.Attempt})
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "write down what a step is doing", j.attrs("step", step, "error", err)...)
	}
}

func ensure(ctx context.Context, step Step, tell Tell) (err error) {
	defer recovered(ctx, &err)
	done, err := step.Done(ctx)
	if err != nil || done {
		return err
	}
	return step.Apply(ctx, tell)
}

// stepError remembers where an attempt failed.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return "step " + e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }
