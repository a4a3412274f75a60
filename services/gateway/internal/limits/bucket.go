// Package limits bounds what one tenant may ask of the platform, so that its noise is nobody else's wait. Each tenant has a
// bucket of requests, and a smaller one of what it makes permanent: a command is a message that the log never forgets, so
// whoever creates and deletes in a loop would fill it for everybody.
//
// The buckets are each gateway's own, and its share of what a tenant may have at all: the limit divided by the gateways that
// say they live (Gateways). So a request is counted without asking anybody, and a tenant whose requests reach all gateways
// has as much as one that meets a single one. What must be exact is counted elsewhere (package guesses).
package limits

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/throttled/throttled/v2"
)

// The buckets that there are, by the name of their policy in the answers' headers.
const (
	Requests = "default"
	Commands = "commands"
)

// EmptyError: the tenant has asked for too much, and its bucket is empty. After is when there is enough in it again.
type EmptyError struct {
	Bucket string
	After  time.Duration
}

func (e *EmptyError) Error() string {
	return fmt.Sprintf("the tenant's bucket of %s is empty; again in %s", e.Bucket, e.After)
}

// Rate is what a tenant may have from all gateways together: Capacity at once, of which PerSecond come back each second.
// Without capacity nobody is counted.
type Rate struct {
	Capacity  int
	PerSecond float64
}

// longest is how long an empty bucket may take to be full again. One that takes longer is a typing error, and much longer
// more than can be counted in nanoseconds.
const longest = 365 * 24 * time.Hour

// Check says what is wrong with a rate, as the value of the setting that refill names.
func (r Rate) Check(capacity, refill string) error {
	switch {
	case r.Capacity < 0 || r.Capacity > 1_000_000:
		return fmt.Errorf("%s=%d: must be 0 to 1000000", capacity, r.Capacity)
	case r.Capacity == 0:
		return nil
	// A number that is none is neither more nor less.
	case !(r.PerSecond > 0 && r.PerSecond <= 100_000):
		return fmt.Errorf("%s=%g: must be more than 0 and at most 100000", refill, r.PerSecond)
	case float64(r.Capacity)/r.PerSecond > longest.Seconds():
		return fmt.Errorf("%s=%g: %s=%d would take more than a year to come back", refill, r.PerSecond, capacity, r.Capacity)
	}
	return nil
}

// share is the quota that one of so many gateways has to give away, and in which time all of it comes back. A share of less
// than one would be none.
func (r Rate) share(gateways int) (quota throttled.RateQuota, window time.Duration) {
	limit := max(r.Capacity/gateways, 1)
	interval := time.Duration(float64(gateways) / r.PerSecond * float64(time.Second))
	return throttled.RateQuota{MaxRate: throttled.PerDuration(1, interval), MaxBurst: limit - 1}, interval * time.Duration(limit)
}

// Buckets are one kind of bucket, one for each tenant. Safe for concurrent use.
type Buckets struct {
	name     string
	rate     Rate
	gateways func() int

	mu    sync.Mutex
	shelf shelf
}

// New makes buckets of that name. gateways is how many share the rate at the moment.
func New(name string, rate Rate, gateways func() int, now func() time.Time) *Buckets {
	return &Buckets{name: name, rate: rate, gateways: gateways, shelf: shelf{now: now, full: map[string]time.Time{}, crowd: sparse}}
}

// Take takes so many tokens from the tenant's bucket, or none and says with an *EmptyError when the tenant may try again. What
// was taken for something that then wasn't done is gone: who is refused elsewhere isn't to ask without end either. More
// than the bucket holds, which it never would, cost all of it. How the bucket stands is told by the answer's headers, where
// ctx is that of a request.
func (b *Buckets) Take(ctx context.Context, tenant string, tokens int) error {
	if b.rate.Capacity == 0 {
		return nil
	}
	quota, window := b.rate.share(b.gateways())
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter, err := throttled.NewGCRARateLimiterCtx(&b.shelf, quota)
	if err != nil {
		return fmt.Errorf("share the bucket of %s: %w", b.name, err)
	}
	limited, is, err := limiter.RateLimitCtx(ctx, tenant, min(tokens, quota.MaxBurst+1))
	if err != nil {
		return fmt.Errorf("take from the bucket of %s: %w", b.name, err)
	}
	noteFrom(ctx).keep(standing{bucket: b.name, quota: is.Limit, window: window, remaining: is.Remaining, reset: is.ResetAfter})
	if limited {
		return &EmptyError{Bucket: b.name, After: is.RetryAfter}
	}
	return nil
}

// sparse is how many buckets are kept before it is looked which of them needn't be.
const sparse = 4096

// shelf keeps of each bucket the moment in which it is full again: all that the cell rate algorithm needs. How much is in
// it follows from that and the rate, so that a share which grows or shrinks finds each bucket as full as it was, in
// proportion. It is the store of a limiter, whose swaps never fail, since the bucket's lock is held from the reading on.
//
// The library's own store forgets who asked longest ago, and by the machine's clock: who has spent all is forgotten as soon as
// enough others come.
type shelf struct {
	now  func() time.Time
	full map[string]time.Time
	// crowd is how many buckets there may be before the next look.
	crowd int
}

var _ throttled.GCRAStoreCtx = (*shelf)(nil)

// unknown is the library's word for a bucket that is not there, and full.
const unknown = -1

func (s *shelf) GetWithTime(_ context.Context, tenant string) (int64, time.Time, error) {
	now := s.now()
	if full, kept := s.full[tenant]; kept {
		return full.UnixNano(), now, nil
	}
	return unknown, now, nil
}

func (s *shelf) SetIfNotExistsWithTTL(_ context.Context, tenant string, full int64, _ time.Duration) (bool, error) {
	if len(s.full) >= s.crowd {
		s.forget()
	}
	s.full[tenant] = time.Unix(0, full)
	return true, nil
}

func (s *shelf) CompareAndSwapWithTTL(_ context.Context, tenant string, _, full int64, _ time.Duration) (bool, error) {
	s.full[tenant] = time.Unix(0, full)
	return true, nil
}

// forget drops the buckets that are full again: a new one is the same.
func (s *shelf) forget() {
	now := s.now()
	for tenant, full := range s.full {
		if !full.After(now) {
			delete(s.full, tenant)
		}
	}
	s.crowd = max(sparse, 2*len(s.full))
}
