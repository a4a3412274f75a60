package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// headTimeout bounds what the gauges ask of the broker.
const headTimeout = time.Second

// measure registers the gauges. The lag is how far Postgres is behind the log's end, which the broker is asked for: a replica that
// hears nothing would find nothing missing. While the broker doesn't answer it is unknown, and isn't told.
func (s *service) measure() error {
	meter := otel.Meter("events")
	checkpoint, err1 := meter.Int64ObservableGauge("projection.checkpoint", metric.WithDescription("Sequence up to which the log is in Postgres"))
	lag, err2 := meter.Int64ObservableGauge("projection.lag", metric.WithDescription("Messages that are in the log and not yet in Postgres"))
	clients, err3 := meter.Int64ObservableGauge("feed.clients", metric.WithDescription("Clients connected to the feed of this replica"))
	slow, err4 := meter.Int64ObservableCounter("feed.slow", metric.WithDescription("Clients closed because they did not keep up"))
	refused, err5 := meter.Int64ObservableCounter("feed.refused", metric.WithDescription("Clients turned away for want of room, by what there was too much of"))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return fmt.Errorf("make the gauges: %w", err)
	}
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		of, projected := s.progress.At()
		o.ObserveInt64(checkpoint, int64(projected))
		asking, cancel := context.WithTimeout(ctx, headTimeout)
		epoch, head, err := s.hub.Now(asking)
		cancel()
		if err == nil {
			if of != epoch {
				// Another log's read model has nothing of this one.
				projected = 0
			}
			o.ObserveInt64(lag, max(0, int64(head)-int64(projected)))
		}
		_, connected, closed := s.hub.Stats()
		o.ObserveInt64(clients, int64(connected))
		o.ObserveInt64(slow, closed)
		full, crowded := s.hub.Refused()
		o.ObserveInt64(refused, full, metric.WithAttributes(attribute.String("limit", "replica")))
		o.ObserveInt64(refused, crowded, metric.WithAttributes(attribute.String("limit", "tenant")))
		return nil
	}, checkpoint, lag, clients, slow, refused)
	if err != nil {
		return fmt.Errorf("register the gauges: %w", err)
	}
	return nil
}
