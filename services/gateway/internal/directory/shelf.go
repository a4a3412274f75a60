package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// markLife is how long is remembered that there was something which is gone.
const markLife = time.Hour

// shelf is the keys of a bucket that begin alike and hold things of one type.
type shelf[T any] struct {
	kv     jetstream.KeyValue
	prefix string
}

// read answers what is there; ErrUnknown where nothing is. Who looks (looking) shares what it answers with all others who do.
func (s shelf[T]) read(ctx context.Context, id string) (T, error) {
	var nothing T
	entry, err := s.kv.Get(ctx, s.prefix+id)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nothing, ErrUnknown
	case err != nil:
		return nothing, fmt.Errorf("read %s: %w", s.prefix+id, err)
	}
	read := func() (any, error) {
		var thing T
		err := s.decode(entry.Value(), &thing)
		return thing, err
	}
	var thing any
	if kept, looks := entry.(*answer); looks {
		thing, err = kept.as(read)
	} else {
		thing, err = read()
	}
	if err != nil {
		return nothing, err
	}
	return thing.(T), nil
}

// create puts it where nothing is. What is there already and is the same is this very thing, put by a try whose answer was
// lost: so each has something in it that no other has. ErrTaken where it is another.
func (s shelf[T]) create(ctx context.Context, id string, thing T) error {
	data, err := json.Marshal(thing)
	if err != nil {
		return fmt.Errorf("encode %s: %w", s.prefix, err)
	}
	_, err = storelog.Rewrite(ctx, s.kv, s.prefix+id, func(have storelog.Value) ([]byte, error) {
		switch {
		case have.Data == nil:
			return data, nil
		case bytes.Equal(have.Data, data):
			return nil, nil
		}
		return nil, ErrTaken
	})
	return err
}

// ensure puts it where nothing is, and answers what is there then.
func (s shelf[T]) ensure(ctx context.Context, id string, thing T) (T, error) {
	data, err := json.Marshal(thing)
	if err != nil {
		return thing, fmt.Errorf("encode %s: %w", s.prefix, err)
	}
	value, err := storelog.Rewrite(ctx, s.kv, s.prefix+id, func(have storelog.Value) ([]byte, error) {
		if have.Data != nil {
			return nil, nil
		}
		return data, nil
	})
	if err != nil {
		return thing, err
	}
	var there T
	return there, s.decode(value.Data, &there)
}

// change lets decide change what is there, and again when somebody else got ahead; it says whether there is anything to write,
// and must find a change that it has made already made. ErrUnknown where nothing is.
func (s shelf[T]) change(ctx context.Context, id string, decide func(*T) (bool, error)) (T, error) {
	var thing T
	_, err := storelog.Rewrite(ctx, s.kv, s.prefix+id, func(have storelog.Value) ([]byte, error) {
		if have.Data == nil {
			return nil, ErrUnknown
		}
		var anew T
		thing = anew
		if err := s.decode(have.Data, &thing); err != nil {
			return nil, err
		}
		changed, err := decide(&thing)
		if err != nil || !changed {
			return nil, err
		}
		return json.Marshal(thing)
	})
	return thing, err
}

// remove leaves nothing there but a mark, and that for a while. Removing twice is removing once.
func (s shelf[T]) remove(ctx context.Context, id string) error {
	err := storelog.Insist(ctx, func(ctx context.Context) error {
		return s.kv.Purge(ctx, s.prefix+id, jetstream.PurgeTTL(markLife))
	})
	if err != nil {
		return fmt.Errorf("remove from %s: %w", s.prefix, err)
	}
	return nil
}

// createFor is create of what goes by itself after a life, unless it is changed before.
func (s shelf[T]) createFor(ctx context.Context, id string, thing T, life time.Duration) error {
	data, err := json.Marshal(thing)
	if err != nil {
		return fmt.Errorf("encode %s: %w", s.prefix, err)
	}
	err = storelog.Insist(ctx, func(ctx context.Context) error {
		_, err := s.kv.Create(ctx, s.prefix+id, data, jetstream.KeyTTL(life))
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return err
		}
		have, err := storelog.ReadValue(ctx, s.kv, s.prefix+id)
		if err == nil && !bytes.Equal(have.Data, data) {
			return ErrTaken
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create in %s: %w", s.prefix, err)
	}
	return nil
}

// removeIf is remove of what is so, and of nothing that somebody has put there meanwhile.
func (s shelf[T]) removeIf(ctx context.Context, id string, so func(T) bool) error {
	for {
		have, err := storelog.ReadValue(ctx, s.kv, s.prefix+id)
		if err != nil || have.Data == nil {
			return err
		}
		var thing T
		if err := s.decode(have.Data, &thing); err != nil {
			return err
		}
		if !so(thing) {
			return nil
		}
		err = s.kv.Purge(ctx, s.prefix+id, jetstream.LastRevision(have.Revision), jetstream.PurgeTTL(markLife))
		if err == nil {
			return nil
		}
		if !storelog.Refused(err) && !storelog.Unanswered(err) {
			return fmt.Errorf("remove from %s: %w", s.prefix, err)
		}
		// Somebody changed it, or nobody answered: what is there now tells.
		if err := storelog.Settle(ctx); err != nil {
			return fmt.Errorf("remove from %s: %w", s.prefix, err)
		}
	}
}

func (s shelf[T]) decode(data []byte, into *T) error {
	if err := json.Unmarshal(data, into); err != nil {
		// Not what is there, which may be anybody's.
		return fmt.Errorf("what %s holds can't be read", s.kv.Bucket())
	}
	return nil
}
