package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// censusTimeout bounds what a scrape asks of Postgres.
const censusTimeout = 2 * time.Second

// measureReadModel registers what operators are told of all stores. Every replica says it, for any of them may be the one that
// runs: whoever reads it takes one replica's word, and doesn't add up.
func measureReadModel(pool *pgxpool.Pool) error {
	meter := otel.Meter("events")
	answers, err1 := meter.Int64ObservableGauge("readmodel.answers", metric.WithDescription("1 while Postgres answers this replica"))
	stores, err2 := meter.Int64ObservableGauge("readmodel.stores", metric.WithDescription("Stores that aren't gone, by status"))
	letters, err3 := meter.Int64ObservableGauge("readmodel.dead_letters", metric.WithDescription("What waits for somebody, by kind"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("make the read model's gauges: %w", err)
	}
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		census, err := takeCensus(ctx, pool)
		switch {
		case err == nil:
			o.ObserveInt64(answers, 1)
		case errors.Is(err, readmodel.ErrFilling), errors.Is(err, readmodel.ErrRebuilding):
			o.ObserveInt64(answers, 1)
			return nil // half of the stores is a lie
		default:
			o.ObserveInt64(answers, 0)
			return nil
		}
		// Those that there are none of as well: an alert that a count ends must see it end.
		for _, status := range store.Statuses {
			o.ObserveInt64(stores, census.Stores[status], metric.WithAttributes(attribute.String("status", string(status))))
		}
		for _, kind := range query.DeadLetterKinds {
			o.ObserveInt64(letters, census.DeadLetters[kind], metric.WithAttributes(attribute.String("kind", string(kind))))
		}
		return nil
	}, answers, stores, letters)
	if err != nil {
		return fmt.Errorf("register the read model's gauges: %w", err)
	}
	return nil
}

func takeCensus(ctx context.Context, pool *pgxpool.Pool) (census readmodel.Census, err error) {
	ctx, cancel := context.WithTimeout(ctx, censusTimeout)
	defer cancel()
	err = readmodel.At(ctx, pool, "", func(m readmodel.Moment) (err error) {
		census, err = readmodel.Count(ctx, m)
		return err
	})
	return census, err
}
