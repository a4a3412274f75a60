package work

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/clock"
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
	// Holder tells this process from all others in the leases.
	Holder string
}

// timing holds what the installation's clock divides.
type timing struct {
	ackWait, heartbeat      time.Duration
	snooze, clusterSnooze   time.Duration
	retryFirst, retryAtMost time.Duration
	grace                   time.Duration
}

var production = timing{
	ackWait: 30 * time.Second, heartbeat: 10 * time.Second,
	snooze: time.Second, clusterSnooze: 2 * time.Second,
	retryFirst: 30 * time.Second, retryAtMost: 300 * time.Second,
	grace: 5 * time.Second,
}

func (t timing) by(c clock.Divisor) timing {
	for _, wait := range []*time.Duration{
		&t.ackWait, &t.heartbeat, &t.snooze, &t.clusterSnooze, &t.retryFirst, &t.retryAtMost, &t.grace,
	} {
		*wait = c.Of(*wait)
	}
	return t
}

// Worker runs one hand in this process.
type Worker struct {
	cfg    Config
	timing timing
	log    *storelog.Log
	leases *lease.Bucket
	hand   Hand
	newer  *newerCommands
	// cutOff is set while the durable consumer can't be pulled from.
	cutOff atomic.Bool
}

// New makes a worker; Run starts it.
func New(ctx context.Context, log *storelog.Log, hand Hand, cfg Config) (*Worker, error) {
	leases, err := lease.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	return &Worker{
		cfg: cfg, timing: production.by(leases.Clock()), log: log, hand: hand, leases: leases.Of(cfg.Cluster),
		newer: newNewerCommands(storelog.Commands(cfg.Cluster)),
	}, nil
}

// Run takes commands until ctx ends. Then it takes no more, gives what runs a while to finish, and hands the rest over.
func (w *Worker) Run(ctx context.Context) error {
	working, stopWork := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWork(nil)
	var watching sync.WaitGroup
	watching.Go(func() { w.newer.follow(working, w.log) })
	var slots sync.WaitGroup
	for range w.cfg.Slots {
		slots.Go(func() { w.pull(ctx, working) })
	}
	slog.Info("taking commands", "slots", w.cfg.Slots)
	<-ctx.Done()

	finished := make(chan struct{})
	go func() { slots.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(w.timing.grace):
		stopWork(ErrYielded)
		<-finished
	}
	stopWork(ErrYielded)
	watching.Wait()
	return nil
}

// pull is one slot: it fetches a single command only when it is free to work on it, because a message waits for its
// acknowledgement from the moment it is delivered into a buffer.
func (w *Worker) pull(taking, working context.Context) {
	for taking.Err() == nil {
		err := w.pullFrom(taking, working)
		if err == nil || taking.Err() != nil {
			continue
		}
		w.cut(err)
		select {
		case <-taking.Done():
		case <-time.After(w.timing.snooze):
		}
	}
}

// cut says once that no slot can pull, however many there are and however often they try.
func (w *Worker) cut(err error) {
	if w.cutOff.CompareAndSwap(false, true) {
		slog.Warn("no commands come from the durable consumer; making it anew until they do", "error", err)
	}
}

func (w *Worker) pullFrom(taking, working context.Context) error {
	consumer, err := w.consumer(taking)
	if err != nil {
		return err
	}
	for taking.Err() == nil {
		if err := w.takeOne(taking, working, consumer); err != nil {
			return fmt.Errorf("fetch a command: %w", err)
		}
		if w.cutOff.CompareAndSwap(true, false) {
			slog.Info("commands come again")
		}
	}
	return nil
}

// takeOne waits a while for a command and works on it.
func (w *Worker) takeOne(taking, working context.Context, consumer jetstream.Consumer) error {
	ctx, cancel := context.WithTimeout(taking, w.timing.ackWait)
	defer cancel()
	batch, err := consumer.Fetch(1, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(w.timing.ackWait/6))
	if err != nil {
		return err
	}
	for msg := range batch.Messages() {
		w.handle(working, msg)
	}
	if err := batch.Error(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// consumer makes the durable consumer or finds it. MaxDeliver and MaxAckPending are unlimited because the broker counts
// snoozes too: with a limit it goes silent and a delete is lost.
func (w *Worker) consumer(ctx context.Context) (jetstream.Consumer, error) {
	durable := storelog.Durable(w.cfg.Name, w.cfg.Cluster)
	c, err := w.log.JetStream().CreateOrUpdateConsumer(ctx, storelog.Stream, jetstream.ConsumerConfig{
		Durable: durable, FilterSubject: w.cfg.Commands(w.cfg.Cluster), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: w.timing.ackWait, MaxDeliver: -1, MaxAckPending: -1, MaxWaiting: 8192,
	})
	if err != nil {
		return nil, fmt.Errorf("ensure durable consumer %s: %w", durable, err)
	}
	return c, nil
}
