package storelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Backlog is what a durable consumer has before it: commands that were never handed out, that are worked on and that rest, by
// whichever of the processes that share it.
type Backlog struct {
	Commands uint64
	// Oldest is when the broker took the oldest of them; zero where there is none.
	Oldest time.Time
}

// Backlog asks the broker how much work a durable consumer of commands in filter has.
func (l *Log) Backlog(ctx context.Context, durable, filter string) (Backlog, error) {
	consumer, err := l.js.Consumer(ctx, Stream, durable)
	if err != nil {
		return Backlog{}, fmt.Errorf("ask what durable consumer %s has before it: %w", durable, err)
	}
	info := consumer.CachedInfo()
	b := Backlog{Commands: info.NumPending + uint64(info.NumAckPending)}
	if b.Commands == 0 {
		return b, nil
	}
	oldest, err := l.stream.GetMsg(ctx, info.AckFloor.Stream+1, jetstream.WithGetMsgSubject(filter))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound): // settled meanwhile
		return Backlog{}, nil
	case err != nil:
		return Backlog{}, fmt.Errorf("read the oldest command of durable consumer %s: %w", durable, err)
	}
	b.Oldest = oldest.Time
	return b, nil
}

// Delivered asks the broker for the number of a durable consumer's last delivery.
func (l *Log) Delivered(ctx context.Context, durable string) (uint64, error) {
	consumer, err := l.js.Consumer(ctx, Stream, durable)
	if err != nil {
		return 0, fmt.Errorf("ask what durable consumer %s has delivered: %w", durable, err)
	}
	return consumer.CachedInfo().Delivered.Consumer, nil
}

// Settled asks the broker up to which sequence all commands of a durable consumer are settled; zero where nobody has made it yet.
func (l *Log) Settled(ctx context.Context, durable string) (uint64, error) {
	consumer, err := l.js.Consumer(ctx, Stream, durable)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("ask what durable consumer %s has settled: %w", durable, err)
	}
	return consumer.CachedInfo().AckFloor.Stream, nil
}
