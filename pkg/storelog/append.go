package storelog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/telemetry"
)

var (
	// ErrConflict: something was appended to the store's history since the writer read it. Read and decide again.
	ErrConflict = errors.New("the store has changed meanwhile")
	// ErrLogFull: the broker has no room. Reads and the feed go on.
	ErrLogFull = errors.New("the log is full")
	// ErrUpgrading: the log's write level doesn't allow such a message yet, because a release that would misread it may run
	// beside this one. RaiseWriteLevel says that none does.
	ErrUpgrading = errors.New("the installation is being upgraded")
	// ErrInDoubt: a try wasn't answered, so the message may yet be stored. It comes beside the error that ended the tries.
	ErrInDoubt = errors.New("whether the message was stored isn't known")
)

// Error codes of the broker (nats-server, server/errors.json).
const (
	codeWrongLastSequence        = 10071
	codeWrongLastSequenceUnknown = 10164
	codeInsufficientResources    = 10023
	codeStorageExceeded          = 10047
	codeStreamStoreFailed        = 10077
)

// updateTries bounds how often Update decides again; each round means that somebody else got ahead.
const updateTries = 16

// Decide looks at a store's state and says what to append; nil means nothing. It may be called several times.
type Decide func(store.State) (*store.Message, error)

// Update reads a store, decides and appends, and begins again when something came in between. It returns the state
// after its own message, or the state it decided to leave alone.
func (l *Log) Update(ctx context.Context, id store.ID, decide Decide) (store.State, error) {
	for range updateTries {
		before, err := l.Last(ctx, id)
		if err != nil {
			return store.State{}, err
		}
		m, err := decide(before)
		if err != nil || m == nil {
			return before, err
		}
		m.Store = id
		after, err := l.Append(ctx, before, *m)
		if !errors.Is(err, ErrConflict) {
			return after, err
		}
	}
	return store.State{}, fmt.Errorf("append to store %s, %d tries: %w", id, updateTries, ErrConflict)
}

// Append writes one message behind the state that its writer has seen and returns the state after it. The message
// needs Type, Store, Actor and Time; its ID is made here when empty, and its texts are bounded (store.MaxText). It is
// refused with ErrConflict when the store's last message isn't the one that before came with, with ErrLogFull when there
// is no room, with ErrUpgrading when the log's write level is too low for it, and with ErrNewerSchema behind a state that
// only a newer release knows whole. After any other error it wasn't found in the log. With ErrInDoubt, which comes beside
// any of these but a conflict, it may still be on its way.
//
// This is the only function in the platform that publishes to "store.>".
func (l *Log) Append(ctx context.Context, before store.State, m store.Message) (store.State, error) {
	ctx, span := otel.Tracer("storelog").Start(ctx, "append "+string(m.Type), trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.String("store", string(m.Store))))
	defer span.End()
	if m.ID == "" {
		m.ID = rand.Text()
	}
	if m.Tenant == "" {
		m.Tenant = before.Tenant
	}
	m.Time = m.Time.UTC()
	m.Facts = m.Facts.Bounded()
	var err error
	if m.Schema, err = l.schemaFor(ctx, before, m); err != nil {
		return store.State{}, fmt.Errorf("append %s to store %s: %w", m.Type, m.Store, err)
	}
	after := store.Evolve(before, m)
	msg, err := encode(m, after)
	if err != nil {
		return store.State{}, err
	}
	telemetry.Inject(ctx, msg.Header)
	msg.Header[headerTrail] = []string{l.trailBehind(ctx, m.Store, before.Version).String()}
	a := appending{log: l, message: m, msg: msg, after: after, seen: before.Version}
	after, err = a.run(ctx)
	if err != nil {
		span.RecordError(err)
		return store.State{}, fmt.Errorf("append %s to store %s: %w", m.Type, m.Store, err)
	}
	l.seen.last(m.Store, Raw{Header: msg.Header, Seq: after.Version})
	return after, nil
}

// appending is one message on its way into the log.
type appending struct {
	log     *Log
	message store.Message
	msg     *nats.Msg
	after   store.State
	// seen is the sequence that the fence expects.
	seen uint64
	// doubtful: a try was not answered, so that the message may be stored without our knowing.
	doubtful bool
}

// run publishes until it is known what became of the message. To publish the same message again is safe: whichever try
// comes first moves the history on, and the fence refuses the others.
func (a *appending) run(ctx context.Context) (store.State, error) {
	trying, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for wait := firstWait; ; {
		ack, err := a.publish(trying, wait)
		if err == nil {
			return a.after.At(ack.Sequence, a.message.IsCommand()), nil
		}
		again := false
		switch code := errorCode(err); {
		case isFull(code):
			err = fmt.Errorf("%w: %w", ErrLogFull, err)
			if !a.doubtful {
				return store.State{}, err
			}
		case isConflict(code):
			again = Settle(trying) == nil
		case Unanswered(err):
			a.doubtful, wait = true, min(2*wait, longestWait)
			again = rest(trying, breath) == nil
		}
		stored, found, settled := a.settled(ctx)
		switch {
		case found:
			return stored, nil
		case errors.Is(settled, ErrConflict):
			return store.State{}, settled
		case settled != nil || !again:
			return store.State{}, a.givenUp(trying, err, settled)
		}
	}
}

// givenUp is the error of who hasn't found out. That another append is in the way, of which the log can't be asked, or whose
// end hasn't come in all that time, is as good as no answer.
func (a *appending) givenUp(trying context.Context, err, settled error) error {
	switch {
	case isConflict(errorCode(err)) && settled != nil:
		err = fmt.Errorf("behind a refusal (%v): %w", err, settled)
	case isConflict(errorCode(err)):
		err = fmt.Errorf("behind an append that doesn't end (%v): %w", err, trying.Err())
	default:
		err = errors.Join(err, settled)
	}
	if a.doubtful {
		err = errors.Join(err, ErrInDoubt)
	}
	return err
}

// publish is one try. A duplicate check by Nats-Msg-Id would answer before the fence on three replicas and after it on
// one.
func (a *appending) publish(ctx context.Context, wait time.Duration) (ack *jetstream.PubAck, err error) {
	err = within(ctx, wait, func(ctx context.Context) (err error) {
		ack, err = a.log.js.PublishMsg(ctx, a.msg,
			jetstream.WithExpectLastSequenceForSubject(a.seen, historyOf(a.message.Store)), jetstream.WithRetryAttempts(0))
		return err
	})
	return ack, err
}

// settled looks into the log for what a failed try left open. found: the message is there, and this is the state after
// it. ErrConflict: another is in its place. Neither: nothing was appended behind what the writer had seen, so that it
// may try again; a conflict with nothing is one with an append that is under way.
func (a *appending) settled(ctx context.Context) (after store.State, found bool, err error) {
	entry, err := a.log.lastEntry(ctx, a.message.Store)
	if err != nil {
		return store.State{}, false, err
	}
	if entry.Message.ID == a.message.ID {
		return entry.State, true, nil
	}
	if entry.State.Version == a.seen {
		return store.State{}, false, nil
	}
	// Others may have appended behind our message. If it is there, it is the first behind what its writer had seen.
	if a.doubtful {
		entry, err := a.log.entryAfter(ctx, a.message.Store, a.seen)
		if err != nil {
			return store.State{}, false, err
		}
		if entry.Message.ID == a.message.ID {
			return entry.State, true, nil
		}
	}
	return store.State{}, false, ErrConflict
}

func isConflict(code jetstream.ErrorCode) bool {
	return code == codeWrongLastSequence || code == codeWrongLastSequenceUnknown
}

func isFull(code jetstream.ErrorCode) bool {
	return code == codeInsufficientResources || code == codeStorageExceeded || code == codeStreamStoreFailed
}

func errorCode(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}
