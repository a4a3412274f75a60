package storelog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
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
	return tail(ctx, l.js, Stream, nil, after, handle, func() {})
}

// TailOf is Tail of one cluster's stores, and calls all whenever nothing more is left by then, also where there was nothing. Workers know by it
// who waits beside what was delivered to them.
func (l *Log) TailOf(ctx context.Context, cluster string, after uint64, handle func(Raw) error, all func()) error {
	return tail(ctx, l.js, Stream, []string{Commands(cluster), of(cluster, prefix+"*"+eventSuffix)}, after, handle, all)
}

// Notice calls handle for what is appended from now on that matches the filter, without its data, until ctx ends. It is for
// hints: what comes while a consumer is made anew is left out. Workers hear by it that a command is overtaken.
func (l *Log) Notice(ctx context.Context, filter string, handle func(Raw)) {
	_ = keepUp(ctx, l.js, Stream, func() jetstream.OrderedConsumerConfig {
		return jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverNewPolicy, HeadersOnly: true,
		}
	}, func(raw Raw) error {
		handle(raw)
		return nil
	}, func() {})
}

// tail reads all of a stream, or what matches one of the filters.
func tail(ctx context.Context, js jetstream.JetStream, stream string, filters []string, after uint64, handle func(Raw) error, all func()) error {
	return keepUp(ctx, js, stream, func() jetstream.OrderedConsumerConfig {
		return jetstream.OrderedConsumerConfig{
			FilterSubjects: filters,
			DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:    after + 1,
			// The broker forgets the consumer soon after its reader has gone: every replay makes one.
			InactiveThreshold: 30 * time.Second,
		}
	}, func(raw Raw) error {
		err := handle(raw)
		if err == nil {
			after = raw.Seq
		}
		return err
	}, all)
}

// keepUp reads by one consumer after the other, each as from says then, until ctx ends or handle fails.
func keepUp(
	ctx context.Context, js jetstream.JetStream, stream string, from func() jetstream.OrderedConsumerConfig, handle func(Raw) error,
	all func(),
) error {
	pauses := again.Pauses{First: 500 * time.Millisecond, Longest: 2 * time.Second, Tell: func(err error) {
		slog.Warn("the log isn't heard, trying again", "error", err)
	}}
	err := again.Always(ctx, pauses, func(works func()) error {
		if err := readOn(ctx, js, stream, from(), works, handle, all); err != nil {
			return fmt.Errorf("read stream %s: %w", stream, err)
		}
		return nil
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// readOn reads by one consumer, and says by works when there is one.
func readOn(
	ctx context.Context, js jetstream.JetStream, stream string, config jetstream.OrderedConsumerConfig,
	works func(), handle func(Raw) error, all func(),
) error {
	consumer, err := js.OrderedConsumer(ctx, stream, config)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	works()
	if info := consumer.CachedInfo(); info != nil && info.NumPending == 0 {
		all()
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		msg, err := messages.Next()
		if err != nil {
			return err
		}
		raw, err := rawOf(msg)
		if err != nil {
			return err
		}
		if err := handle(raw); err != nil {
			return again.Never(err)
		}
		if raw.Pending == 0 {
			all()
		}
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
