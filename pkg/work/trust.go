package work

import (
	"context"
	"errors"
	"time"

	"github.com/store-platform/store-platform/pkg/lease"
)

// Trust says whether an operation may still write. It is asked by the transport under every Kubernetes client of the
// operation, because Helm can't be cancelled and a frozen worker doesn't know that it was.
type Trust struct {
	lease *lease.Lease
	// ended returns why the operation ended, nil while it may write.
	ended func() error
}

// newTrust ends with the operation, but not by a shutdown: what a step has begun to write is finished under the lease,
// which nobody else gets before. Refused in the middle of a Helm run, it would be run again.
func newTrust(ctx context.Context, l *lease.Lease) *Trust {
	return &Trust{lease: l, ended: func() error {
		if cause := context.Cause(ctx); !errors.Is(cause, ErrYielded) {
			return cause
		}
		return nil
	}}
}

// Err is nil while writes are allowed.
func (t *Trust) Err() error {
	if err := t.ended(); err != nil {
		return err
	}
	if t.lease.Remaining() <= 0 {
		return lease.ErrLost
	}
	return nil
}

// Remaining is how long writes are allowed unless the operation ends before.
func (t *Trust) Remaining() time.Duration { return t.lease.Remaining() }
