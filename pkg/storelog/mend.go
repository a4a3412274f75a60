package storelog

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// ErrNoMessage: no message of the log has that sequence.
var ErrNoMessage = errors.New("there is no such message in the log")

// Message reads the message with a sequence: an operator names it by that.
func (l *Log) Message(ctx context.Context, seq uint64) (Raw, error) {
	if seq == 0 {
		return Raw{}, ErrNoMessage
	}
	var msg *jetstream.RawStreamMsg
	err := ask(ctx, func(ctx context.Context) (err error) {
		msg, err = l.stream.GetMsg(ctx, seq)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Raw{}, fmt.Errorf("message %d: %w", seq, ErrNoMessage)
	}
	if err != nil {
		return Raw{}, fmt.Errorf("read message %d: %w", seq, err)
	}
	return Raw{Subject: msg.Subject, Header: msg.Header, Data: msg.Data, Seq: msg.Sequence, Time: msg.Time}, nil
}

// Mend appends an event behind a message that can't be read and ends a store's history, which nobody else can continue:
// a writer begins by reading the last message. The state it goes on from is that of the last message that can be read,
// so whatever the unreadable one said is given up; an operator has decided that. The fence is the unreadable message's
// sequence.
//
// It is refused with ErrConflict when the history ends otherwise, and with ErrNewerSchema when a newer version of the
// platform has written any of it: that isn't broken, this program is old.
func (l *Log) Mend(ctx context.Context, id store.ID, unreadable uint64, m store.Message) (store.State, error) {
	last, err := l.stream.GetLastMsgForSubject(ctx, historyOf(id))
	if err != nil {
		return store.State{}, fmt.Errorf("read the last message of store %s: %w", id, err)
	}
	_, err = Decode(last.Subject, last.Header, last.Data, last.Sequence)
	switch {
	case errors.Is(err, ErrNewerSchema):
		return store.State{}, err
	case err == nil, last.Sequence != unreadable:
		return store.State{}, fmt.Errorf("mend store %s behind message %d: %w", id, unreadable, ErrConflict)
	}
	before, err := l.lastReadable(ctx, id, unreadable)
	if err != nil {
		return store.State{}, err
	}
	if !before.Exists() {
		// Its subject is all that tells whose hands are to find it.
		if cluster, err := ClusterOf(last.Subject); err == nil && !store.IsDefaultCluster(cluster) {
			before.Cluster = cluster
		}
	}
	before.ID, before.Version = id, unreadable
	m.Store = id
	return l.Append(ctx, before, m)
}

// lastReadable walks a store's history up to its end for the last state in it.
func (l *Log) lastReadable(ctx context.Context, id store.ID, end uint64) (store.State, error) {
	var state store.State
	err := l.walk(ctx, id, end, func(raw Raw) error {
		entry, err := raw.Entry()
		if errors.Is(err, ErrNewerSchema) {
			return err
		}
		if err == nil {
			state = entry.State
		}
		return nil
	})
	return state, err
}
