// Package events remembers and tells: it projects the log into Postgres, answers queries about stores and their
// histories by NATS, and serves the live feed by WebSocket. Run is the whole service; any number of replicas may run,
// of which one projects.
package events

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/events/internal/audit"
	"github.com/store-platform/store-platform/services/events/internal/feed"
	"github.com/store-platform/store-platform/services/events/internal/places"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/queries"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const serviceName = "store-events"

// Config is all that the service can be told.
type Config struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" required:"" told:"url" help:"The PostgreSQL database (14 or newer) that holds the read model: postgres://user:password@host:5432/name, or one by socket. Its tables are made here."`
	Listen      string `name:"listen" env:"LISTEN" default:"127.0.0.1:8082" told:"whole" help:"Address of /feed, /healthz, /readyz and /metrics. The gateway reaches it by EVENTS_URL."`

	FeedMaxConnections          int `name:"feed-max-connections" env:"FEED_MAX_CONNECTIONS" default:"10000" help:"Feed clients that this replica serves at once, 1 to 1000000. More are refused with 503 until some have gone."`
	FeedMaxConnectionsPerTenant int `name:"feed-max-connections-per-tenant" env:"FEED_MAX_CONNECTIONS_PER_TENANT" default:"100" help:"Feed clients of one tenant that this replica serves at once, at least 1. More are refused with 429. Operators count as one tenant."`

	NATS      config.NATS      `embed:""`
	Telemetry telemetry.Config `embed:""`
}

// check refuses settings that parse but make no sense, all at once.
func (c Config) check() error {
	var wrong []error
	if c.FeedMaxConnections < 1 || c.FeedMaxConnections > 1_000_000 {
		wrong = append(wrong, fmt.Errorf("FEED_MAX_CONNECTIONS=%d: must be 1 to 1000000", c.FeedMaxConnections))
	}
	if c.FeedMaxConnectionsPerTenant < 1 {
		wrong = append(wrong, fmt.Errorf("FEED_MAX_CONNECTIONS_PER_TENANT=%d: must be at least 1", c.FeedMaxConnectionsPerTenant))
	}
	return errors.Join(wrong...)
}

// Run serves until ctx ends. It answers /healthz at once and waits for Postgres and the broker, however long they take;
// /readyz says what it waits for.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on LISTEN: %w", err)
	}
	return run(ctx, cfg, listener)
}

// run owns the listener.
func run(ctx context.Context, cfg Config, listener net.Listener) error {
	flush, err := telemetry.Start(ctx, serviceName, cfg.Telemetry)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = flush(ctx)
	}()
	config.Tell(&cfg)
	pool, err := readmodel.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer pool.Close()

	progress := projection.NewProgress()
	limits := feed.Limits{Connections: cfg.FeedMaxConnections, PerTenant: cfg.FeedMaxConnectionsPerTenant}
	s := &service{pool: pool, progress: progress, hub: feed.New(pool, progress, limits), places: places.New()}
	s.hub.Tell(s.places)
	if err := errors.Join(s.measure(), measureReadModel(pool)); err != nil {
		return errors.Join(err, listener.Close())
	}
	s.waitFor("the broker")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.serveHTTP(ctx, listener) })
	group.Go(func() error { return s.work(ctx, cfg) })
	return group.Wait()
}

// service is the running program.
type service struct {
	pool     *pgxpool.Pool
	progress *projection.Progress
	hub      *feed.Hub
	places   *places.Places
	state    state
}

// work connects and then does everything but HTTP.
func (s *service) work(ctx context.Context, cfg Config) error {
	nc, err := telemetry.Connected(func() (*nats.Conn, error) {
		return cfg.NATS.Connect(ctx, serviceName, func(err error) { s.waitFor("the broker: " + err.Error()) })
	})
	if err != nil {
		return unlessEnded(ctx, err)
	}
	defer nc.Close()
	s.waitFor("Postgres")
	if err := readmodel.Migrate(ctx, s.pool); err != nil {
		return unlessEnded(ctx, err)
	}
	projector := projection.New(nc, s.pool.Config().ConnConfig, s.progress)
	s.started(nc, projector)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return projector.Run(ctx) })
	group.Go(func() error { return audit.New(nc, s.pool).Run(ctx) })
	group.Go(func() error { s.progress.Follow(ctx, s.pool); return nil })
	group.Go(func() error { return queries.Serve(ctx, nc, s.pool, s.progress, s.hub.Bound, s.places.Answer) })
	group.Go(func() error { return s.hub.Run(ctx, nc) })
	return group.Wait()
}

// unlessEnded: to be stopped while waiting is no failure.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
