package events

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measure registers the gauges. The lag is how far Postgres is behind what this replica has heard of the log, so that
// it grows while no replica projects.
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
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		projected := s.progress.Seq()
		last, connected, closed := s.hub.Stats()
		o.ObserveInt64(checkpoint, int64(projected))
		o.ObserveInt64(lag, max(0, int64(last)-int64(projected)))
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
