package work

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
)

// verdict is the ack verb for a delivery. The fact is in the log by then.
type verdict struct {
	again bool
	after time.Duration
	// until is closed when the command is to be delivered again earlier, and so it is when this process gives back that
	// lease. Neither, where they are zero: only a newer command makes it so.
	until <-chan struct{}
	lease *try
	// queue is where it waits for its turn.
	queue *queue
}

// acknowledged: the broker may forget the delivery.
var acknowledged = verdict{}

// snoozed: the command is to be delivered again. Never at once: a bare Nak would spin.
func snoozed(after time.Duration) verdict { return verdict{again: true, after: after} }

// settle says the verdict to the broker.
func (w *Worker) settle(ctx context.Context, msg jetstream.Msg, v verdict) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	var err error
	if v.again {
		err = msg.NakWithDelay(v.after)
		one := newRest(msg, v)
		w.resting.add(one, v.after)
		if v.queue != nil {
			w.turns.rests(one.id)
		}
	} else {
		// A plain Ack is fire and forget.
		err = msg.DoubleAck(ctx)
	}
	if err != nil {
		slog.WarnContext(ctx, "acknowledge a command; it will be delivered again", "subject", msg.Subject(), "error", err)
	}
}

// ending is how an attempt ended, in a word for operators.
type ending string

const (
	succeeded ending = "done"
	overtaken ending = "superseded"
	cancelled ending = "called_off"
	givenBack ending = "yielded"
	lostLease ending = "lost"
	gaveUp    ending = "failed"
	postponed ending = "retried"
)

func (j *job) ending(err error) ending {
	var permanent *Permanent
	switch {
	case err == nil:
		return succeeded
	case errors.Is(err, ErrSuperseded):
		return overtaken
	case errors.Is(err, errCalledOff):
		return cancelled
	case errors.Is(err, ErrYielded):
		return givenBack
	case errors.Is(err, lease.ErrLost):
		return lostLease
	case errors.As(err, &permanent), j.exhausted():
		return gaveUp
	}
	return postponed
}

// outcome is the one place where what became of an attempt is written down and turned into an ack verb.
func (j *job) outcome(ctx context.Context, err error) verdict {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	switch j.ending(err) {
	case succeeded:
		slog.InfoContext(ctx, "done", j.attrs("status", j.state.Status)...)
		return acknowledged
	case overtaken:
		return j.superseded(ctx)
	case cancelled:
		return j.calledOff(ctx)
	case givenBack:
		return j.conclude(ctx, store.AttemptYielded, store.Facts{}, snoozed(100*time.Millisecond))
	case lostLease:
		return j.lost(ctx)
	case gaveUp:
		facts := explain(err)
		slog.ErrorContext(ctx, "failed", j.attrs("step", facts.Step, "reason", facts.Reason, "error", err)...)
		return j.conclude(ctx, store.BecameFailed, facts, acknowledged)
	default:
		return j.retryLater(ctx, err)
	}
}

func (j *job) retryLater(ctx context.Context, err error) verdict {
	delay := j.worker.timing.retryDelay(j.state.Attempt)
	due := time.Now().Add(delay).UTC()
	facts := explain(err)
	facts.Attempt, facts.NotBefore = j.state.Attempt, &due
	slog.WarnContext(ctx, "attempt failed, another is scheduled", j.attrs("step", facts.Step, "reason", facts.Reason, "in", delay, "error", err)...)
	return j.conclude(ctx, store.RetryScheduled, facts, snoozed(delay))
}

// conclude appends an event and returns the verdict that stands once it is in the log.
func (j *job) conclude(ctx context.Context, t store.Type, facts store.Facts, v verdict) verdict {
	switch err := j.record(ctx, t, facts); {
	case errors.Is(err, ErrSuperseded):
		return j.superseded(ctx)
	case errors.Is(err, errCalledOff):
		return j.calledOff(ctx)
	case errors.Is(err, lease.ErrLost):
		return j.lost(ctx)
	case err != nil:
		return j.troubled(ctx, "write down "+string(t), err)
	}
	return v
}

// calledOff has nothing to say of the command: whoever called it off has.
func (j *job) calledOff(ctx context.Context) verdict {
	slog.InfoContext(ctx, "called off", j.attrs()...)
	return acknowledged
}

// lost leaves the command to whoever holds the store now; delivered again, it shows what became of it.
func (j *job) lost(ctx context.Context) verdict {
	slog.WarnContext(ctx, "the lease was lost; somebody else goes on", j.attrs()...)
	return j.resumed()
}

// superseded writes the terminal event of a command that a newer one has overtaken, once.
func (j *job) superseded(ctx context.Context) verdict {
	after, err := j.worker.log.Update(ctx, j.id, func(s store.State) (*store.Message, error) {
		if !s.IsOpen(j.generation) {
			return nil, nil
		}
		return j.message(store.Superseded, store.Facts{}), nil
	})
	if err != nil {
		return j.troubled(ctx, "write down that a newer command came", err)
	}
	j.state = after
	slog.InfoContext(ctx, "superseded by a newer command", j.attrs("newest", after.Generation)...)
	return acknowledged
}

// wait notes why nothing can be attempted: once, or once for each thing that a step says it is at. Without a lease, so
// somebody else may have ended the command meanwhile.
func (j *job) wait(ctx context.Context, err error) verdict {
	facts := explain(err)
	j.worker.turns.park(j.state, facts.Reason)
	told := func(s store.State) bool {
		said := s.Why()
		return said.Reason == facts.Reason && (facts.Step == "" || said.Message == facts.Message)
	}
	if told(j.state) {
		return j.waiting(err)
	}
	_, appendErr := j.worker.log.Update(ctx, j.id, func(s store.State) (*store.Message, error) {
		if s.Generation != j.generation || !s.IsOpen(j.generation) || told(s) {
			return nil, nil
		}
		slog.InfoContext(ctx, "waiting", j.attrs("reason", facts.Reason, "error", err)...)
		return j.message(store.Waited, facts), nil
	})
	if appendErr != nil {
		return j.troubled(ctx, "write down the wait", appendErr)
	}
	return j.waiting(err)
}

// waiting has the command come again when the wait is over, and else ever more seldom; where it is to be told how far that is
// which is waited for, as often as others leave room for.
func (j *job) waiting(err error) verdict {
	w := j.worker
	v := snoozed(w.timing.waitPause(j.deliveries, w.resting.len()))
	var waiting *Waiting
	if errors.As(err, &waiting) {
		v.until = waiting.Until
		if waiting.Step != "" {
			v.after = w.timing.progressPause(w.resting.len())
		}
	}
	return v
}

// troubled is for trouble with the broker itself: nothing can be written down, so the command comes again.
func (j *job) troubled(ctx context.Context, doing string, err error) verdict {
	slog.WarnContext(ctx, doing+"; the command comes again", j.attrs("error", err)...)
	return j.resumed()
}

// resumed has the command come again soon.
func (j *job) resumed() verdict { return snoozed(j.worker.timing.snoozePause(j.deliveries)) }

// inLine has it come again when its turn has come.
func (j *job) inLine() verdict {
	v := snoozed(j.worker.turns.pause(j.id))
	v.queue = j.queue()
	return v
}

// behind has it come again when somebody else's lease is over.
func (j *job) behind(lease *try) verdict {
	v := j.resumed()
	v.lease = lease
	return v
}

// explain turns an error into what an event says of it.
func explain(err error) store.Facts {
	facts := store.Facts{Reason: "Unexpected", Message: "Something unexpected happened.", Detail: err.Error()}
	var step *stepError
	if errors.As(err, &step) {
		facts.Step = step.step
		facts.Detail = step.err.Error()
	}
	take := func(reason, message string, cause error) {
		facts.Reason, facts.Message, facts.Detail = reason, message, ""
		if cause != nil {
			facts.Detail = cause.Error()
		}
	}
	var permanent *Permanent
	var transient *Transient
	var waiting *Waiting
	switch {
	case errors.As(err, &permanent):
		take(permanent.Reason, permanent.Message, permanent.Err)
	case errors.As(err, &transient):
		take(transient.Reason, transient.Message, transient.Err)
	case errors.As(err, &waiting):
		take(waiting.Reason, waiting.Message, waiting.Err)
		facts.Step = waiting.Step
	case errors.Is(err, context.DeadlineExceeded):
		take("StepTimeout", "A step took longer than it may.", err)
	}
	return facts.Bounded()
}
