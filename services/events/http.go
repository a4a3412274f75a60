package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/linger"
	"github.com/store-platform/store-platform/services/events/internal/feed"
	"github.com/store-platform/store-platform/services/events/internal/projection"
)

const (
	readTimeout     = 10 * time.Second
	idleTimeout     = 60 * time.Second
	shutdownTimeout = 5 * time.Second
	readyTimeout    = 2 * time.Second
)

// state is what /readyz looks at. Its parts come one after the other at start.
type state struct {
	mu        sync.Mutex
	waiting   string
	nc        *nats.Conn
	projector *projection.Projector
}

func (s *service) waitFor(what string) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.waiting = what
}

func (s *service) started(nc *nats.Conn, projector *projection.Projector) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.waiting, s.state.nc, s.state.projector = "", nc, projector
}

// ready says what keeps the service from being of use. Without Postgres it is: those who ask would take all replicas
// away from their clients at once, and the feed goes on without it. What is missing then is the answer's text.
func (s *service) ready(ctx context.Context) (text string, err error) {
	s.state.mu.Lock()
	waiting, nc, projector := s.state.waiting, s.state.nc, s.state.projector
	s.state.mu.Unlock()
	if waiting != "" {
		return "", errors.New("waiting for " + waiting)
	}
	if err := config.Reachable(nc); err != nil {
		return "", err
	}
	if err := errors.Join(projector.Refusal(), s.hub.Ready()); err != nil {
		return "", err
	}
	if err := s.pool.Ping(ctx); err != nil {
		return "ready for the feed only: Postgres can't be reached", nil
	}
	return "ready", nil
}

// serveHTTP answers until ctx ends.
func (s *service) serveHTTP(ctx context.Context, listener net.Listener) error {
	app := s.app()
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(linger.Over(feed.Listener{Listener: listener})) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve LISTEN: %w", err)
	case <-ctx.Done():
	}
	if err := app.ShutdownWithTimeout(shutdownTimeout); err != nil {
		slog.Warn("some connections didn't end in time", "error", err)
	}
	return nil
}

func (s *service) app() *fiber.App {
	app := fiber.New(fiber.Config{
		AppName: serviceName, DisableStartupMessage: true, Immutable: true,
		ReadTimeout: readTimeout, IdleTimeout: idleTimeout, BodyLimit: 4096, ErrorHandler: problem,
	})
	app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	app.Get("/readyz", func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
		defer cancel()
		text, err := s.ready(ctx)
		if err != nil {
			return c.Status(http.StatusServiceUnavailable).SendString(err.Error() + "\n")
		}
		return c.SendString(text + "\n")
	})
	app.Get("/metrics", adaptor.HTTPHandler(promhttp.Handler()))
	app.Get("/feed", s.hub.Handler())
	return app
}

// problem answers errors by RFC 9457.
func problem(c *fiber.Ctx, err error) error {
	status, detail := http.StatusInternalServerError, "something went wrong here"
	var known *fiber.Error
	if errors.As(err, &known) {
		status, detail = known.Code, known.Message
	}
	body := fiber.Map{
		"title": http.StatusText(status), "status": status, "detail": detail,
		"retryable": status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests,
	}
	// The gateway tells its client the same code.
	var refused *feed.Refusal
	if errors.As(err, &refused) {
		body["code"] = refused.Code
	}
	return c.Status(status).JSON(body, "application/problem+json")
}
