package work

import (
	"context"
	"time"

	"github.com/store-platform/store-platform/pkg/lease"
)

// Trust says whether an operation may still write. It is asked by the transport under every Kubernetes client of the
// operation, because Helm can't be cancelled and a frozen worker doesn't know that it was.
type Trust struct {
	lease *lease.Lease
	// ended returns why the operation ended, nil while it runs.
	ended func() error
}

func newTrust(ctx context.Context, l *lease.Lease) *Trust {
	return &Trust{lease: l, ended: func() error { return context.Cause(ctx) }}
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
