package storelog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/store"
)

// Log is a connection to the stream. It is safe for concurrent use.
type Log struct {
	js       jetstream.JetStream
	stream   jetstream.Stream
	epoch    string
	metadata map[string]string
	naming   Naming
	// level is the write level as this process last heard of it.
	level *atomic.Int64
	seen  *seen
}

// Open waits until the stream exists, or ctx ends, and binds to it.
func Open(ctx context.Context, nc *nats.Conn) (*Log, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	stream, err := again.Until(ctx, opening, func() (jetstream.Stream, error) { return findStream(ctx, js, Stream) })
	if err != nil {
		return nil, fmt.Errorf("wait for stream %s: %w", Stream, err)
	}
	return newLog(js, stream), nil
}

// opening is how often it is looked whether there is a log: a gateway that has just started makes it any moment.
var opening = again.Pauses{First: 250 * time.Millisecond, Longest: 500 * time.Millisecond}

func newLog(js jetstream.JetStream, stream jetstream.Stream) *Log {
	info := stream.CachedInfo()
	metadata := info.Config.Metadata
	l := &Log{
		js: js, stream: stream, epoch: epochOf(info), metadata: metadata, naming: NamingOf(metadata), level: &atomic.Int64{},
		seen: &seen{lasts: map[store.ID]Raw{}},
	}
	l.level.Store(int64(levelOf(metadata)))
	return l
}

// JetStream is for the neighbours of the log: consumers and buckets.
func (l *Log) JetStream() jetstream.JetStream { return l.js }

// Head is the sequence of the log's last message.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	_, head, err := l.Now(ctx)
	return head, err
}

// Now asks the broker which log there is by now, by its epoch, and for the sequence of its last message. A consumer of a log
// that was made anew under the name would wait for ever for the sequences of the old one, so whoever follows asks.
func (l *Log) Now(ctx context.Context) (epoch string, head uint64, err error) {
	info, err := l.info(ctx)
	if err != nil {
		return "", 0, fmt.Errorf("ask for the head of the log: %w", err)
	}
	return epochOf(info), info.State.LastSeq, nil
}

// info asks how the stream is now.
func (l *Log) info(ctx context.Context, options ...jetstream.StreamInfoOpt) (info *jetstream.StreamInfo, err error) {
	err = ask(ctx, func(ctx context.Context) (err error) {
		info, err = l.stream.Info(ctx, options...)
		return err
	})
	return info, err
}

func findStream(ctx context.Context, js jetstream.JetStream, name string) (stream jetstream.Stream, err error) {
	err = ask(ctx, func(ctx context.Context) (err error) {
		stream, err = js.Stream(ctx, name)
		return err
	})
	return stream, err
}

// Last reads a store's state: one get, however long its history. A store that nobody asked for is the zero State.
func (l *Log) Last(ctx context.Context, id store.ID) (store.State, error) {
	entry, err := l.lastEntry(ctx, id)
	return entry.State, err
}

// LastAt is Last, and says when the broker stored the message that carries the state: the time in it is by its writer's
// clock. Sweeps call it.
func (l *Log) LastAt(ctx context.Context, id store.ID) (store.State, time.Time, error) {
	raw, err := l.last(ctx, id)
	if err != nil {
		return store.State{}, time.Time{}, err
	}
	entry, err := entryOf(raw)
	return entry.State, raw.Time, err
}

func (l *Log) lastEntry(ctx context.Context, id store.ID) (Entry, error) {
	raw, err := l.last(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	return entryOf(raw)
}

func (l *Log) last(ctx context.Context, id store.ID) (Raw, error) {
	raw, err := l.get(ctx, id, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return l.stream.GetLastMsgForSubject(ctx, historyOf(id))
	})
	if raw.Seq != 0 {
		l.seen.last(id, raw)
	}
	return raw, err
}

// entryAfter reads the first message of a store's history behind the sequence seq. The broker scans for it, so this is
// for the rare case that needs it.
func (l *Log) entryAfter(ctx context.Context, id store.ID, seq uint64) (Entry, error) {
	raw, err := l.next(ctx, id, seq+1)
	if err != nil {
		return Entry{}, err
	}
	return entryOf(raw)
}

// get reads one message of a store; the zero Raw when there is none.
func (l *Log) get(ctx context.Context, id store.ID, read func(context.Context) (*jetstream.RawStreamMsg, error)) (Raw, error) {
	var msg *jetstream.RawStreamMsg
	err := ask(ctx, func(ctx context.Context) (err error) {
		msg, err = read(ctx)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Raw{}, nil
	}
	if err != nil {
		return Raw{}, fmt.Errorf("read a message of store %s: %w", id, err)
	}
	return Raw{Subject: msg.Subject, Header: msg.Header, Data: msg.Data, Seq: msg.Sequence, Time: msg.Time}, nil
}

// entryOf decodes what get has read.
func entryOf(raw Raw) (Entry, error) {
	if raw.Seq == 0 {
		return Entry{}, nil
	}
	return raw.Entry()
}
