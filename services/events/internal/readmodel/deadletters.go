package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// DeadLetters selects what waits for an operator, oldest first.
type DeadLetters struct {
	// Scope is whose; with everybody's come the messages that were set aside: nobody can say whose these are.
	Scope query.Scope
	// Kind is one of them, or empty.
	Kind query.DeadLetterKind
	// After is exclusive.
	After uint64
	Limit int
}

// A command that is both is listed once, or a page could end between the two. deadLetters names a letter's kind in SQL, so that the page's limit counts what is asked for.
const deadLetters = `select seq, kind, store, state, error, at from (
  select dead as seq, case status when 'Failed' then 'failed' else 'stuck' end as kind, id as store, state, '' as error, null::timestamptz as at
  from stores where dead is not null and ($1 or tenant = $2)
  union all
  select seq, 'set_aside', store, null, error, at from set_aside where discarded is null and $1
    and not exists (select from stores where dead = seq)
) letter
where seq > $3 and ($4 = '' or kind = $4) order by seq limit $5`

// List reads one page and says whether another comes after it.
func (d DeadLetters) List(ctx context.Context, db Querier) (letters []query.DeadLetter, more bool, err error) {
	if d.Scope.SeesNothing() {
		return []query.DeadLetter{}, false, nil
	}
	rows, err := db.Query(ctx, deadLetters, d.Scope.SeesAll(), d.Scope.Tenant(), d.After, string(d.Kind), d.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("list dead letters: %w", err)
	}
	if letters, more, err = collect(rows, d.Limit, scanDeadLetter); err != nil {
		return nil, false, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, more, nil
}

func scanDeadLetter(row pgx.CollectableRow) (query.DeadLetter, error) {
	var (
		l     query.DeadLetter
		state []byte
		cause string
		at    *time.Time
	)
	if err := row.Scan(&l.Seq, &l.Kind, &l.Store, &state, &cause, &at); err != nil {
		return l, err
	}
	if l.Kind == query.DeadSetAside {
		l.Message, l.Detail = "The message can't be read or kept.", store.Bounded(cause)
		if at != nil {
			l.Since = at.UTC()
		}
		return l, nil
	}
	var s store.State
	if err := json.Unmarshal(state, &s); err != nil {
		return l, fmt.Errorf("decode the state of store %s: %w", l.Store, err)
	}
	l.Tenant, l.Name, l.Verb, l.Attempt, l.Since = s.Tenant, s.Spec.Name, s.Verb, s.Attempt, s.UpdatedAt
	l.Reason, l.Message, l.Detail = store.Bounded(s.Reason), store.Bounded(s.Message), store.Bounded(s.Detail)
	return l, nil
}
