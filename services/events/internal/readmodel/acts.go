package readmodel

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
)

// Acts select entries of the audit, newest first.
type Acts struct {
	// Wanted is what was asked for, but for its cursor.
	Wanted query.AuditRequest
	// Before is the place of the last act of the page before; the zero Place begins with the newest.
	Before Place
}

// Place is that of an act in the order of lists. Sequences alone would order acts of two streams of the name as one's.
type Place struct {
	At    time.Time
	Epoch string
	Seq   uint64
}

// PlacedAct is an act and its place.
type PlacedAct struct {
	Act query.Act
	Place
}

// List reads one page and says whether another comes after it.
func (a Acts) List(ctx context.Context, db Querier) (acts []PlacedAct, more bool, err error) {
	if a.Wanted.Scope.SeesNothing() {
		return []PlacedAct{}, false, nil
	}
	sql, args := a.statement()
	rows, err := db.Query(ctx, sql, args...)
	if err == nil {
		acts, more, err = collect(rows, a.Wanted.Limit, scanAct)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list acts: %w", err)
	}
	return acts, more, nil
}

func (a Acts) statement() (string, []any) {
	where, args := []string{"true"}, []any{}
	and := func(asked bool, condition string, values ...any) {
		if !asked {
			return
		}
		for _, value := range values {
			args = append(args, value)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	w := a.Wanted
	and(!w.Scope.SeesAll(), "tenant = ?", w.Scope.Tenant())
	and(w.Tenant != "", "tenant = ?", w.Tenant)
	and(w.What != "", "what = ?", w.What)
	and(w.Store != "", "store = ?", w.Store)
	and(w.Actor != "", "actor = ?", w.Actor)
	and(w.About != "", "about = ?", w.About)
	and(!w.From.IsZero(), "at >= ?", w.From)
	and(!w.To.IsZero(), "at < ?", w.To)
	and(a.Before != Place{}, "(at, epoch, seq) < (?, ?, ?)", a.Before.At, a.Before.Epoch, a.Before.Seq)
	args = append(args, w.Limit+1)
	return fmt.Sprintf("select at, epoch, seq, what, tenant, store, actor, origin, about, before, after from audit where %s "+
		"order by at desc, epoch desc, seq desc limit $%d", strings.Join(where, " and "), len(args)), args
}

func scanAct(row pgx.CollectableRow) (p PlacedAct, err error) {
	a := &p.Act
	err = row.Scan(&p.At, &p.Epoch, &p.Seq, &a.What, &a.Tenant, &a.Store, &a.Actor, &a.Origin, &a.About, &a.Before, &a.After)
	p.At = p.At.UTC()
	a.At = p.At
	return p, err
}
