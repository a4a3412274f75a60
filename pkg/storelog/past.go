package storelog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// Point is one in the log's past: behind the message with a sequence or, where Time is set, behind all that the broker had
// stored by then, by its own clock. The zero Point is before everything.
type Point struct {
	Seq  uint64
	Time time.Time
}

// FutureError: the log hasn't come to a point yet. What it will hold there nobody can say.
type FutureError struct{ Present Present }

func (e *FutureError) Error() string {
	return fmt.Sprintf("the log ends at %d, and the broker has %s", e.Present.Head, e.Present.Time.Format(time.RFC3339))
}

// Upto is the sequence that a point stands for: of the last message at it or before. All that is read of the past goes by this,
// so that a time means the same wherever it is asked for. It fails with a *FutureError. The first message that was stored later
// decides for a time, also where a broker whose clock was behind has led in between.
func (l *Log) Upto(ctx context.Context, p Point) (uint64, error) {
	if p.Time.IsZero() {
		// It is asked only for what is new: the log never gets shorter.
		if p.Seq <= l.seen.upto(0) {
			return p.Seq, nil
		}
		now, err := l.Present(ctx)
		if err == nil && p.Seq > l.seen.upto(now.Head) {
			err = &FutureError{now}
		}
		return p.Seq, err
	}
	if next, err := l.firstBehind(ctx, p.Time); err != nil || next != 0 {
		return max(next, 1) - 1, err
	}
	now, err := l.Present(ctx)
	if err != nil {
		return 0, err
	}
	if p.Time.After(now.Time) {
		return 0, &FutureError{now}
	}
	// What came between the two questions may be of before the time, too.
	if next, err := l.firstBehind(ctx, p.Time); err != nil || next != 0 {
		return max(next, 1) - 1, err
	}
	return now.Head, nil
}

// Times are told to the broker as nanoseconds in an int64, which holds none outside of these.
var firstTime, lastTime = time.Unix(0, 0), time.Unix(0, math.MaxInt64)

// getSubject is where the broker is asked for a message by its time, which nats.go doesn't.
const getSubject = "$JS.API.STREAM.MSG.GET." + Stream

// got is what the broker answers there.
type got struct {
	Error   *jetstream.APIError `json:"error"`
	Message struct {
		Seq uint64 `json:"seq"`
	} `json:"message"`
}

// firstBehind is the sequence of the first message that the broker stored later than at, and zero where there is none.
func (l *Log) firstBehind(ctx context.Context, at time.Time) (uint64, error) {
	switch {
	case at.Before(firstTime):
		at = firstTime
	case !at.Before(lastTime):
		return 0, nil
	}
	request, err := json.Marshal(map[string]time.Time{"start_time": at.Add(1).UTC()})
	if err != nil {
		return 0, fmt.Errorf("encode a time: %w", err)
	}
	var found got
	err = ask(ctx, func(ctx context.Context) error {
		reply, err := l.js.Conn().RequestWithContext(ctx, getSubject, request)
		if err != nil {
			return err
		}
		found = got{}
		if err := json.Unmarshal(reply.Data, &found); err != nil {
			return fmt.Errorf("decode the broker's answer: %w", err)
		}
		if found.Error != nil {
			return found.Error
		}
		return nil
	})
	if errorCode(err) == jetstream.JSErrCodeMessageNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for what was stored after %s: %w", at.Format(time.RFC3339Nano), err)
	}
	return found.Message.Seq, nil
}

// Past is a store as it was.
type Past struct {
	// Then is its state at the point; the zero State where nothing had been said of it yet.
	Then store.State
	// Now is its state by its last message, which says whose its past is.
	Now store.State
	// Upto is the sequence that the point stands for.
	Upto uint64
}

// ErrFar: so much has been said of a store since a point, by a release that left no trails, that the way back to it is too long.
var ErrFar = errors.New("too much has been said of the store since")

// Past reads a store exactly as its last message at a point or before has left it, if may, which is told how it is now, lets whoever
// asks. It fails with may's error, with a *FutureError, with ErrFar, and as Last does
// where the last message of the store can't be read, or the one that it looks for.
func (l *Log) Past(ctx context.Context, id store.ID, p Point, may func(store.State) error) (Past, error) {
	upto, err := l.Upto(ctx, p)
	if err != nil {
		return Past{}, err
	}
	// Behind that, or something might have been said of the store in between, and yet before the point.
	last, err := l.last(ctx, id)
	if err != nil {
		return Past{}, err
	}
	now, err := entryOf(last)
	if err != nil {
		return Past{}, err
	}
	if err := may(now.State); err != nil {
		return Past{}, err
	}
	then, err := l.lastUpto(ctx, id, last, upto)
	if err != nil {
		return Past{}, err
	}
	entry, err := entryOf(then)
	return Past{Then: entry.State, Now: now.State, Upto: upto}, err
}

// stepsBack is how many messages are read on the way back, at most: each is a question to the log's leader, and who may read a
// store may ask again and again. By trails there are never so many.
const stepsBack = 2000

// lastUpto is the last message of a store's history at a sequence or before it, from one behind it on; the zero Raw where there is
// none.
func (l *Log) lastUpto(ctx context.Context, id store.ID, from Raw, upto uint64) (Raw, error) {
	at := from
	for steps := 0; at.Seq > upto; steps++ {
		if steps > stepsBack {
			return Raw{}, ErrFar
		}
		before, err := l.toward(ctx, id, at, upto)
		if err != nil {
			return Raw{}, err
		}
		at = before
	}
	return at, nil
}

// toward is a message before another one of a store's history, nearer to the last one at a sequence or before it, and never beyond.
func (l *Log) toward(ctx context.Context, id store.ID, behind Raw, upto uint64) (before Raw, err error) {
	if t := trailOf(id, behind); t != nil {
		seq := t.toward(upto)
		if seq == 0 {
			return Raw{}, nil
		}
		return l.message(ctx, id, seq)
	}
	err = l.walk(ctx, id, behind.Seq, func(raw Raw) error {
		if raw.Seq < behind.Seq {
			before = raw
		}
		return nil
	})
	return before, err
}

// message is the message of a store with a sequence.
func (l *Log) message(ctx context.Context, id store.ID, seq uint64) (Raw, error) {
	raw, err := l.get(ctx, id, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return l.stream.GetMsg(ctx, seq) })
	if err != nil {
		return Raw{}, err
	}
	if of, err := StoreOf(raw.Subject); err != nil || of != id {
		return Raw{}, fmt.Errorf("message %d isn't of store %s: %w", seq, id, ErrUnreadable)
	}
	return raw, nil
}

// next is the first message of a store's history from a sequence on. The broker looks through what lies between.
func (l *Log) next(ctx context.Context, id store.ID, from uint64) (Raw, error) {
	return l.get(ctx, id, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return l.stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(historyOf(id)))
	})
}

// walk visits a store's history from its beginning to the message with the sequence end. The broker scans the log for each, which is
// right behind what somebody has written past the fence, and for nothing else.
func (l *Log) walk(ctx context.Context, id store.ID, end uint64, visit func(Raw) error) error {
	for seq := uint64(0); seq < end; {
		raw, err := l.next(ctx, id, seq+1)
		if err == nil && raw.Seq == 0 {
			err = ErrNoMessage
		}
		if err == nil {
			seq, err = raw.Seq, visit(raw)
		}
		if err != nil {
			return fmt.Errorf("walk the history of store %s: %w", id, err)
		}
	}
	return nil
}
