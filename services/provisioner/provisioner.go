// Package provisioner is the service that makes the cluster match a store's newest command. It may add and change; what
// removes is the janitor.
//
// Run wires the parts: the worker loop (pkg/work) with the hand in internal/provision, the questions that only it can
// answer (internal/answers), the catalog of the packs it carries (internal/packs), and what it says on the platform's board
// about the cluster (internal/announce); and beside the loop the keeper (internal/keep), which looks after what was made.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/hands"
	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/provisioner/engines"
	"github.com/store-platform/store-platform/services/provisioner/internal/announce"
	"github.com/store-platform/store-platform/services/provisioner/internal/answers"
	"github.com/store-platform/store-platform/services/provisioner/internal/keep"
	"github.com/store-platform/store-platform/services/provisioner/internal/logs"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
	"github.com/store-platform/store-platform/services/provisioner/internal/provision"
)

// name is the durable consumer, the actor in events and the user on the broker.
const name = "provisioner"

// Run works until ctx ends, then gives what is under way a while to finish. A broker or a cluster that isn't there is
// waited for.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	config.Tell(&cfg)
	set, err := loadPacks(cfg.EnginesDir)
	if err != nil {
		return err
	}
	settings, err := loadSettings(cfg.EngineSettings, set)
	if err != nil {
		return err
	}
	stores, err := cluster.ReadSettings(cfg.StoresSettings)
	if err != nil {
		return err
	}
	return hands.Outlast(ctx, cfg.OpsListen, func(ctx context.Context, start *hands.Start) error {
		return cfg.work(ctx, start, set, settings, stores)
	})
}

func (c Config) work(
	ctx context.Context, start *hands.Start, set *packs.Set, settings map[string]map[string]any, stores cluster.Settings,
) error {
	process, err := start.Open(ctx, name, c.NATS, c.cluster(stores))
	if err != nil {
		return err
	}
	defer process.Close()
	board, err := process.Log.Bucket(ctx, storelog.BucketPlatform)
	if err != nil {
		return err
	}
	process.Reach.Changed = announce.NewBoard(board, c.Cluster).Changed
	stopPublishing, err := startPublishing(ctx, process, set.All(), c.offered(set.Offered()))
	if err != nil {
		return err
	}
	defer stopPublishing()
	kube := kubernetes{Cluster: process.Cluster, releases: release.New(c.HelmSlots)}
	hand := c.hand(process, set, settings, kube)
	hand.Stores, hand.Said = stores, c.cluster(stores).Said()
	leases, err := lease.Open(ctx, process.Log)
	if err != nil {
		return err
	}
	reading := logs.New(process.Cluster, process.Clock)
	service, err := (&answers.Service{
		States: process.Log, Secrets: process.Cluster, Packs: set, Cluster: kube, Leases: leases.Of(c.Cluster), Logs: reading,
		Grow: func(ctx context.Context, s store.State, plan string) error { return hand.CanGrow(ctx, s, plan, kube) },
	}).Start(process.NATS, c.Cluster)
	if err != nil {
		return err
	}
	// Before the service waits for the questions that it has taken: those that wait for something to be written end with this.
	stop := func() error { reading.Close(); return service.Stop() }
	stopKeeping, err := startKeeper(ctx, c.Cluster, process, hand, kube)
	if err != nil {
		return errors.Join(err, stop())
	}
	defer stopKeeping()
	err = process.Work(ctx, hands.Work{
		Hand: hand, Cluster: c.Cluster, Commands: storelog.ApplyCommands, Slots: c.Slots, Standing: c.standing(),
	})
	return errors.Join(err, stop())
}

// startKeeper returns the function that ends it and waits for its end.
func startKeeper(
	ctx context.Context, name string, process *hands.Process, hand *provision.Hand, watch provision.Watch,
) (func(), error) {
	keeper, err := keep.New(ctx, keep.Config{
		ClusterName: name, Holder: hands.Holder(), Log: process.Log, Cluster: process.Cluster, Available: process.Reach.Available,
		Settings: hand.Said, Packs: hand.Packs.Names(),
		Sight: func(s store.State) (keep.Sight, error) { return hand.Sight(s, watch) },
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { keeper.Run(ctx) })
	return func() { stop(); running.Wait() }, nil
}

func (c Config) hand(
	process *hands.Process, set *packs.Set, settings map[string]map[string]any, kube provision.Cluster,
) *provision.Hand {
	return &provision.Hand{
		Reach:   process.Reach,
		Images:  c.images(process),
		Cluster: kube,
		Packs:   set,
		Addresses: provision.Addresses{
			Scheme: c.StoreScheme, Domain: c.BaseDomain, Host: c.baseHost(), IngressClass: c.IngressClass,
		},
		Lineage:  process.Log.Lineage,
		Registry: c.ImageRegistry,
		Settings: settings,
		Clock:    process.Clock,
	}
}

func loadPacks(mounted string) (*packs.Set, error) {
	sources := []fs.FS{engines.Packs}
	if mounted != "" {
		sources = append(sources, os.DirFS(mounted))
	}
	set, err := packs.Load(sources...)
	if err != nil && mounted != "" {
		err = fmt.Errorf("ENGINES_DIR %s: %w", mounted, err)
	}
	return set, err
}
