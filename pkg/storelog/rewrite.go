package storelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrContended: others changed the same value again and again; worth trying again.
var ErrContended = errors.New("others got ahead each time")

const (
	// rewrites bounds how often a change is decided again because another came first, silences how often because nobody
	// answered, which takes seconds each time.
	rewrites = 64
	silences = 4
)

// errStalled: a write of the same value has been under way all the time, as one is that the brokers lack a quorum for.
// Nobody has answered, in effect, so Unanswered tells it.
var errStalled = fmt.Errorf("another write doesn't end: %w", nats.ErrTimeout)

// Value is what a key of a bucket holds. The zero value is that of a key which holds nothing.
type Value struct {
	Data []byte
	// Revision is what another write is to be made under.
	Revision uint64
	// Created is when the broker stored it, by its clock.
	Created time.Time
}

// ReadValue answers what a key holds.
func ReadValue(ctx context.Context, kv jetstream.KeyValue, key string) (Value, error) {
	entry, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Value{}, nil
	}
	if err != nil {
		return Value{}, fmt.Errorf("read %s: %w", key, err)
	}
	return Value{Data: entry.Value(), Revision: entry.Revision(), Created: entry.Created()}, nil
}

// Rewrite lets decide say what a key is to hold, given what it holds, and again when somebody else got ahead (ErrContended in the end).
// What decide returns nil for stays as it is. An answer that was lost is like a refusal: what was written shows when it is
// read, so decide finds its own change there and must make it once. It answers what the key holds then.
func Rewrite(ctx context.Context, kv jetstream.KeyValue, key string, decide func(Value) ([]byte, error)) (Value, error) {
	silent := 0
	stalled := errStalled
	for try, last := 0, uint64(0); try < rewrites; try++ {
		have, err := ReadValue(ctx, kv, key)
		if err != nil {
			return Value{}, err
		}
		switch {
		case try > 0 && have.Revision == last:
			// Nobody has changed it, and yet it was refused.
			if err := Settle(ctx); err != nil {
				return Value{}, fmt.Errorf("write %s: %w", key, err)
			}
		case try > 0:
			stalled = ErrContended
		}
		last = have.Revision
		want, err := decide(have)
		if err != nil || want == nil {
			return have, err
		}
		revision, err := write(ctx, kv, key, want, have.Revision)
		if err == nil {
			return Value{Data: want, Revision: revision}, nil
		}
		if Unanswered(err) && ctx.Err() == nil && silent < silences {
			silent++
		} else if !Refused(err) {
			return Value{}, fmt.Errorf("write %s: %w", key, err)
		}
	}
	return Value{}, fmt.Errorf("write %s, %d tries: %w", key, rewrites, stalled)
}

// write makes a key that holds nothing: behind the mark of one that was purged it isn't the first.
func write(ctx context.Context, kv jetstream.KeyValue, key string, data []byte, over uint64) (uint64, error) {
	if over == 0 {
		return kv.Create(ctx, key, data)
	}
	return kv.Update(ctx, key, data, over)
}
