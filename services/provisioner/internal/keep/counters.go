package keep

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/store-platform/store-platform/pkg/store"
)

// counters count what the keeper does.
type counters struct {
	looks metric.Int64Counter
	told  metric.Int64Counter
}

func newCounters() (*counters, error) {
	meter := otel.Meter("keeper")
	looks, err1 := meter.Int64Counter("keeper.looks", metric.WithDescription("Looks at stores that stand"))
	told, err2 := meter.Int64Counter("keeper.told", metric.WithDescription("What was said of stores, by type and reason"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("make the keeper's counters: %w", err)
	}
	return &counters{looks: looks, told: told}, nil
}

func (t *counters) looked(ctx context.Context) { t.looks.Add(ctx, 1) }

func (t *counters) said(ctx context.Context, what store.Type, reason string) {
	t.told.Add(ctx, 1, metric.WithAttributes(attribute.String("type", string(what)), attribute.String("reason", reason)))
}
