package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// Connected has connect make a service's connection to the broker, and tells operators meanwhile and until it is closed whether
// there is one. Who waits for its first broker says so, too: it would be taken for one that says nothing.
func Connected(connect func() (*nats.Conn, error)) (*nats.Conn, error) {
	var by atomic.Pointer[nats.Conn]
	meter := otel.Meter("broker")
	gauge, err := meter.Int64ObservableGauge("broker.connected", metric.WithDescription("1 while there is a connection to the broker"))
	if err != nil {
		return nil, fmt.Errorf("make the broker's gauge: %w", err)
	}
	registered, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		is := int64(0)
		if nc := by.Load(); nc != nil && nc.IsConnected() {
			is = 1
		}
		o.ObserveInt64(gauge, is)
		return nil
	}, gauge)
	if err != nil {
		return nil, fmt.Errorf("register the broker's gauge: %w", err)
	}
	end := func() {
		if err := registered.Unregister(); err != nil {
			slog.Warn("take the broker's gauge away", "error", err)
		}
	}
	nc, err := connect()
	if err != nil {
		end()
		return nil, err
	}
	by.Store(nc)
	nc.SetClosedHandler(func(*nats.Conn) { end() })
	return nc, nil
}
