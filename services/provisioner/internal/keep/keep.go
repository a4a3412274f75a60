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
// something changed, the shop itself is asked a light question every few seconds and its whole probe now and then, and every object is held
// against what was made the more rarely the more stores there are, at once when what shall run was changed, and whenever the store fails. What it sees it holds against the
// store's last message, one get; a store with an operation in flight is the operation's to tell of.
//
// The keeper writes to the log only, behind the very state that it judged. A mend is a command like any other: a worker
// carries it out under the store's lease, and a delete overtakes it.
//
// A cluster that doesn't answer degrades nobody. What can't be seen may well work, a shop sells also while the API
// server is being upgraded, and a message for every store would say a thousand times what the platform says once.
//
// The stores of a cluster are in 32 parts, and those who keep share them out among themselves: each part is one keeper's
// under a lease. When a keeper ends others take its parts within seconds, and when it is killed as soon as its leases have
// run out. Those who carry other packs share them out on their own, and of several that could keep a store one does (crew.go).
// The leases save work; what keeps two keepers from saying something twice is the fence. (A provisioner of the release before
// keeps all stores under one lease, which these take away from it: before.go.)
package keep

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/util/workqueue"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Actor is who tells what the keeper tells.
const Actor = "keeper"

const (
	// sharePause is how often the parts are divided anew, and blindFor how long a keeper may be cut off from the cluster before
	// it leaves its parts to others. The installation's clock divides both.
	sharePause = 2 * time.Second
	blindFor   = 30 * time.Second
	// abreast bounds how many stores are looked at at the same time. Most of a look is waiting for a shop's answer, and those
	// that don't answer must be very many before they keep others waiting.
	abreast = 512
	// mendGap lies between two mends that a keeper asks for, and between two stores that it has take over other settings: should
	// the platform be wrong about all stores at once, somebody has time to notice.
	mendGap = time.Second
	// inspectGap lies between two looks at all objects of stores with which something is wrong, beyond the first inspectBurst.
	inspectGap, inspectBurst = time.Second / 5, 20
)

// Cluster is what the keeper sees of Kubernetes. It has nothing to change anything with.
type Cluster interface {
	// Watched lists the stores that the watches know of, once they know all; Knows is about one.
	Watched() (ids []store.ID, complete bool)
	Knows(store.ID) bool
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
	// Check asks the shop the light question, Probe all that it was asked before it was Ready.
	Check(context.Context) error
	Probe(context.Context) error
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
	// Packs are the names of those that this process carries (packs.Name).
	Packs []string
	// Settings is the digest of what the installation says of its stores, as this process knows it.
	Settings string
	// Sight says how to look at a store in the given state. It fails for one that this process can't judge.
	Sight func(store.State) (Sight, error)
}

// Keeper keeps.
type Keeper struct {
	cfg    Config
	leases *lease.Bucket
	// clock divides what lies between two looks at all objects of a store, and between two divisions of the parts. How often a
	// shop is asked, and how long it must have failed, are seconds as it is.
	clock clock.Divisor
	told  *counters
	// queue holds the stores by when they are to be looked at.
	queue workqueue.TypedDelayingInterface[store.ID]
	// These bound what is begun at a time, for all stores of this keeper.
	inspections, mends, renewals, levelAsked *rate.Limiter

	// bar is this keeper's newest word that the release before keeps no stores.
	bar *lease.Lease

	crew crew
	// member is the key of the lease that says that this keeper is there; roster is what it has seen of the others.
	member string
	roster roster

	mu      sync.Mutex
	terms   [Parts]*term
	seniors []senior
}

// New makes a keeper and its counters. Run starts it.
func New(ctx context.Context, cfg Config) (*Keeper, error) {
	told, err := newCounters()
	if err != nil {
		return nil, err
	}
	leases, err := lease.Open(ctx, cfg.Log)
	if err != nil {
		return nil, err
	}
	cfg.ClusterName = cmp.Or(cfg.ClusterName, store.DefaultCluster)
	return &Keeper{
		cfg: cfg, leases: leases.Of(cfg.ClusterName), clock: leases.Clock(), told: told,
		crew: crewOf(cfg.Packs), roster: make(roster),
		queue:       workqueue.NewTypedDelayingQueue[store.ID](),
		inspections: rate.NewLimiter(rate.Every(inspectGap), inspectBurst),
		mends:       rate.NewLimiter(rate.Every(mendGap), 1),
		renewals:    rate.NewLimiter(rate.Every(mendGap), 1),
		levelAsked:  rate.NewLimiter(rate.Every(lookEvery), 1),
	}, nil
}

// Run keeps its share of the stores until ctx ends. It returns when every look has.
func (k *Keeper) Run(ctx context.Context) {
	var looking sync.WaitGroup
	for range abreast {
		looking.Go(k.serve)
	}
	defer looking.Wait()
	defer k.queue.ShutDown()
	defer k.cfg.Cluster.Follow(k.changed)()
	for ctx.Err() == nil {
		if err := k.keep(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "keep the stores; it begins anew", "error", err)
		}
		k.pause(ctx)
	}
}

// keep is one of the cluster's keepers for as long as its lease says so, and it sees the cluster: whoever can't see its stores
// would keep them from those who can.
func (k *Keeper) keep(ctx context.Context) error {
	if _, complete := k.cfg.Cluster.Watched(); !complete || k.cfg.Available(ctx) != nil {
		return nil
	}
	k.member = memberPrefix + rand.Text()
	member, err := k.leases.Take(ctx, k.member, k.crew.member(k.cfg.Holder))
	if err != nil {
		return err
	}
	defer k.liftBar(ctx)
	here, leave := member.Hold(ctx)
	defer leave()
	defer k.endAll()
	slog.InfoContext(ctx, "keeping the stores", "holder", k.cfg.Holder)
	for seen := time.Now(); here.Err() == nil; {
		if k.cfg.Available(here) == nil {
			seen = time.Now()
		}
		if time.Since(seen) > k.clock.Of(blindFor) {
			slog.WarnContext(ctx, "leave the stores to other keepers: the cluster doesn't answer this one")
			return nil
		}
		// A broker that doesn't answer takes nothing from anybody before the leases run out.
		err := k.divide(here)
		if err == nil {
			err = k.beginUnseen(here)
		}
		if err != nil && here.Err() == nil {
			slog.WarnContext(ctx, "divide the stores among their keepers; it is tried again", "error", err)
		}
		k.pause(here)
	}
	return context.Cause(here)
}

func (k *Keeper) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(k.clock.Of(sharePause)):
	}
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
