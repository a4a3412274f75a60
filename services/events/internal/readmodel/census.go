package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// Census is how many there are, everybody's together.
type Census struct {
	// Stores are those that aren't finished, by their status.
	Stores map[store.Status]int64
	// DeadLetters wait for somebody.
	DeadLetters map[query.DeadLetterKind]int64
}

// Both cost what lives and waits, however many stores are gone.
const (
	countStores      = "select status, count(*) from stores_4 where not finished and status <> '' group by status"
	countDeadLetters = "select kind, count(*) from (" + lettersOf + ") letter group by kind"
)

// Count takes the census. It fails with ErrFilling while the newest tables aren't as far as the checkpoint.
func Count(ctx context.Context, m Moment) (c Census, err error) {
	if !m.Filled {
		return c, ErrFilling
	}
	if c.Stores, err = counted[store.Status](ctx, m, countStores); err != nil {
		return c, fmt.Errorf("count stores: %w", err)
	}
	if c.DeadLetters, err = counted[query.DeadLetterKind](ctx, m, countDeadLetters, true, ""); err != nil {
		return c, fmt.Errorf("count dead letters: %w", err)
	}
	return c, nil
}

func counted[K ~string](ctx context.Context, m Moment, sql string, arguments ...any) (map[K]int64, error) {
	rows, err := m.Query(ctx, sql, arguments...)
	if err != nil {
		return nil, err
	}
	counts := map[K]int64{}
	var of string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&of, &n}, func() error {
		counts[K(of)] = n
		return nil
	})
	return counts, err
}
