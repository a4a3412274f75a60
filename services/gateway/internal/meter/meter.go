// Package meter bounds what clients can make permanent: every command is a message that the log never forgets, so whoever
// creates and deletes in a loop would fill it for everybody. Each tenant has a bucket of tokens and pays one a message. What can
// come only once behind a message that was paid for, and ends what that began, needs none.
//
// Each gateway counts for itself, so that a tenant whose requests reach all of them has as many buckets.
package meter

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// EmptyError: the tenant has sent too much, and its bucket is empty. After is when there is a token again.
type EmptyError struct{ After time.Duration }

func (e *EmptyError) Error() string {
	return fmt.Sprintf("the tenant sends too much; again in %s", e.After)
}

// sparse is how many buckets are kept before it is looked which of them needn't be.
const sparse = 4096

// Meter holds the buckets. It is safe for concurrent use.
type Meter struct {
	capacity int
	refill   rate.Limit
	now      func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	// crowd is how many buckets there may be before the next look.
	crowd int
}

// New makes a meter of buckets with capacity tokens, of which refill come back each second. Without capacity nobody is
// metered.
func New(capacity int, refill float64, now func() time.Time) *Meter {
	return &Meter{capacity: capacity, refill: rate.Limit(refill), now: now, buckets: map[string]*rate.Limiter{}, crowd: sparse}
}

// Take pays for so many messages, or for none and says with a *EmptyError when the tenant may try again. What was paid for a
// message that then wasn't written is gone: who is refused elsewhere isn't to ask without end either. More messages than a
// bucket holds, which it never would, cost all of it.
func (m *Meter) Take(tenant string, messages int) error {
	if m.capacity == 0 {
		return nil
	}
	now := m.now()
	taken := m.bucket(tenant, now).ReserveN(now, min(messages, m.capacity))
	wait := taken.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	taken.CancelAt(now)
	return &EmptyError{After: wait}
}

func (m *Meter) bucket(tenant string, now time.Time) *rate.Limiter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if bucket := m.buckets[tenant]; bucket != nil {
		return bucket
	}
	if len(m.buckets) >= m.crowd {
		m.forget(now)
	}
	bucket := rate.NewLimiter(m.refill, m.capacity)
	m.buckets[tenant] = bucket
	return bucket
}

// forget drops the buckets that are full again: a new one is the same.
func (m *Meter) forget(now time.Time) {
	for tenant, bucket := range m.buckets {
		if bucket.TokensAt(now) >= float64(m.capacity) {
			delete(m.buckets, tenant)
		}
	}
	m.crowd = max(sparse, 2*len(m.buckets))
}
