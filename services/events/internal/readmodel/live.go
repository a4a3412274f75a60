package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// ErrFilling: the newest tables aren't as far as the checkpoint, and those of before don't know what was asked for.
var ErrFilling = errors.New("the newest tables are being filled")

// Live are the stores that aren't finished, as query.LiveRequest says it.
type Live struct {
	Scope query.Scope
	// Cluster is as states say it, or query.AnyCluster.
	Cluster string
	// After is exclusive.
	After store.ID
	Limit int
}

// List reads them in the order of their ids. It costs as many rows as there are such stores, however many are gone.
func (l Live) List(ctx context.Context, m Moment) (ids []store.ID, more bool, err error) {
	switch {
	case !m.Filled:
		return nil, false, ErrFilling
	case l.Scope.SeesNothing():
		return []store.ID{}, false, nil
	}
	sql, args := l.statement()
	rows, err := m.Query(ctx, sql, args...)
	if err == nil {
		ids, more, err = collect(rows, l.Limit, pgx.RowTo[store.ID])
	}
	if err != nil {
		return nil, false, fmt.Errorf("list what lives: %w", err)
	}
	return ids, more, nil
}

func (l Live) statement() (string, []any) {
	args := []any{string(l.After), l.Limit + 1}
	// A history that began unreadably, and was gone on behind, has a row and is nobody's store.
	where := []string{"not finished", "status <> ''", "id > $1"}
	and := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if l.Cluster != query.AnyCluster {
		and("cluster = $%d", l.Cluster)
	}
	if !l.Scope.SeesAll() {
		and("tenant = $%d", l.Scope.Tenant())
	}
	from := "select id from stores_4 where " + strings.Join(where, " and ")
	if l.Scope.SeesAll() {
		// What was set aside may be the last word of a store that is finished here.
		from += " union select store from set_aside where discarded is null and store > $1"
	}
	return from + " order by 1 limit $2", args
}
