// Package lease keeps two hands off one store.
//
// A lease is a key in a KV bucket whose messages expire after their TTL, and it is renewed by writing the key again
// under the revision that its holder wrote last. So a term that has run out can never renew a newer one: the revision
// is another. What the broker can't do is stop a holder that was frozen and doesn't know that its term is over; for
// that a lease says how long it may be trusted, counted from before the last successful write was sent, and every
// Kubernetes write asks it.
package lease

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

var (
	// ErrHeld: somebody else holds the store.
	ErrHeld = errors.New("the lease is held by somebody else")
	// ErrLost: the term ran out, or another holder's began.
	ErrLost = errors.New("the lease is lost")
)

// errGone: the term is over and nobody else's has begun.
var errGone = fmt.Errorf("%w: nobody holds it", ErrLost)

// margin is the part of a lease's life by which a holder stops trusting it earlier than the broker, a sixth: of thirty
// seconds it leaves five for a write to Kubernetes that is under way, and for what two clocks differ in that time.
const margin = 6

// refusals bounds how often a write is tried again that met another on the way, one of its own perhaps. One whose answer
// was lost is tried again while the brokers may be electing a leader (storelog.Patience).
const refusals = 4

// Bucket hands out the leases of one cluster's hands.
type Bucket struct {
	log     *storelog.Log
	kv      jetstream.KeyValue
	ttl     time.Duration
	cluster string
}

// Open binds to the leases of a log, those of the default cluster's hands, and asks the broker how long they live there: whoever went by anything else might
// trust a lease that is somebody else's by now. What the broker never forgets, or later than this release wants, a gateway
// of another release has made so; it needn't be trusted for longer.
func Open(ctx context.Context, log *storelog.Log) (*Bucket, error) {
	kv, err := log.Bucket(ctx, storelog.BucketLeases)
	if err != nil {
		return nil, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask how long leases live: %w", err)
	}
	ttl := status.TTL()
	if ttl == 0 || ttl > storelog.LeaseTTL {
		ttl = storelog.LeaseTTL
	}
	return &Bucket{log: log, kv: kv, ttl: ttl}, nil
}

// Of are another cluster's: none of them is one of this bucket's, whatever it is for.
func (b *Bucket) Of(cluster string) *Bucket {
	return &Bucket{log: b.log, kv: b.kv, ttl: b.ttl, cluster: cluster}
}

// Holding is a lease that somebody holds.
type Holding struct {
	Key, Holder string
	// Revision is another after each renewal.
	Revision uint64
}

// Held lists the leases whose keys match a pattern, of NATS' kind, and that somebody holds now. It costs a question for each
// that was held within a lease's life.
func (b *Bucket) Held(ctx context.Context, pattern string) ([]Holding, error) {
	keys, err := b.log.Keys(ctx, storelog.BucketLeases, store.ClusterKey(b.cluster, pattern))
	if err != nil {
		return nil, err
	}
	var held []Holding
	for _, key := range keys {
		// What was given back is listed until it would have run out.
		entry, err := b.kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ask who holds lease %s: %w", key, err)
		}
		// As term puts it.
		term := string(entry.Value())
		held = append(held, Holding{
			Key:    strings.TrimPrefix(key, store.ClusterKey(b.cluster, "")),
			Holder: term[:max(strings.LastIndexByte(term, ' '), 0)], Revision: entry.Revision(),
		})
	}
	return held, nil
}

// Clock is the installation's, to which the bucket's leases were made.
func (b *Bucket) Clock() clock.Divisor { return clock.Divisor(storelog.LeaseTTL / b.ttl) }

// Lease is one term. Renew and Release are for the goroutine that took it; Remaining is safe for everybody.
type Lease struct {
	bucket *Bucket
	key    string
	// term is what the key holds: the holder, and a word that no other term of its has. It tells, when an answer was
	// lost, whose the key is.
	term     []byte
	revision uint64
	trusted  atomic.Pointer[time.Time]
}

// Take begins a term for key, or fails with ErrHeld.
func (b *Bucket) Take(ctx context.Context, key, holder string) (*Lease, error) {
	l := b.term(key, holder)
	if err := l.begin(ctx); err != nil {
		return nil, fmt.Errorf("take lease %s: %w", key, err)
	}
	return l, nil
}

// Seize begins a term for key whoever has it, who hears of that at the next renewal. It is for leases that keep nobody apart
// who could do harm: until then there are two who trust theirs.
func (b *Bucket) Seize(ctx context.Context, key, holder string) (*Lease, error) {
	l := b.term(key, holder)
	revision, err := b.kv.Put(ctx, l.key, l.term)
	if err != nil {
		return nil, fmt.Errorf("seize lease %s: %w", key, err)
	}
	l.revision = revision
	return l, nil
}

func (b *Bucket) term(key, holder string) *Lease {
	l := &Lease{bucket: b, key: store.ClusterKey(b.cluster, key), term: []byte(holder + " " + rand.Text())}
	l.trustFrom(time.Now())
	return l
}

// begin writes the key where there is none. That there is one says little: it may be of a try of ours whose answer was
// lost, or what is left of a term that has just ended.
func (l *Lease) begin(ctx context.Context) error {
	refused := 0
	return storelog.Insist(ctx, func(ctx context.Context) error {
		for {
			revision, err := l.bucket.kv.Create(ctx, l.key, l.term)
			if err == nil {
				l.revision = revision
				return nil
			}
			if exists(err) {
				err = l.find(ctx)
			}
			if !errors.Is(err, ErrLost) {
				return err
			}
			if refused++; !errors.Is(err, errGone) || refused == refusals {
				return ErrHeld
			}
		}
	})
}

func exists(err error) bool { return errors.Is(err, jetstream.ErrKeyExists) || storelog.Refused(err) }

// Renew prolongs the term. ErrLost is final; after any other error the old term still runs and Renew may be tried again.
func (l *Lease) Renew(ctx context.Context) error {
	if l.Remaining() <= 0 {
		return fmt.Errorf("renew lease %s: %w", l.key, ErrLost)
	}
	// Whoever holds the term is to hear of its end when it comes, not when a try for more of it is over.
	ctx, cancel := context.WithTimeout(ctx, l.Remaining())
	defer cancel()
	var asked time.Time
	err := l.write(ctx, func(ctx context.Context) error {
		asked = time.Now()
		revision, err := l.bucket.kv.Update(ctx, l.key, l.term, l.revision)
		if err == nil {
			l.revision = revision
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("renew lease %s: %w", l.key, err)
	}
	l.trustFrom(asked)
	return nil
}

// Release ends the term at once, so that the next hand need not wait for it to run out. A lease that is lost already
// belongs to somebody else and is left alone.
func (l *Lease) Release(ctx context.Context) error {
	past := time.Time{}
	l.trusted.Store(&past)
	err := l.write(ctx, func(ctx context.Context) error {
		return l.bucket.kv.Purge(ctx, l.key, jetstream.LastRevision(l.revision))
	})
	if err != nil && !errors.Is(err, ErrLost) {
		return fmt.Errorf("release lease %s: %w", l.key, err)
	}
	return nil
}

// write writes under the term's revision. That it is refused says only that the key has another one: a renewal of ours,
// whose answer was lost, may have made it. ErrLost: the key isn't this term's any more.
func (l *Lease) write(ctx context.Context, write func(context.Context) error) error {
	refused := 0
	return storelog.Insist(ctx, func(ctx context.Context) error {
		for {
			err := write(ctx)
			if !storelog.Refused(err) {
				return err
			}
			if refused++; refused == refusals {
				return err
			}
			if err := l.find(ctx); err != nil {
				return err
			}
		}
	})
}

// find reads which revision the term's key has by now.
func (l *Lease) find(ctx context.Context) error {
	entry, err := l.bucket.kv.Get(ctx, l.key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return errGone
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(entry.Value(), l.term) {
		return ErrLost
	}
	l.revision = entry.Revision()
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
	until := asked.Add(l.bucket.ttl - l.bucket.ttl/margin)
	l.trusted.Store(&until)
}
