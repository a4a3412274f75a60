package storelog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

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
// needs Type, Store, Actor and Time; its ID is made here when empty. It is refused with ErrConflict when the store's
// last message isn't the one that before came with, and with ErrLogFull when there is no room; after any other error
// the message was not found in the log.
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
	after := store.Evolve(before, m)
	msg, err := encode(m, after)
	if err != nil {
		return store.State{}, err
	}
	telemetry.Inject(ctx, msg.Header)
	// A duplicate check by Nats-Msg-Id would answer before the fence on three replicas and after it on one.
	ack, err := l.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequenceForSubject(before.Version, historyOf(m.Store)))
	if err == nil {
		return after.At(ack.Sequence, m.Type.IsCommand()), nil
	}
	span.RecordError(err)
	return l.wasStored(ctx, m, err)
}

// wasStored settles what a failed publish left open: the message's own id at the end of the history means that it was
// stored after all (the answer got lost); anything else is decided again from the state.
func (l *Log) wasStored(ctx context.Context, m store.Message, cause error) (store.State, error) {
	code := errorCode(cause)
	if code == codeInsufficientResources || code == codeStorageExceeded || code == codeStreamStoreFailed {
		return store.State{}, fmt.Errorf("append %s to store %s: %w: %w", m.Type, m.Store, ErrLogFull, cause)
	}
	if code == codeWrongLastSequenceUnknown {
		if err := pause(ctx); err != nil {
			return store.State{}, err
		}
	}
	last, err := l.lastEntry(ctx, m.Store)
	switch {
	case err != nil:
		return store.State{}, fmt.Errorf("append %s to store %s: %w", m.Type, m.Store, errors.Join(cause, err))
	case last.Message.ID == m.ID:
		return last.State, nil
	case code == codeWrongLastSequence || code == codeWrongLastSequenceUnknown:
		return store.State{}, fmt.Errorf("append %s to store %s: %w", m.Type, m.Store, ErrConflict)
	default:
		return store.State{}, fmt.Errorf("append %s to store %s: %w", m.Type, m.Store, cause)
	}
}

// pause lets a replicated stream settle: 10164 says that another append of the same history is under way.
func pause(ctx context.Context) error {
	wait := 5*time.Millisecond + time.Duration(mathrand.Int64N(int64(45*time.Millisecond)))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

func errorCode(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}
