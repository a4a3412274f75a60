// Package janitor is the service that removes. It executes deletes and may not create anything in the cluster; what adds
// is the provisioner.
//
// Run wires the worker loop (pkg/work) with the hand in internal/teardown, and beside it runs the sweeps (internal/sweep),
// which look for what is left over and ask for its deletion as anybody would. Helm isn't linked: a store's charts hold
// namespaced objects only, so its namespace is all there is to remove.
package janitor

import (
	"context"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/hands"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/janitor/internal/sweep"
	"github.com/store-platform/store-platform/services/janitor/internal/teardown"
)

// name is the durable consumer, the actor in events and the user on the broker.
const name = "janitor"

// Run works until ctx ends, then gives what is under way a while to finish. A broker or a cluster that isn't there is
// waited for.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	config.Tell(&cfg)
	return hands.Outlast(ctx, cfg.OpsListen, cfg.work)
}

func (c Config) work(ctx context.Context, start *hands.Start) error {
	process, err := start.Open(ctx, name, c.NATS, cluster.Config{Kubeconfig: c.Kubeconfig, Installation: c.Installation})
	if err != nil {
		return err
	}
	defer process.Close()
	claims, err := process.Log.Bucket(ctx, storelog.BucketClaims)
	if err != nil {
		return err
	}
	hand := &teardown.Hand{
		Reach: process.Reach, Cluster: kubernetes{process.Cluster}, Claims: claim.NewBook(claims),
	}
	stopSweeps, err := startSweeps(ctx, c, process)
	if err != nil {
		return err
	}
	defer stopSweeps()
	return process.Work(ctx, hands.Work{
		Hand: hand, Cluster: c.Cluster, Commands: storelog.DeleteCommands, Slots: c.Slots,
	})
}

// startSweeps returns the function that ends them and waits for their end.
func startSweeps(ctx context.Context, cfg Config, process *hands.Process) (func(), error) {
	if cfg.SweepEvery == 0 {
		return func() {}, nil
	}
	sweeper, err := sweep.New(sweep.Config{
		Installation: cfg.Installation, ClusterName: cfg.Cluster, Every: cfg.SweepEvery, Holder: hands.Holder(),
		Cluster: process.Cluster, Available: process.Reach.Available, Now: time.Now,
		Open: func(ctx context.Context) (*storelog.Log, error) { return storelog.Open(ctx, process.NATS) },
		Live: func(ctx context.Context, request query.LiveRequest) (query.LiveReply, error) {
			return question.Ask(ctx, process.NATS, query.Live, request)
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { sweeper.Run(ctx) })
	return func() { stop(); running.Wait() }, nil
}

// kubernetes is the cluster as teardown asks for it.
type kubernetes struct{ *cluster.Cluster }

func (k kubernetes) Begin(trust cluster.Trust) (teardown.Attempt, error) {
	op, err := k.Operation(trust)
	if err != nil {
		return nil, err
	}
	return op, nil
}
