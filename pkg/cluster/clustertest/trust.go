package clustertest

import (
	"errors"
	"sync"
	"time"
)

// ErrEnded is what a Trust of this package says when it has ended.
var ErrEnded = errors.New("the test ended the trust")

// Trust is a cluster.Trust that ends at its n-th request, as a worker does that is killed there. The zero value never
// ends.
type Trust struct {
	// EndAt is the number of the first request that is refused, from 1; 0 is none.
	EndAt int

	mu    sync.Mutex
	asked int
}

// Err is asked once for each request.
func (t *Trust) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if t.EndAt > 0 && t.asked >= t.EndAt {
		return ErrEnded
	}
	return nil
}

// Remaining is longer than any test.
func (t *Trust) Remaining() time.Duration { return time.Hour }

// Asked is how many requests there were.
func (t *Trust) Asked() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}
