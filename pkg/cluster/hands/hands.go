// Package hands is what the two hands, provisioner and janitor, have in common: a process that is connected to the log
// and to the cluster, knows whether the cluster answers, and runs one worker loop beside what keeps that going.
//
//	hands.Outlast(ctx, cfg.OpsListen, func(ctx context.Context, start *hands.Start) error {
//		process, err := start.Open(ctx, name, cfg.NATS, cluster.Config{…})
//		defer process.Close()
//		return process.Work(ctx, hands.Work{Hand: hand, Commands: …})
//	})
package hands

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/pkg/work"
)

// Process is a hand's process before it begins to work.
type Process struct {
	// NATS is closed by Close.
	NATS    *nats.Conn
	Log     *storelog.Log
	Cluster *cluster.Cluster
	Reach   *Reach
	// Clock is the installation's.
	Clock clock.Divisor

	name  string
	start *Start
}

// Start is a hand's process from before it is connected, as /readyz tells of it.
type Start struct {
	mu sync.Mutex
	// waiting is empty once the process works, nc nil before it is connected.
	waiting string
	nc      *nats.Conn
}

func (s *Start) say(waiting string, nc *nats.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting, s.nc = waiting, nc
}

// ready is about the broker and its log alone: a hand whose cluster is away still takes commands and says why they wait.
func (s *Start) ready(context.Context) error {
	s.mu.Lock()
	waiting, nc := s.waiting, s.nc
	s.mu.Unlock()
	if nc != nil {
		if err := config.Reachable(nc); err != nil {
			return err
		}
	}
	if waiting != "" {
		return errors.New("waiting for " + waiting)
	}
	return nil
}

// Open connects. It waits for the broker and for the log until ctx ends; for the cluster nothing waits here. A log that
// is another installation's is refused (storelog.ErrForeignLog), and so is one whose clock isn't for this installation.
func (s *Start) Open(ctx context.Context, name string, broker config.NATS, where cluster.Config) (*Process, error) {
	s.say("the broker", nil)
	nc, err := telemetry.Connected(func() (*nats.Conn, error) {
		return broker.Connect(ctx, name, func(err error) { s.say("the broker: "+err.Error(), nil) })
	})
	if err != nil {
		return nil, err
	}
	s.say("the log", nc)
	p := &Process{NATS: nc, name: name, start: s}
	if err := p.open(ctx, where); err != nil {
		nc.Close()
		return nil, err
	}
	return p, nil
}

func (p *Process) open(ctx context.Context, where cluster.Config) (err error) {
	p.Log, err = storelog.Open(ctx, p.NATS)
	if err == nil {
		err = p.Log.CheckInstallation(where.Installation)
	}
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	leases, err := lease.Open(ctx, p.Log)
	if err != nil {
		return err
	}
	p.Clock = leases.Clock()
	if err := p.Clock.Check(where.Installation); err != nil {
		return fmt.Errorf("go by how long the log's leases live: %w", err)
	}
	where.Clock = p.Clock
	if p.Cluster, err = cluster.Connect(where); err != nil {
		return err
	}
	p.Reach = newReach(p.Cluster, p.Clock)
	return nil
}

// Close ends the connection to the broker.
func (p *Process) Close() { p.NATS.Close() }

// Outlast runs a hand, and serves /healthz, /readyz and /metrics on opsListen from before the hand is connected until it has
// ended: a process that waits for its broker is alive, and nobody should start it anew for that. An empty opsListen serves
// nowhere. It fails when the hand does, or the serving.
func Outlast(ctx context.Context, opsListen string, run func(context.Context, *Start) error) error {
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	start := &Start{waiting: "the broker"}
	group, beside := errgroup.WithContext(lasting)
	group.Go(func() error { return telemetry.ServeOps(beside, opsListen, start.ready) })
	group.Go(func() error {
		defer stop()
		running, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(beside, cancel)()
		return outlast(running, func(ctx context.Context) error { return run(ctx, start) })
	})
	return group.Wait()
}

// outlast runs a hand again when the broker went away at a moment in which nobody waits for it, before the hand works: a
// broker that isn't there is a reason to wait, whenever it goes.
func outlast(ctx context.Context, run func(context.Context) error) error {
	_, err := again.Until(ctx, beginnings, func() (struct{}, error) {
		err := run(ctx)
		if ctx.Err() != nil || !storelog.Unanswered(err) {
			return struct{}{}, again.Never(err)
		}
		// One that has worked since it was told begins with news.
		slog.WarnContext(ctx, "the broker went away; beginning anew", "error", err)
		return struct{}{}, err
	})
	// Who is told to end while it waits for its broker ends well.
	if ctx.Err() != nil && storelog.Unanswered(err) {
		return nil
	}
	return err
}

var beginnings = again.Pauses{First: time.Second, Longest: time.Second}

// Work says what a process works on.
type Work struct {
	Hand work.Hand
	// Cluster is the one whose stores it works on (work.Config).
	Cluster string
	// Commands is the filter of the durable consumer, which has the process's name, in a cluster.
	Commands func(cluster string) string
	// Slots and Standing are how many stores are worked on at once (work.Config).
	Slots, Standing int
}

// Work works until ctx ends, and then until what is under way has finished or was handed over. What the work needs
// beside it lasts as long. It ends early when one of these fails.
func (p *Process) Work(ctx context.Context, w Work) error {
	worker, err := work.New(ctx, p.Log, w.Hand, work.Config{
		Name: p.name, Cluster: w.Cluster, Commands: w.Commands, Slots: w.Slots, Standing: w.Standing, Holder: Holder(),
	})
	if err != nil {
		return err
	}
	p.start.say("", p.NATS)
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, beside := errgroup.WithContext(lasting)
	group.Go(func() error {
		if err := p.Cluster.Run(beside); beside.Err() == nil {
			return err
		}
		return nil
	})
	group.Go(func() error { p.Reach.follow(beside); return nil })
	group.Go(func() error { p.Log.FollowWriteLevel(beside); return nil })
	group.Go(func() error {
		defer stop()
		taking, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(beside, cancel)()
		return worker.Run(taking)
	})
	return group.Wait()
}

// Holder tells this process from every other, also from one that had its process id before. Each call makes another.
func Holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
}
