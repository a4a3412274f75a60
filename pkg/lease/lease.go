// Package lease keeps two hands off one store.
//
// A lease is a key in a KV bucket whose messages expire after their TTL, and it is renewed by writing the key again
// under the revision that its holder wrote last. So a term that has run out can never renew a newer one: the revision
// is another. What the broker can't do is stop a holder that was frozen and doesn't know that its term is over; for
// that a lease says how long it may be trusted, counted from before the last successful write was sent, and every
// Kubernetes write asks it.
package lease

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrHeld: somebody else holds the store.
	ErrHeld = errors.New("the lease is held by somebody else")
	// ErrLost: the term ran out, or another holder's began.
	ErrLost = errors.New("the lease is lost")
)

// margin is how much earlier than the broker a holder stops trusting its lease: the request time-out of one Kubernetes
// write plus what two clocks may differ in thirty seconds.
const margin = 5 * time.Second

// Bucket hands out leases.
type Bucket struct {
	kv  jetstream.KeyValue
	ttl time.Duration
}

// NewBucket takes leases from kv, whose messages live for ttl.
func NewBucket(kv jetstream.KeyValue, ttl time.Duration) *Bucket { return &Bucket{kv: kv, ttl: ttl} }

// Lease is one term. Renew and Release are for the goroutine that took it; Remaining is safe for everybody.
type Lease struct {
	bucket   *Bucket
	key      string
	holder   []byte
	revision uint64
	trusted  atomic.Pointer[time.Time]
}

// Take begins a term for key, or fails with ErrHeld.
func (b *Bucket) Take(ctx context.Context, key, holder string) (*Lease, error) {
	asked := time.Now()
	revision, err := b.kv.Create(ctx, key, []byte(holder))
	if errors.Is(err, jetstream.ErrKeyExists) {
		return nil, fmt.Errorf("take lease %s: %w", key, ErrHeld)
	}
	if err != nil {
		return nil, fmt.Errorf("take lease %s: %w", key, err)
	}
	l := &Lease{bucket: b, key: key, holder: []byte(holder), revision: revision}
	l.trustFrom(asked)
	return l, nil
}

// Renew prolongs the term. ErrLost is final; after any other error the old term still runs and Renew may be tried again.
func (l *Lease) Renew(ctx context.Context) error {
	if l.Remaining() <= 0 {
		return fmt.Errorf("renew lease %s: %w", l.key, ErrLost)
	}
	asked := time.Now()
	revision, err := l.bucket.kv.Update(ctx, l.key, l.holder, l.revision)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return fmt.Errorf("renew lease %s: %w", l.key, ErrLost)
	}
	if err != nil {
		return fmt.Errorf("renew lease %s: %w", l.key, err)
	}
	l.revision = revision
	l.trustFrom(asked)
	return nil
}

// Release ends the term at once, so that the next hand need not wait for it to run out. A lease that is lost already
// belongs to somebody else and is left alone.
func (l *Lease) Release(ctx context.Context) error {
	err := l.bucket.kv.Purge(ctx, l.key, jetstream.LastRevision(l.revision))
	past := time.Time{}
	l.trusted.Store(&past)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release lease %s: %w", l.key, err)
	}
	return nil
}

// Remaining is how long the lease may still be trusted; zero or less means not at all. Two clocks are asked and the
// stricter one is believed: the monotonic one goes on while the process is stopped, but not while its machine sleeps,
// and the other one may be set back.
func (l *Lease) Remaining() time.Duration {
	until, now := *l.trusted.Load(), time.Now()
	return min(until.Sub(now), until.Round(0).Sub(now.Round(0)))
}

func (l *Lease) trustFrom(asked time.Time) {
	until := asked.Add(l.bucket.ttl - margin)
	l.trusted.Store(&until)
}
