package work

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// measures are what operators scale a worker by, and what tells them that they should.
type measures struct {
	attempts metric.Float64Histogram
	steps    metric.Float64Histogram
	// busy are the slots in use: all, and of stores that stand.
	busy, standing atomic.Int64
}

// askTimeout bounds what a scrape asks of the broker.
const askTimeout = time.Second

// seconds are the bounds between which operations and steps end: a light step takes milliseconds, a shop that is set up
// for the first time minutes.
var seconds = metric.WithExplicitBucketBoundaries(0.01, 0.05, 0.25, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)

// measure makes the worker's measures, which are read until stop is called.
func (w *Worker) measure() (stop func() error, err error) {
	m, meter := &w.measures, w.meter
	attempts, err1 := meter.Float64Histogram("work.attempt.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long attempts took, by verb and by how they ended"))
	steps, err2 := meter.Float64Histogram("work.step.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long steps took, by step: Helm's part is the step release"))
	slots, err3 := meter.Int64ObservableGauge("work.slots", metric.WithDescription("Operations that this process can run at once, by lane"))
	busy, err4 := meter.Int64ObservableGauge("work.busy", metric.WithDescription("Slots in use, by lane"))
	rest, err5 := meter.Int64ObservableGauge("work.resting", metric.WithDescription("Commands that this process has told to come again later"))
	commands, err6 := meter.Int64ObservableGauge("work.backlog",
		metric.WithDescription("Commands that aren't settled, all processes' together: to come, worked on, and resting"))
	age, err7 := meter.Float64ObservableGauge("work.backlog.age", metric.WithUnit("s"),
		metric.WithDescription("How long ago the oldest of them was asked for"))
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return nil, fmt.Errorf("make the worker's measures: %w", err)
	}
	m.attempts, m.steps = attempts, steps
	registered, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		all, standing := metric.WithAttributes(attribute.String("lane", "all")), metric.WithAttributes(attribute.String("lane", "standing"))
		o.ObserveInt64(slots, int64(w.cfg.Slots), all)
		o.ObserveInt64(busy, m.busy.Load(), all)
		if w.cfg.Standing > 0 {
			o.ObserveInt64(slots, int64(w.cfg.Standing), standing)
			o.ObserveInt64(busy, m.standing.Load(), standing)
		}
		o.ObserveInt64(rest, int64(w.resting.len()))
		if left, err := w.backlog(ctx); err == nil { // unknown while the broker doesn't answer
			o.ObserveInt64(commands, int64(left.Commands))
			o.ObserveFloat64(age, ageOf(left.Oldest))
		}
		return nil
	}, slots, busy, rest, commands, age)
	if err != nil {
		return nil, fmt.Errorf("register the worker's measures: %w", err)
	}
	return registered.Unregister, nil
}

// backlog is what all processes of this hand have before them.
func (w *Worker) backlog(ctx context.Context) (storelog.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return w.log.Backlog(ctx, storelog.Durable(w.cfg.Name, w.cfg.Cluster), w.cfg.Commands(w.cfg.Cluster))
}

func ageOf(then time.Time) float64 {
	if then.IsZero() {
		return 0
	}
	return max(0, time.Since(then).Seconds())
}

// attempted counts an attempt and how long it took.
func (m *measures) attempted(ctx context.Context, verb store.Verb, as ending, since time.Time) {
	m.attempts.Record(ctx, time.Since(since).Seconds(),
		metric.WithAttributes(attribute.String("verb", string(verb)), attribute.String("ended", string(as))))
}

// stepped counts a step that was looked at and, where it had to be, made so.
func (m *measures) stepped(ctx context.Context, step string, since time.Time) {
	m.steps.Record(ctx, time.Since(since).Seconds(), metric.WithAttributes(attribute.String("step", step)))
}
