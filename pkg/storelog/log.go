package storelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// Log is a connection to the stream. It is safe for concurrent use.
type Log struct {
	js       jetstream.JetStream
	stream   jetstream.Stream
	epoch    string
	metadata map[string]string
}

// Open waits until the stream exists, or ctx ends, and binds to it.
func Open(ctx context.Context, nc *nats.Conn) (*Log, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	for {
		stream, err := js.Stream(ctx, Stream)
		if err == nil {
			return newLog(js, stream), nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for stream %s: %w", Stream, errors.Join(ctx.Err(), err))
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func newLog(js jetstream.JetStream, stream jetstream.Stream) *Log {
	info := stream.CachedInfo()
	return &Log{js: js, stream: stream, epoch: epochOf(info), metadata: info.Config.Metadata}
}

// JetStream is for the neighbours of the log: consumers and buckets.
func (l *Log) JetStream() jetstream.JetStream { return l.js }

// Head is the sequence of the log's last message.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the head of the log: %w", err)
	}
	return info.State.LastSeq, nil
}

// Bucket binds to one of the buckets that Ensure made.
func (l *Log) Bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	kv, err := l.js.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return kv, nil
}

// Last reads a store's state: one get, however long its history. A store that nobody asked for is the zero State.
func (l *Log) Last(ctx context.Context, id store.ID) (store.State, error) {
	entry, err := l.lastEntry(ctx, id)
	return entry.State, err
}

func (l *Log) lastEntry(ctx context.Context, id store.ID) (Entry, error) {
	msg, err := l.stream.GetLastMsgForSubject(ctx, historyOf(id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read the last message of store %s: %w", id, err)
	}
	return Decode(msg.Subject, msg.Header, msg.Data, msg.Sequence)
}
