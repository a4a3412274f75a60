// Package guesses bounds how often somebody may guess, exactly, however many gateways they ask: at a password a gateway's
// share of a limit (package limits) is too much for who asks them all, and too little for who meets a single one.
//
// One key for each thing that is guessed at holds the moment in which all guesses are to be had again, and is changed only
// under its own revision. A guess is paid for before it is looked at, so one whose answer is lost was no free one, and
// who dies in between has guessed. Nothing is written of who is refused.
package guesses

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/throttled/throttled/v2"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// ErrContended: others guessed at the same at every try; worth asking again, and no guess was made.
var ErrContended = errors.New("others got ahead each time")

// Limit is how many guesses there may be at once. All of them come back within Within, one after the other, and no later than a
// bucket is kept (storelog.GuessesTTL).
type Limit struct {
	Guesses int
	Within  time.Duration
}

func (l Limit) quota() (throttled.RateQuota, error) {
	if l.Guesses < 1 || l.Within <= 0 || l.Within > storelog.GuessesTTL {
		return throttled.RateQuota{}, fmt.Errorf("%d guesses within %s: must be at least one, within %s at most", l.Guesses, l.Within, storelog.GuessesTTL)
	}
	return throttled.RateQuota{MaxRate: throttled.PerDuration(l.Guesses, l.Within), MaxBurst: l.Guesses - 1}, nil
}

// Guesses counts. It is safe for concurrent use.
type Guesses struct {
	log   *storelog.Log
	shape storelog.Settings
	kv    jetstream.KeyValue
	now   func() time.Time
}

// Open makes the bucket where it is missing. shape is how the log is to be. Where gateways' clocks differ there are as many guesses
// too many, or too few, as come back in the time between them; what one has written whose clock is far ahead is forgotten by
// the broker's, behind storelog.GuessesTTL.
func Open(ctx context.Context, log *storelog.Log, shape storelog.Settings, now func() time.Time) (*Guesses, error) {
	if err := log.EnsureGuesses(ctx, shape); err != nil {
		return nil, err
	}
	kv, err := log.Bucket(ctx, storelog.BucketGuesses)
	if err != nil {
		return nil, err
	}
	return &Guesses{log: log, shape: shape, kv: kv, now: now}, nil
}

// Take lets somebody guess, or not and says in how long they may. key is what is guessed at, or who guesses: it is kept as a
// digest, from which a name that can be guessed itself can be found, so that personal data comes here under a key of its own.
// With an error, which storelog.Unanswered and ErrContended tell, there is no guess, though it may have been paid for.
func (g *Guesses) Take(ctx context.Context, key string, limit Limit) (ok bool, retryAfter time.Duration, err error) {
	quota, err := limit.quota()
	if err != nil {
		return false, 0, err
	}
	sum := sha256.Sum256([]byte(key))
	page := &page{Guesses: g}
	limiter, err := throttled.NewGCRARateLimiterCtx(page, quota)
	if err != nil {
		return false, 0, fmt.Errorf("count guesses: %w", err)
	}
	// One more than the page allows itself, which says better why.
	limiter.SetMaxCASAttemptsLimit(tries + 1)
	limited, is, err := limiter.RateLimitCtx(ctx, hex.EncodeToString(sum[:]), 1)
	if err != nil {
		return false, 0, fmt.Errorf("count a guess: %w", err)
	}
	if limited {
		return false, is.RetryAfter, nil
	}
	return true, 0, nil
}

const (
	// tries bounds how often a guess is decided again because another came first, silent how often because nobody answered,
	// which takes seconds each time.
	tries  = 64
	silent = 3
)

// page is one key on its way through a limiter, which reads it and swaps it for what it has made of that.
type page struct {
	*Guesses
	// revision is under which it was read last, and refused under which it couldn't be written last.
	revision, refused uint64
	tried, silences   int
}

var _ throttled.GCRAStoreCtx = (*page)(nil)

// unknown is the library's word for a key that is not there.
const unknown = -1

func (p *page) GetWithTime(ctx context.Context, key string) (int64, time.Time, error) {
	now := p.now()
	entry, err := p.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// The broker was started again, and what it had in memory is gone.
		if err = p.log.EnsureGuesses(ctx, p.shape); err == nil {
			entry, err = p.kv.Get(ctx, key)
		}
	}
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		p.revision = 0
		return unknown, now, nil
	}
	if err != nil {
		return 0, now, err
	}
	whole, err := strconv.ParseInt(string(entry.Value()), 10, 64)
	if err != nil {
		return 0, now, fmt.Errorf("decode %s: %w", key, err)
	}
	p.revision = entry.Revision()
	return whole, now, nil
}

func (p *page) SetIfNotExistsWithTTL(ctx context.Context, key string, whole int64, _ time.Duration) (bool, error) {
	return p.write(ctx, key, whole)
}

// CompareAndSwapWithTTL compares revisions, since only the broker's word on who came first holds for all gateways.
func (p *page) CompareAndSwapWithTTL(ctx context.Context, key string, _, whole int64, _ time.Duration) (bool, error) {
	return p.write(ctx, key, whole)
}

// write says whether it was written. What nobody has answered may have been: it is read again, and paid for again.
func (p *page) write(ctx context.Context, key string, whole int64) (bool, error) {
	if p.tried++; p.tried > tries {
		return false, ErrContended
	}
	_, err := p.kv.Update(ctx, key, strconv.AppendInt(nil, whole, 10), p.revision)
	switch {
	case err == nil:
		return true, nil
	case storelog.Unanswered(err) && ctx.Err() == nil && p.silences < silent:
		p.silences++
	case !storelog.Refused(err):
		return false, err
	case p.tried > 1 && p.refused == p.revision:
		// Nobody has changed it, and yet it is refused again: another write of it is under way.
		return false, storelog.Settle(ctx)
	}
	p.refused = p.revision
	return false, nil
}
