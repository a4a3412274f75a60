package readmodel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// List selects stores, newest first.
type List struct {
	// Scope is whose stores.
	Scope   query.Scope
	Status  store.Status
	Engine  string
	Search  string
	Deleted bool
	// Before is the place of the last store of the page before; zero begins with the newest.
	Before uint64
	Limit  int
}

// Placed is a store and its place in the order of lists.
type Placed struct {
	State store.State
	Place uint64
}

// Stores reads one page and says whether another comes after it.
func Stores(ctx context.Context, m Moment, l List) (stores []Placed, more bool, err error) {
	if l.Scope.SeesNothing() {
		return []Placed{}, false, nil
	}
	sql, args := l.statement(m.Filled)
	rows, err := m.Query(ctx, sql, args...)
	if err != nil {
		return nil, false, fmt.Errorf("list stores: %w", err)
	}
	if stores, more, err = collect(rows, l.Limit, scanStore); err != nil {
		return nil, false, fmt.Errorf("list stores: %w", err)
	}
	return stores, more, nil
}

// statement names only the conditions that are asked for: with "$1 is null or" before each Postgres would settle on a
// plan that uses no index.
func (l List) statement(filled bool) (string, []any) {
	table := "stores"
	if filled {
		table = "stores_4"
	}
	// A history that began unreadably, and was gone on behind, has a row and is nobody's store.
	where := []string{"status <> ''"}
	var args []any
	and := func(condition string, value any) {
		args = append(args, value)
		where = append(where, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args))))
	}
	if !l.Scope.SeesAll() {
		and("tenant = ?", l.Scope.Tenant())
	}
	if l.Status != "" {
		and("status = ?", string(l.Status))
	} else if !l.Deleted {
		and("status <> ?", string(store.Deleted))
	}
	if l.Engine != "" {
		and("engine = ?", l.Engine)
	}
	if l.Search != "" {
		and("(name ilike ? or id ilike ?)", "%"+likeLiteral.Replace(l.Search)+"%")
	}
	if l.Before != 0 {
		and("opened < ?", l.Before)
	}
	args = append(args, l.Limit+1)
	return fmt.Sprintf("select opened, version, state from %s where %s order by opened desc limit $%d",
		table, strings.Join(where, " and "), len(args)), args
}

// likeLiteral takes the meaning from what a pattern would give one to.
var likeLiteral = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func scanStore(row pgx.CollectableRow) (Placed, error) {
	var (
		p       Placed
		version uint64
		state   []byte
	)
	if err := row.Scan(&p.Place, &version, &state); err != nil {
		return p, err
	}
	if err := storelog.Read(state, &p.State); err != nil {
		return p, fmt.Errorf("decode the state of the store opened at %d: %w", p.Place, err)
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
