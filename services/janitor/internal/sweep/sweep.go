// Package sweep is the janitor's second job: it holds what is in the cluster against what the log says, and looks after
// what nobody else comes back to.
//
//	strays    namespaces of stores that the log says were deleted     a delete is submitted
//	          namespaces and stores of which only one side knows      reported, never acted on
//	expired   stores that have outlived their time                    a delete is submitted
//	stalled   commands that nobody works on                           sent again
//	claims    claims without a store, stores without a claim          mended
//
// A sweep removes nothing by itself: it submits a command like everybody else, fenced on the very state that it judged,
// and the command goes the way of all others. What the log doesn't say is never a reason to act: a log that was lost,
// emptied, restored from an hour ago or that is another installation's knows less than the cluster.
//
// Which stores it looks at, the events service says, and the cluster's namespaces: however many are gone, it costs what lives
// (living.go). What becomes of each, the store's last message in the log says, never Postgres.
//
// Each cluster has sweeps of its own, which judge the stores that are made in it and no others. Claims are a tenant's over
// all clusters; those of the default one mend them.
//
// One sweep of a cluster runs at a time, under the lease "sweep". The lease saves work; what keeps two sweepers from saying
// something twice is the fence.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Actor is who submits what a sweep submits.
const Actor = "sweep"

// leaseKey is no store's: ids are longer.
const leaseKey = "sweep"

// openTimeout bounds the wait for a log that isn't there, so that a sweep doesn't hold the lease for it.
const openTimeout = 20 * time.Second

// Cluster is what a sweep sees of Kubernetes: it looks, and has nothing to change anything with.
type Cluster interface {
	// Namespaces lists what carries the installation's labels, from the API server itself.
	Namespaces(context.Context) ([]cluster.Sighting, error)
}

// Config says what is swept.
type Config struct {
	Installation string
	// ClusterName is the one whose stores are swept; empty means store.DefaultCluster.
	ClusterName string
	// Every is the pause between two sweeps of the cluster, whichever process makes them. Only Run looks at it.
	Every time.Duration
	// Holder tells this process from all others in the lease and in the report.
	Holder  string
	Cluster Cluster
	// Live asks the events service which stores there may be something to do about (query.Live).
	Live func(context.Context, query.LiveRequest) (query.LiveReply, error)
	// Available returns an error while there is no cluster to look at.
	Available func(context.Context) error
	// Open opens the log. It is called for each sweep, because a log that was restored is another one.
	Open func(context.Context) (*storelog.Log, error)
	Now  func() time.Time
}

// Sweeper sweeps.
type Sweeper struct {
	cfg Config
	// newest is the last report that this process has read or written.
	newest atomic.Pointer[platform.Sweep]
}

// New makes a sweeper and its gauges. Run or Sweep starts it.
func New(cfg Config) (*Sweeper, error) {
	cfg.ClusterName = cmp.Or(cfg.ClusterName, store.DefaultCluster)
	s := &Sweeper{cfg: cfg}
	return s, s.measure()
}

// Run sweeps at once and then every Config.Every until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.Every)
	defer ticker.Stop()
	for {
		err := s.take(ctx, s.cfg.Every)
		if err != nil && ctx.Err() == nil && !errors.Is(err, lease.ErrHeld) {
			slog.WarnContext(ctx, "sweep; the next one begins anew", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Sweep sweeps once. It fails with lease.ErrHeld while another sweep runs.
func (s *Sweeper) Sweep(ctx context.Context) error { return s.take(ctx, 0) }

// take sweeps under the lease, unless somebody did less than about pause ago.
func (s *Sweeper) take(ctx context.Context, pause time.Duration) error {
	if err := s.cfg.Available(ctx); err != nil {
		slog.DebugContext(ctx, "no cluster to sweep", "error", err)
		return nil
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	log, err := s.cfg.Open(opening)
	if err != nil {
		return err
	}
	r, err := s.round(opening, log)
	if err != nil {
		return err
	}
	if r.held, err = r.leases.Take(opening, leaseKey, s.cfg.Holder); err != nil {
		return err
	}
	sweeping, release := r.held.Hold(ctx)
	defer release()
	last, err := platform.ReadSweep(opening, r.platform, s.cfg.ClusterName)
	if err != nil {
		// The report that can't be read is about to be written anew.
		slog.WarnContext(ctx, "read the sweep before", "error", err)
	}
	s.newest.Store(&last)
	// A tenth early is in time: no two tickers beat alike.
	if ago := r.now.Sub(last.At); ago >= 0 && ago < pause-pause/10 {
		return nil
	}
	if err := r.run(sweeping, last); err != nil {
		return errors.Join(err, context.Cause(sweeping))
	}
	s.tell(ctx, last, r.report)
	return nil
}

// round binds to what one sweep works with.
func (s *Sweeper) round(ctx context.Context, log *storelog.Log) (*round, error) {
	leases, err := lease.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	claims, err := log.Bucket(ctx, storelog.BucketClaims)
	if err != nil {
		return nil, err
	}
	said, err := log.Bucket(ctx, storelog.BucketPlatform)
	if err != nil {
		return nil, err
	}
	return newRound(s.cfg, log, leases.Of(s.cfg.ClusterName), claim.NewBook(claims), said), nil
}
