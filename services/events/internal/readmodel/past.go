package readmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
)

// ErrBehind: the log hasn't been projected up to a moment of the past.
var ErrBehind = errors.New("the read model hasn't come to that moment yet")

// Past selects stores as they were, newest first.
type Past struct {
	// List says which: by whose they are now, and by what they were then.
	List
	// Tenant is whose they were then; empty for anybody's.
	Tenant string
	// Upto is the last message that counts.
	Upto uint64
}

// looked is how many stores are looked at for one page. No index knows what was true of them then, so that a page of few among many
// would take as long as there are many; so it ends, and the next one goes on.
const looked = 5000

// Page reads one, which may be short, or empty, and says at which place the next one goes on, zero where there is none. It fails with
// ErrBehind.
func (p Past) Page(ctx context.Context, m Moment) (stores []Placed, next uint64, err error) {
	switch {
	case m.Seq < p.Upto:
		return nil, 0, fmt.Errorf("%w: it is at %d, asked for was %d", ErrBehind, m.Seq, p.Upto)
	case p.Scope.SeesNothing():
		return []Placed{}, 0, nil
	}
	stores = []Placed{}
	// Most pages are full at once; where few are wanted of many, it asks for more at a time.
	for size, left := p.Limit, looked; left > 0; size = min(4*size, left) {
		batch, more, err := p.batch(ctx, m, size)
		if err != nil {
			return nil, 0, fmt.Errorf("list stores as they were: %w", err)
		}
		for i, s := range batch {
			p.Behind = s.Spot
			if !p.holds(s.State) {
				continue
			}
			if stores = append(stores, s); len(stores) == p.Limit && (more || i < len(batch)-1) {
				return stores, p.Behind.Opened, nil
			}
		}
		if !more {
			return stores, 0, nil
		}
		// What is there fills a page whatever its limit (pageBytes).
		if left -= len(batch); len(batch) < size && len(stores) > 0 {
			break
		}
	}
	return stores, p.Behind.Opened, nil
}

func (p Past) batch(ctx context.Context, m Moment, size int) (batch []Placed, more bool, err error) {
	sql, args := p.statement(m.Filled, size+1)
	rows, err := m.Query(ctx, sql, args...)
	if err != nil {
		return nil, false, err
	}
	return collect(rows, size, scanStore)
}

// statement reads of each store the last event by then, where anything has been said of it since, and its row else, which is then cheap
// to leave out. An event holds the whole state, as the row does.
func (p Past) statement(filled bool, rows int) (string, []any) {
	table := "stores"
	if filled {
		table = "stores_4"
	}
	args := []any{p.Upto}
	value := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	unchanged := []string{"status <> ''"}
	if len(p.Statuses) > 0 {
		unchanged = append(unchanged, "status = any("+value(words(p.Statuses))+")")
	} else if !p.Deleted {
		unchanged = append(unchanged, undeleted)
	}
	where := []string{"opened <= $1", "(version > $1 or " + strings.Join(unchanged, " and ") + ")"}
	if !p.Scope.SeesAll() {
		where = append(where, "tenant = "+value(p.Scope.Tenant()))
	}
	if p.Tenant != "" {
		// Whose it was then has it now, or has given it away.
		tenant := value(p.Tenant)
		where = append(where, fmt.Sprintf("(tenant = %[1]s or id = any(array(select store from events where type = 'transferred' and facts ->> 'from' = %[1]s)))", tenant))
	}
	if p.Behind.Opened != 0 {
		where = append(where, "opened < "+value(p.Behind.Opened))
	}
	limit := value(rows)
	return fmt.Sprintf(`select now.opened, '', coalesce(old.seq, now.version), coalesce(old.state, now.state) from (
  select id, opened, version, case when version <= $1 then state end as state from %s where %s order by opened desc limit %s
) now left join lateral (
  select seq, state from events where now.version > $1 and store = now.id and seq <= $1 order by seq desc limit 1
) old on true order by now.opened desc`, table, strings.Join(where, " and "), limit), args
}

// holds says of a store as it was what the filters of a list say of one as it is.
func (p Past) holds(s store.State) bool {
	switch {
	case s.Status == "",
		p.Tenant != "" && s.Tenant != p.Tenant,
		len(p.Statuses) > 0 && !slices.Contains(p.Statuses, s.Status),
		len(p.Statuses) == 0 && !p.Deleted && s.Status == store.Deleted,
		p.Engine != "" && s.Spec.Engine != p.Engine,
		p.Plan != "" && s.Spec.Plan != p.Plan,
		p.Name != "" && Sorted(s.Spec.Name) != Sorted(p.Name):
		return false
	}
	part := Folded(p.Search)
	return strings.Contains(Folded(s.Spec.Name), part) || strings.Contains(string(s.ID), part)
}
