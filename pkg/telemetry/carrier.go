package telemetry

import (
	"context"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
)

// carrier reads and writes trace context in NATS headers. These are case-sensitive, so otel's HeaderCarrier, which
// writes "Traceparent", would miss the lower-case "traceparent" of the W3C specification.
type carrier nats.Header

func (c carrier) Get(key string) string {
	if values := c[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (c carrier) Set(key, value string) { c[key] = []string{value} }

func (c carrier) Keys() []string { return slices.Collect(maps.Keys(c)) }

// Inject writes the trace context of ctx into a message's header.
func Inject(ctx context.Context, header nats.Header) {
	otel.GetTextMapPropagator().Inject(ctx, carrier(header))
}

// Extract continues the trace that a message's header carries.
func Extract(ctx context.Context, header nats.Header) context.Context {
	return otel.GetTextMapPropagator().Extract(ctx, carrier(header))
}
