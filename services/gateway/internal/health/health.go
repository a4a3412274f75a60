// Package health answers those who watch the gateway: is it alive, can it serve, what does it count.
package health

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/guard"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// checkTimeout bounds each part of a readiness answer, below the usual probe's patience.
const checkTimeout = time.Second

// Part is one thing that the gateway leans on.
type Part struct {
	OK bool `json:"ok" doc:"Whether it answers"`
	// Seq is the head of the log for the broker and the checkpoint for the projection: their distance is its lag.
	Seq     uint64 `json:"seq,omitempty" doc:"Head of the log for the broker, checkpoint for the projection: their distance is its lag"`
	Message string `json:"message,omitempty" doc:"What is wrong"`
}

// Readiness is the body of /readyz. Only the broker decides; the rest is information.
type Readiness struct {
	Ready bool `json:"ready" doc:"Whether the broker can be reached, without which nothing can be served"`
	// Auth is the gateway's mode: a page asks who uses it only where there are accounts.
	Auth       string           `json:"auth" doc:"The mode of AUTH"`
	Broker     Part             `json:"broker" doc:"What holds the log"`
	Projection Part             `json:"projection" doc:"What lists and histories are read from"`
	Feed       Part             `json:"feed" doc:"What tells of events"`
	Cluster    platform.Cluster `json:"cluster" doc:"Where stores are made"`
}

// Health checks.
type Health struct {
	bus    *bus.Bus
	reader *reader.Reader
	auth   string
	events string
	client *http.Client
}

// New makes a health that asks the events service at the URL events about the feed. auth is the mode of AUTH.
func New(b *bus.Bus, r *reader.Reader, auth, events string) *Health {
	transport := &http.Transport{DisableKeepAlives: true}
	return &Health{bus: b, reader: r, auth: auth, events: events, client: &http.Client{Transport: transport, Timeout: checkTimeout}}
}

// Mount adds the routes.
func (h *Health) Mount(routes guard.Routes) {
	routes.Get("/healthz", rights.Look, func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	routes.Get("/readyz", rights.Look, h.ready)
	routes.Get("/metrics", rights.Look, adaptor.HTTPHandler(promhttp.Handler()))
}

func (h *Health) ready(c *fiber.Ctx) error {
	r := h.check(c.UserContext())
	if !r.Ready {
		c.Status(http.StatusServiceUnavailable)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.JSON(r)
}

func (h *Health) check(ctx context.Context) Readiness {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var (
		r    Readiness
		wait sync.WaitGroup
	)
	wait.Go(func() { r.Broker = h.broker(ctx) })
	wait.Go(func() { r.Projection = h.projection(ctx) })
	wait.Go(func() { r.Feed = h.feed(ctx) })
	wait.Wait()
	r.Ready, r.Auth = r.Broker.OK, h.auth
	r.Cluster = platform.Cluster{Part: "broker", Message: "the broker has not been reached yet"}
	if parts, ok := h.bus.Known(); ok {
		r.Cluster = parts.Platform.Cluster()
	}
	return r
}

func (h *Health) broker(ctx context.Context) Part {
	head, err := h.bus.Check(ctx)
	if errors.Is(err, config.ErrRefused) {
		return Part{Message: "the broker refuses this gateway's password: nothing can be read or changed"}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Part{Message: "the broker has no log any more: restore one, or start this gateway again, which makes a new one"}
	}
	if err != nil {
		return Part{Message: "the broker can't be reached: nothing can be read or changed"}
	}
	return Part{OK: true, Seq: head}
}

func (h *Health) projection(ctx context.Context) Part {
	// A scope that sees nobody proves that the read model answers, and returns nothing.
	reply, err := reader.Ask(ctx, h.reader, query.Stores, query.StoresRequest{Limit: 1})
	if errors.Is(err, reader.ErrOtherLog) {
		return Part{Message: "the read model was made of another log: store-events rebuild makes it anew"}
	}
	if err != nil {
		return Part{Message: "lists and histories can't be read; single stores can"}
	}
	return Part{OK: true, Seq: reply.Checkpoint}
}

func (h *Health) feed(ctx context.Context) Part {
	silent := Part{Message: "the events service doesn't answer; what happens is told when it is back"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.events+"/healthz", nil)
	if err != nil {
		return silent
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return silent
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return silent
	}
	return Part{OK: true}
}
