package storelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Raw is a message as the broker delivered it. Decode may fail on it; then its sequence is all that can be relied on.
type Raw struct {
	Subject string
	Header  nats.Header
	Data    []byte
	Seq     uint64
	// Time is when the broker stored it.
	Time time.Time
	// Pending is how many messages the log holds behind this one, as the broker knew when it delivered it.
	Pending uint64
}

// Entry decodes the message.
func (r Raw) Entry() (Entry, error) { return Decode(r.Subject, r.Header, r.Data, r.Seq) }

// Tail calls handle for every message behind the sequence after, in order, and goes on with new ones until ctx ends or
// handle fails. The consumer is made anew, where it had got to, whenever the broker loses it; a message is never handed
// over twice and none is left out.
func (l *Log) Tail(ctx context.Context, after uint64, handle func(Raw) error) error {
	return tail(ctx, l.js, Stream, after, handle)
}

func tail(ctx context.Context, js jetstream.JetStream, stream string, after uint64, handle func(Raw) error) error {
	for {
		err := tailOnce(ctx, js, stream, &after, handle)
		var refused *handleError
		switch {
		case errors.As(err, &refused):
			return refused.err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// handleError tells the caller's refusal from a consumer that must be made anew.
type handleError struct{ err error }

func (e *handleError) Error() string { return e.err.Error() }

func tailOnce(ctx context.Context, js jetstream.JetStream, stream string, after *uint64, handle func(Raw) error) error {
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   *after + 1,
		// The broker forgets the consumer soon after its reader has gone: every replay makes one.
		InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("tail stream %s from %d: %w", stream, *after+1, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("tail stream %s from %d: %w", stream, *after+1, err)
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		msg, err := messages.Next()
		if err != nil {
			return fmt.Errorf("tail stream %s from %d: %w", stream, *after+1, err)
		}
		raw, err := rawOf(msg)
		if err != nil {
			return err
		}
		if err := handle(raw); err != nil {
			return &handleError{err}
		}
		*after = raw.Seq
	}
}

func rawOf(msg jetstream.Msg) (Raw, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return Raw{}, fmt.Errorf("read the metadata of a message: %w", err)
	}
	return Raw{
		Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(), Seq: meta.Sequence.Stream,
		Time: meta.Timestamp, Pending: meta.NumPending,
	}, nil
}
