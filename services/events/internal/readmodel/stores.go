package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Placed is a store and its place in the order of lists.
type Placed struct {
	State store.State
	Spot
}

// Stores reads one page and says whether another comes after it. It fails with ErrFilling where the newest tables aren't as far
// as the checkpoint and those of before don't know what is asked for.
func Stores(ctx context.Context, m Moment, l List) (stores []Placed, more bool, err error) {
	switch {
	case l.Scope.SeesNothing():
		return []Placed{}, false, nil
	case !m.Filled && !l.plain():
		return nil, false, ErrFilling
	case !m.Filled:
		sql, args := l.before()
		return l.read(ctx, m, sql, args)
	}
	if l.searches() {
		sql, args := l.statement(amongFirst)
		if stores, more, err = l.read(ctx, m, sql, args); err != nil || more {
			return stores, more, err
		}
		if few, err := l.few(ctx, m); err != nil || few {
			return stores, false, err
		}
	}
	sql, args := l.statement(amongAll)
	return l.read(ctx, m, sql, args)
}

// few says that all that a page is looked for among is what comes first, as what is narrowed otherwise than by text often is.
func (l List) few(ctx context.Context, m Moment) (bool, error) {
	if (l.Behind == Spot{}) {
		sql, args := l.summed()
		counts, err := counted[store.Status](ctx, m, sql, args...)
		if err != nil {
			return false, fmt.Errorf("read how many stores are listed: %w", err)
		}
		all := int64(0)
		for _, n := range counts {
			all += n
		}
		return all < firstOnes, nil
	}
	var first int
	sql, args := l.statement(countFirst)
	if err := m.QueryRow(ctx, sql, args...).Scan(&first); err != nil {
		return false, fmt.Errorf("count what comes first in a list: %w", err)
	}
	return first < firstOnes, nil
}

func (l List) read(ctx context.Context, m Moment, sql string, args []any) (stores []Placed, more bool, err error) {
	rows, err := m.Query(ctx, sql, args...)
	if err == nil {
		stores, more, err = collect(rows, l.Limit, scanStore)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list stores: %w", err)
	}
	return stores, more, nil
}

// CountStores says how many stores a list holds, by their status. It fails with ErrFilling while the newest tables aren't as far as the checkpoint.
func CountStores(ctx context.Context, m Moment, l List) (map[store.Status]int64, error) {
	switch {
	case l.Scope.SeesNothing():
		return map[store.Status]int64{}, nil
	case !m.Filled:
		return nil, ErrFilling
	}
	by, err := l.counting(ctx, m)
	if err != nil {
		return nil, err
	}
	sql, args := l.counts(by)
	counts, err := counted[store.Status](ctx, m, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("count the stores of a list: %w", err)
	}
	return counts, nil
}

// counting says how the stores of a list are counted. By the index a text that many have takes ten times as long as looking at each store.
func (l List) counting(ctx context.Context, m Moment) (search, error) {
	if !l.searches() {
		return amongAll, nil
	}
	l.Limit = frequentOnes
	sql, args := l.statement(amongFirst)
	_, frequent, err := l.read(ctx, m, sql, args)
	if err == nil && !frequent {
		frequent, err = l.few(ctx, m)
	}
	if frequent {
		return amongFirst, err
	}
	return amongAll, err
}

func scanStore(row pgx.CollectableRow) (Placed, error) {
	var (
		p       Placed
		version uint64
		state   []byte
	)
	if err := row.Scan(&p.Opened, &p.Sorted, &version, &state); err != nil {
		return p, err
	}
	if err := storelog.Read(state, &p.State); err != nil {
		return p, fmt.Errorf("decode the state of the store opened at %d: %w", p.Opened, err)
	}
	// Never in a body, and the decoder makes a state anew.
	p.State.Version = version
	return p, nil
}

// Owner is whose a store is, nobody's where no store is known by this id.
func Owner(ctx context.Context, db Querier, id store.ID) (tenant string, err error) {
	err = db.QueryRow(ctx, "select tenant from stores where id = $1", string(id)).Scan(&tenant)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("read whose store %s is: %w", id, err)
	}
	return tenant, nil
}

// View shows it to its tenant.
func (p Placed) View() query.Store { return query.View(p.State) }
