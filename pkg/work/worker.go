package work

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Config says which commands a worker takes.
type Config struct {
	// Name of the hand: the actor in its events, and with the cluster its durable consumer (storelog.Durable).
	Name string
	// Cluster is the one whose stores it works on, and no other's; empty means store.DefaultCluster.
	Cluster string
	// Commands is the filter of its durable consumer in a cluster.
	Commands func(cluster string) string
	// Slots is how many operations run at once in this process.
	Slots int
	// Standing is how many more may, of stores that stand: none of them waits behind stores that are being made. Zero: they
	// have no slots of their own.
	Standing int
	// Holder tells this process from all others in the leases.
	Holder string
}

// Worker runs one hand in this process.
type Worker struct {
	cfg    Config
	timing timing
	log    *storelog.Log
	leases *lease.Bucket
	hand   Hand
	newer  *newerCommands
	// resting are the deliveries that come again later, and turns whose may be begun.
	resting  *resting
	turns    *turns
	meter    metric.Meter
	measures measures
}

// New makes a worker; Run starts it.
func New(ctx context.Context, log *storelog.Log, hand Hand, cfg Config) (*Worker, error) {
	leases, err := lease.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	rest := newResting(log.JetStream().Conn())
	w := &Worker{
		cfg: cfg, timing: production.by(leases.Clock()), log: log, hand: hand, leases: leases.Of(cfg.Cluster),
		newer: newNewerCommands(storelog.Commands(cfg.Cluster), rest.overtaken), resting: rest, meter: otel.Meter("work"),
	}
	w.turns = newTurns(cfg.Name, &w.timing, rest)
	return w, nil
}

// Run takes commands until ctx ends. Then it takes no more, gives what runs a while to finish, and hands the rest over.
func (w *Worker) Run(ctx context.Context) error {
	unmeasure, err := w.measure()
	if err != nil {
		return err
	}
	working, stopWork := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWork(nil)
	var watching sync.WaitGroup
	watching.Go(func() { w.newer.follow(working, w.log) })
	watching.Go(func() { w.turns.follow(working, w.log, w.cfg) })
	watching.Go(func() { w.summon(working) })
	var lanes sync.WaitGroup
	for _, l := range w.lanes() {
		lanes.Go(func() { w.turns.await(ctx); l.run(ctx, working) })
	}
	slog.Info("taking commands", "slots", w.cfg.Slots, "standing", w.cfg.Standing)
	<-ctx.Done()

	finished := make(chan struct{})
	go func() { lanes.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(w.timing.grace):
		stopWork(ErrYielded)
		<-finished
	}
	stopWork(ErrYielded)
	watching.Wait()
	w.resting.end()
	return unmeasure()
}
