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

const (
	// answerTimeout is for Postgres to answer at all, and countTimeout for all that a scrape asks of it, which Prometheus by itself gives
	// ten seconds: counting many stores that nobody has asked for lately takes a while, and isn't an outage.
	answerTimeout = 2 * time.Second
	countTimeout  = 4 * time.Second
)

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
		census, answered, err := takeCensus(ctx, pool)
		if !answered {
			o.ObserveInt64(answers, 0)
			return nil
		}
		o.ObserveInt64(answers, 1)
		if err != nil {
			return nil // half of the stores is a lie
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

// takeCensus tells an answer of Postgres from one that says how many there are.
func takeCensus(ctx context.Context, pool *pgxpool.Pool) (census readmodel.Census, answered bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	silent := time.AfterFunc(answerTimeout, cancel)
	defer silent.Stop()
	err = readmodel.At(ctx, pool, "", func(m readmodel.Moment) (err error) {
		silent.Stop()
		answered = true
		census, err = readmodel.Count(ctx, m)
		return err
	})
	return census, answered || errors.Is(err, readmodel.ErrRebuilding), err
}
