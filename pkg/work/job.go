package work

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/pkg/turn"
)

// job is one delivery of one command.
type job struct {
	worker     *Worker
	msg        jetstream.Msg
	id         store.ID
	generation uint64
	// deliveries is how often the command has come.
	deliveries uint64
	// stood says that its store did when it was asked for, lane by which it has come.
	stood bool
	lane  turn.Lane
	// line is the one in which it was begun.
	line *turn.Line
	// state is the store's after the last message that this job read or wrote.
	state store.State
	// held is the store's lease, under which an attempt is made. A suspect has a second one (see quarantine.go).
	held *lease.Lease
}

// undecodable is how long a message rests that nobody can read, until an operator looks at it.
const undecodable = 5 * time.Minute

// errCalledOff: somebody has ended the operation while it was worked on.
var errCalledOff = errors.New("the operation was called off")

// errBehind: a read answered from before the command. A replica that was just made leader may, and acknowledging would
// lose the command for good.
var errBehind = errors.New("the answer is older than the command")

func (l *lane) handle(ctx context.Context, msg jetstream.Msg) {
	j, err := l.open(msg)
	if err != nil {
		l.settle(ctx, msg, l.unreadable(msg, err))
		return
	}
	if l.standing && !j.stood {
		l.settle(ctx, msg, acknowledged) // it comes by the first lane
		return
	}
	ctx = telemetry.Extract(ctx, msg.Headers())
	ctx, span := otel.Tracer("work").Start(ctx, "work "+l.cfg.Name, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("store", string(j.id))))
	defer span.End()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Before the state is read, so that no command can slip in between.
	defer l.newer.register(j.id, j.generation, cancel)()
	l.settle(ctx, msg, j.attend(ctx, cancel))
	if errors.Is(context.Cause(ctx), ErrSuperseded) {
		l.resting.overtaken(j.id, j.generation+1)
	}
}

// unreadable is the first lane's to say of a message: by the second nothing waits for anybody to read it.
func (l *lane) unreadable(msg jetstream.Msg, err error) verdict {
	switch {
	case l.standing:
		return acknowledged
	case errors.Is(err, storelog.ErrNewerSchema):
		slog.Warn("leave a command to a newer version", "subject", msg.Subject(), "error", err)
		return snoozed(l.timing.waitPause(deliveries(msg), l.resting.len()))
	}
	slog.Error("read a command; it stays in the queue", "subject", msg.Subject(), "error", err)
	return snoozed(undecodable)
}

// deliveries is how often a message has come, 1 where the broker doesn't say.
func deliveries(msg jetstream.Msg) uint64 {
	meta, err := msg.Metadata()
	if err != nil {
		return 1
	}
	return meta.NumDelivered
}

// unknown leaves a verb that this release doesn't know to one that does.
func (j *job) unknown() verdict {
	slog.Warn("leave a command to a newer version", "subject", j.msg.Subject(), "verb", j.state.Doing(), "schema", j.state.Schema)
	return snoozed(j.worker.timing.waitPause(j.deliveries, j.worker.resting.len()))
}

func (l *lane) open(msg jetstream.Msg) (*job, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, err
	}
	entry, err := storelog.Decode(msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream)
	if err != nil {
		return nil, err
	}
	return &job{
		worker: l.Worker, msg: msg, id: entry.Message.Store, generation: entry.Message.Seq,
		deliveries: meta.NumDelivered, stood: entry.State.Stood, lane: l.which(),
	}, nil
}

func (j *job) queue() *queue { return &queue{lane: j.lane, tenant: j.state.Tenant} }

// attend decides from the log whether the command is still to be worked on, and does so.
func (j *job) attend(ctx context.Context, cancel context.CancelCauseFunc) verdict {
	w := j.worker
	w.turns.catchUp(ctx)
	var err error
	if j.state, err = w.log.Last(ctx, j.id); err != nil {
		return j.troubled(ctx, "read the store", err)
	}
	switch {
	case j.state.Version < j.generation:
		// Whoever answered hasn't heard of the command yet: not having it open is no sign that it was settled.
		return j.troubled(ctx, "read the store", errBehind)
	case !j.state.IsOpen(j.generation):
		w.turns.settled(j.state)
		return acknowledged // a replay: it was settled before
	case j.state.Generation != j.generation:
		return j.outcome(ctx, ErrSuperseded)
	case j.state.Schema > store.Schema, !j.state.Doing().IsVerb():
		// Whatever it is, nothing says that it was done.
		return j.unknown()
	}
	if pause := j.state.Pause(time.Now()); pause > 0 {
		return snoozed(pause)
	}
	if err := w.hand.Available(ctx, j.state); err != nil {
		return j.wait(ctx, err)
	}
	if !w.turns.begin(j) {
		return j.inLine()
	}
	defer w.turns.end(j)
	leases := []string{string(j.id)}
	if j.suspect() {
		leases = append(leases, quarantineKey(w.cfg.Name))
	}
	for _, key := range leases {
		try := w.resting.trying(key)
		held, err := w.leases.Take(ctx, key, w.cfg.Holder)
		if errors.Is(err, lease.ErrHeld) {
			return j.behind(try)
		}
		w.resting.tried(try)
		if err != nil {
			return j.troubled(ctx, "take the lease", err)
		}
		j.held = cmp.Or(j.held, held)
		var release func()
		ctx, release = held.Hold(ctx)
		defer w.resting.released(key)
		defer release()
	}
	defer j.beat(ctx, cancel)()
	began := time.Now()
	err = j.attempt(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // what fails because the operation ended says nothing about the store
	}
	w.measures.attempted(ctx, j.state.Doing(), j.ending(err), began)
	return j.outcome(ctx, err)
}

// attempt works on the command under a lease.
func (j *job) attempt(ctx context.Context) (err error) {
	defer recovered(ctx, &err)
	if j.exhausted() {
		return &Permanent{Reason: "AttemptsExhausted", Message: "Every attempt ended with its worker; there won't be another by itself."}
	}
	if err := j.record(ctx, store.AttemptStarted, store.Facts{Attempt: j.state.Attempt + 1}); err != nil {
		return err
	}
	slog.InfoContext(ctx, "attempt started", j.attrs("verb", j.state.Doing())...)
	op, err := j.worker.hand.Operation(j.state, newTrust(ctx, j.held))
	if err != nil {
		return err
	}
	if err := j.run(ctx, op); err != nil {
		return err
	}
	// A newer command may have come with the last step; the fence would tell, but so can we.
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	terminal, facts := op.Finish()
	return j.record(ctx, terminal, facts)
}

// beat keeps the message alive until the returned function is called, also after the operation has ended: what a step has begun
// to write is still the message's.
func (j *job) beat(ctx context.Context, cancel context.CancelCauseFunc) func() {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(j.worker.timing.heartbeat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				j.pulse(ctx, cancel)
			}
		}
	}()
	return func() { stop(); <-stopped }
}

func (j *job) pulse(ctx context.Context, cancel context.CancelCauseFunc) {
	if err := j.msg.InProgress(); err != nil {
		slog.WarnContext(ctx, "tell the broker that the work goes on", j.attrs("error", err)...)
	}
	switch s, err := j.worker.log.Last(ctx, j.id); {
	case err != nil:
	case s.Generation != j.generation:
		cancel(ErrSuperseded)
	case !s.IsOpen(j.generation):
		cancel(errCalledOff)
	}
}

// record appends an event of this job's attempt. It fails with ErrSuperseded when a newer command has come, with errCalledOff
// when somebody has ended it, and with lease.ErrLost when the attempt isn't this worker's any more: one that was frozen must not tell of its own failure
// after another has made the store Ready.
func (j *job) record(ctx context.Context, t store.Type, facts store.Facts) error {
	after, err := j.worker.log.Update(ctx, j.id, func(s store.State) (*store.Message, error) {
		switch {
		case s.Generation != j.generation:
			return nil, ErrSuperseded
		case !s.IsOpen(j.generation) && s.Outcome == store.Cancelled:
			return nil, errCalledOff
		case j.held.Remaining() <= 0, !s.IsOpen(j.generation), s.Attempt != j.state.Attempt:
			return nil, lease.ErrLost
		}
		return j.message(t, facts), nil
	})
	if err == nil {
		j.state = after
	}
	return err
}

func (j *job) message(t store.Type, facts store.Facts) *store.Message {
	return &store.Message{
		Type: t, Store: j.id, Actor: j.worker.cfg.Name, Generation: j.generation, Time: time.Now(), Facts: facts,
	}
}

func (j *job) exhausted() bool {
	return j.state.Attempt >= store.MaxAttempts && j.state.Verb != store.Delete
}

func (j *job) attrs(more ...any) []any {
	return append([]any{
		"store", j.id, "tenant", telemetry.Pseudonym(j.state.Tenant), "generation", j.generation, "attempt", j.state.Attempt,
	}, more...)
}

// unhurried is for the last words of an operation, which must be written also when the operation was cancelled.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}
