// Package keep is the provisioner's keeper: it notices that a store which was Ready doesn't work any more, says why, says
// when it works again, and asks for what somebody removed or changed by hand to be mended.
//
//	a workload doesn't serve, or the shop doesn't answer      degraded, with the cause nearest to its root
//	all workloads serve and the shop answers                  recovered
//	an object isn't as it was made                            a mend is asked for, and the store is Degraded until it is done
//	an operation that failed or was called off left something a refresh is asked for, and nobody notices
//	it was made with other settings of the installation       the same, a few stores at a time
//	data is gone (namespace, volume, passwords)               degraded: what a mend made in their place would be empty
//	more was done to a store than this log knows of           degraded: it was restored, and a mend would go back in time
//
// It goes from the cluster to the log. The watches that the worker loop waits by wake it for the one store in which
// something changed, the shop itself is asked every few seconds, and every object is held against what was made once in a
// minute, at once when what shall run was changed, and whenever the store fails. What it sees it holds against the
// store's last message, one get; a store with an operation in flight is the operation's to tell of.
//
// The keeper writes to the log only, behind the very state that it judged. A mend is a command like any other: a worker
// carries it out under the store's lease, and a delete overtakes it.
//
// A cluster that doesn't answer degrades nobody. What can't be seen may well work, a shop sells also while the API
// server is being upgraded, and a message for every store would say a thousand times what the platform says once.
//
// One keeper is at work at a time in a cluster, under the lease "keeper". When it ends another begins within seconds, and when it is
// killed as soon as its lease has run out. The lease saves work; what keeps two keepers from saying something twice is
// the fence.
package keep

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Actor is who tells what the keeper tells.
const Actor = "keeper"

// leaseKey is no store's: ids are longer.
const leaseKey = "keeper"

// takePause is how often a lease that is held is asked for.
const takePause = 2 * time.Second

// Cluster is what the keeper sees of Kubernetes. It has nothing to change anything with.
type Cluster interface {
	// Watched lists the stores that the watches know of, once they know all.
	Watched() (ids []store.ID, complete bool)
	// Follow tells of changes.
	Follow(tell func(cluster.Change)) (stop func())
	// Reachable asks the API server now, IngressAnswers whoever all routes lead by.
	Reachable(context.Context) error
	IngressAnswers(context.Context) error
}

// Sight is one store as it can be looked at (provision.Sight).
type Sight interface {
	Ahead(storelog.Lineage) *cluster.Error
	Undone() bool
	Failing() *cluster.Error
	Answers(context.Context) error
	Drift(context.Context, cluster.Trust) ([]cluster.Drift, error)
}

// Config says what is kept.
type Config struct {
	// ClusterName is the one whose stores are kept; empty means store.DefaultCluster.
	ClusterName string
	// Holder tells this process from all others in the lease.
	Holder  string
	Log     *storelog.Log
	Cluster Cluster
	// Available returns an error while there is no cluster to look at.
	Available func(context.Context) error
	// Settings is the digest of what the installation says of its stores, as this process knows it.
	Settings string
	// Sight says how to look at a store in the given state. It fails for one that this process can't judge.
	Sight func(store.State) (Sight, error)
}

// Keeper keeps.
type Keeper struct {
	cfg    Config
	leases *lease.Bucket
	// clock divides what lies between two looks at all objects of a store, and between two tries for the lease. How often a
	// shop is asked, and how long it must have failed, are seconds as it is.
	clock clock.Divisor
	told  *tally
}

// New makes a keeper and its counters. Run starts it.
func New(ctx context.Context, cfg Config) (*Keeper, error) {
	told, err := newTally()
	if err != nil {
		return nil, err
	}
	leases, err := lease.Open(ctx, cfg.Log)
	if err != nil {
		return nil, err
	}
	cfg.ClusterName = cmp.Or(cfg.ClusterName, store.DefaultCluster)
	return &Keeper{cfg: cfg, leases: leases.Of(cfg.ClusterName), clock: leases.Clock(), told: told}, nil
}

// Run keeps until ctx ends, whenever nobody else does.
func (k *Keeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := k.serve(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, lease.ErrHeld) {
			slog.WarnContext(ctx, "keep the stores; it begins anew", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(k.clock.Of(takePause)):
		}
	}
}

// serve is one term.
func (k *Keeper) serve(ctx context.Context) error {
	held, err := k.leases.Take(ctx, leaseKey, k.cfg.Holder)
	if err != nil {
		return err
	}
	serving, release := held.Hold(ctx)
	defer release()
	// Once for a term: the lease doesn't outlive the broker on whose empty disk a log is restored.
	lineage, err := k.cfg.Log.Lineage(serving)
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "keeping the stores", "holder", k.cfg.Holder)
	newTerm(k, held, lineage).run(serving)
	return context.Cause(serving)
}

// trust lets a look ask Kubernetes as long as the term lasts.
type trust struct {
	held *lease.Lease
	// ended returns why the look ended, nil while it lasts.
	ended func() error
}

func newTrust(ctx context.Context, held *lease.Lease) trust {
	return trust{held: held, ended: func() error { return context.Cause(ctx) }}
}

func (t trust) Err() error {
	if err := t.ended(); err != nil {
		return err
	}
	if t.held.Remaining() <= 0 {
		return lease.ErrLost
	}
	return nil
}

func (t trust) Remaining() time.Duration { return t.held.Remaining() }
