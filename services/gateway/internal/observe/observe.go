// Package observe sees every request go by: a span that continues the caller's trace, a duration for Prometheus, one log
// line for what changes something or fails, and the last net under a panic.
package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/gateway/internal/known"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// answerWithin bounds a request as a whole, a little above what one question is put again for. Whoever stands behind others of
// the same tenant, or has several things to ask of brokers that don't agree, would wait as long for each of them in turn, and
// hear in the end that it may ask again.
const answerWithin = storelog.Patience + 3*time.Second

// note is what handlers tell the log line of their request.
type note struct {
	store      store.ID
	generation uint64
	code       problem.Code
	err        error
	// waited is what of the request's time was its client's wish.
	waited time.Duration
}

type noteKey struct{}

// Store names the store that the request is about.
func Store(ctx context.Context, id store.ID, generation uint64) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.store, n.generation = id, generation
	}
}

// Waited keeps how long the request has waited because its client preferred that: it is no slowness of the gateway's.
func Waited(ctx context.Context, d time.Duration) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.waited = d
	}
}

// Problem keeps the code that a request is answered with, and the error behind it, which the answer doesn't tell.
func Problem(ctx context.Context, code problem.Code, cause error) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.code, n.err = code, cause
	}
}

// Middleware must be the first one.
func Middleware() (fiber.Handler, error) {
	duration, err := otel.Meter("gateway").Float64Histogram("http.server.request.duration",
		metric.WithUnit("s"), metric.WithDescription("How long requests took"),
		metric.WithExplicitBucketBoundaries(.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	if err != nil {
		return nil, fmt.Errorf("make the request histogram: %w", err)
	}
	tracer := otel.Tracer("gateway")
	return func(c *fiber.Ctx) error {
		start := time.Now()
		ctx := otel.GetTextMapPropagator().Extract(c.UserContext(), headers{c})
		ctx, span := tracer.Start(ctx, c.Method(), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		n := &note{}
		c.SetUserContext(context.WithValue(ctx, noteKey{}, n))

		if err := next(c, n); err != nil {
			if err := answer(c, n, err); err != nil {
				return err
			}
		}
		took, route, status := time.Since(start)-n.waited, routeOf(c), c.Response().StatusCode()
		span.SetName(c.Method() + " " + route)
		span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		duration.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("method", c.Method()),
			attribute.String("route", route), attribute.Int("status", status)))
		write(c, n, route, status, took)
		return nil
	}, nil
}

// next turns a panic into an error, so that one request's fault isn't every request's end.
func next(c *fiber.Ctx, n *note) (err error) {
	defer func() {
		if r := recover(); r != nil {
			n.err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			err = n.err
		}
	}()
	return c.Next()
}

// answer writes the problem here and not in Fiber's error handler, which runs after the middlewares: the log line and
// the histogram must know the status.
func answer(c *fiber.Ctx, n *note, err error) error {
	p := known.Problem(err)
	n.code = p.Code
	if p.Status >= http.StatusInternalServerError && n.err == nil {
		n.err = err
	}
	return p.Send(c)
}

func write(c *fiber.Ctx, n *note, route string, status int, took time.Duration) {
	level := slog.LevelDebug
	switch {
	// A probe asks every few seconds, and says itself what it found.
	case route == "/healthz" || route == "/readyz" || route == "/metrics":
	case status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable:
		level = slog.LevelError
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead:
		level = slog.LevelInfo
	}
	ctx := c.UserContext()
	if !slog.Default().Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.Method()), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if n.waited > 0 {
		attrs = append(attrs, slog.Float64("waited_ms", float64(n.waited.Microseconds())/1000))
	}
	if n.store != "" {
		attrs = append(attrs, slog.String("store", string(n.store)), slog.Uint64("generation", n.generation))
	}
	if tenant := principal.Found(ctx).Tenant(); tenant != "" {
		attrs = append(attrs, slog.String("tenant", telemetry.Pseudonym(tenant)))
	}
	if n.code != "" {
		attrs = append(attrs, slog.String("code", string(n.code)))
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		attrs = append(attrs, slog.String("trace", span.TraceID().String()))
	}
	if n.err != nil {
		attrs = append(attrs, slog.Any("error", n.err))
	}
	slog.LogAttrs(ctx, level, "request", attrs...)
}

// routeOf is the pattern and not the path, which has no end of values.
func routeOf(c *fiber.Ctx) string {
	if route := c.Route().Path; route != "" && route != "/" || c.Path() == "/" {
		return route
	}
	return "unmatched"
}

// headers reads trace context from the request.
type headers struct{ c *fiber.Ctx }

var _ propagation.TextMapCarrier = headers{}

func (h headers) Get(key string) string { return h.c.Get(key) }
func (h headers) Set(key, value string) { h.c.Request().Header.Set(key, value) }
func (h headers) Keys() []string {
	var keys []string
	for key := range h.c.GetReqHeaders() {
		keys = append(keys, key)
	}
	return keys
}
