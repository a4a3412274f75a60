package readmodel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Resolution is that of a time in Postgres. What is told live is cut to it too, so that an event looks the same however
// a reader came by it.
const Resolution = time.Microsecond

// Span selects messages of the log as Postgres holds them, oldest first.
type Span struct {
	// After is exclusive, Upto inclusive; no Upto means to the end.
	After, Upto uint64
	// Store restricts the span when set.
	Store store.ID
	// Scope is whose stores' messages. The transfer of a store is its former owner's, too.
	Scope query.Scope
	// Newest takes the last of the span instead of the first.
	Newest bool
	Limit  int
}

// History reads one page and says whether another comes after it, or before it where the newest were asked for. The entries are those of the log, less the ids and
// headers of their messages.
func History(ctx context.Context, db Querier, s Span) (entries []storelog.Entry, more bool, err error) {
	if s.Scope.SeesNothing() {
		return []storelog.Entry{}, false, nil
	}
	sql, args := s.statement()
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, false, fmt.Errorf("read the history behind %d: %w", s.After, err)
	}
	if entries, more, err = collect(rows, s.Limit, scanEntry); err != nil {
		return nil, false, fmt.Errorf("read the history behind %d: %w", s.After, err)
	}
	if s.Newest {
		slices.Reverse(entries)
	}
	return entries, more, nil
}

func (s Span) statement() (string, []any) {
	where := []string{"seq > $1"}
	args := []any{s.After}
	and := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if s.Upto != 0 {
		and("seq <= $%d", s.Upto)
	}
	if s.Store != "" {
		and("store = $%d", string(s.Store))
	}
	args = append(args, s.Limit+1)
	limit, order := len(args), "seq"
	if s.Newest {
		order = "seq desc"
	}
	page := func(more ...string) string {
		return fmt.Sprintf("select seq, store, tenant, type, at, actor, generation, facts, state from events where %s order by %s limit $%d",
			strings.Join(append(slices.Clone(where), more...), " and "), order, limit)
	}
	if s.Scope.SeesAll() {
		return page(), args
	}
	args = append(args, s.Scope.Tenant())
	tenant := fmt.Sprintf("$%d", len(args))
	own, left := page("tenant = "+tenant), page("type = '"+string(store.Transferred)+"'", "facts ->> 'from' = "+tenant, "tenant <> "+tenant)
	// Each half goes by an index of its own in the order of the page; with "or" between them Postgres would sort all there is.
	return fmt.Sprintf("select * from ((%s) union all (%s)) page order by %s limit $%d", own, left, order, limit), args
}

func scanEntry(row pgx.CollectableRow) (storelog.Entry, error) {
	var (
		e            storelog.Entry
		generation   int64
		facts, state []byte
	)
	m := &e.Message
	if err := row.Scan(&m.Seq, &m.Store, &m.Tenant, &m.Type, &m.Time, &m.Actor, &generation, &facts, &state); err != nil {
		return e, err
	}
	m.Time = m.Time.UTC()
	m.Generation = uint64(generation)
	if err := storelog.Read(facts, &m.Facts); err != nil {
		return e, fmt.Errorf("decode the facts of message %d: %w", m.Seq, err)
	}
	if err := storelog.Read(state, &e.State); err != nil {
		return e, fmt.Errorf("decode the state of message %d: %w", m.Seq, err)
	}
	e.State.Version = m.Seq
	// Its subject said so, which isn't kept. A later release's type says nothing to this one.
	m.Command = e.State.Generation == m.Seq
	return e, nil
}
