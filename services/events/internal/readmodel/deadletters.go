package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
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

// A command that is both is listed once, or a page could end between the two. deadLetters names a letter's kind in SQL, so
// that the page's limit counts what is asked for.
const (
	deadLetters = `select seq, kind, store, letter, error, at from (` + lettersOf + `) letter
where seq > $3 and ($4 = '' or kind = $4) order by seq limit $5`
	// lettersOf are one tenant's, or everybody's.
	lettersOf = `
  select seq, kind, store, letter, '' as error, null::timestamptz as at from dead_letters where $1 or tenant = $2
  union all
  select seq, 'set_aside', store, null, error, at from set_aside where discarded is null and $1
    and not exists (select from dead_letters where dead_letters.seq = set_aside.seq)
`
)

// deadLettersBefore is deadLetters of the tables of before, which know one a store. They take a create that was called off
// for failed, and one whose failure was put away: since schema 4 states list the failures themselves.
const deadLettersBefore = `with failed as (
  select *, replace(state::text, '\u0000', '\ufffd')::json as said from stores where dead is not null and ($1 or tenant = $2)
)
select seq, kind, store, state, error, at from (
  select dead as seq, case status when 'Failed' then 'failed' else 'stuck' end as kind, id as store, state, '' as error, null::timestamptz as at
  from failed where status <> 'Failed' or coalesce((said ->> 'schema')::int, 1) < 4 or exists (
    select from json_array_elements(said -> 'failures') f where (f ->> 'generation')::bigint = dead and coalesce(f ->> 'discarded', '') = ''
  )
  union all
  select seq, 'set_aside', store, null, error, at from set_aside where discarded is null and $1
    and not exists (select from stores where dead = seq)
) letter
where seq > $3 and ($4 = '' or kind = $4) order by seq limit $5`

// List reads one page and says whether another comes after it.
func (d DeadLetters) List(ctx context.Context, m Moment) (letters []query.DeadLetter, more bool, err error) {
	if d.Scope.SeesNothing() {
		return []query.DeadLetter{}, false, nil
	}
	sql, scan := deadLetters, scanLetter
	if !m.Filled {
		sql, scan = deadLettersBefore, scanStoresLetter
	}
	rows, err := m.Query(ctx, sql, d.Scope.SeesAll(), d.Scope.Tenant(), d.After, string(d.Kind), d.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("list dead letters: %w", err)
	}
	letters, more, err = collect(rows, d.Limit, func(row pgx.CollectableRow) (query.DeadLetter, error) { return scanDeadLetter(row, scan) })
	if err != nil {
		return nil, false, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, more, nil
}

// scanDeadLetter reads a message that was set aside, and has scan read a store's letter.
func scanDeadLetter(row pgx.CollectableRow, scan func(*query.DeadLetter, []byte) error) (query.DeadLetter, error) {
	var (
		l       query.DeadLetter
		content []byte
		cause   string
		at      *time.Time
	)
	if err := row.Scan(&l.Seq, &l.Kind, &l.Store, &content, &cause, &at); err != nil {
		return l, err
	}
	if l.Kind == query.DeadSetAside {
		l.Message, l.Detail = "The message can't be read or kept.", store.Bounded(cause)
		if at != nil {
			l.Since = at.UTC()
		}
		return l, nil
	}
	if err := scan(&l, content); err != nil {
		return l, fmt.Errorf("decode the dead letter %d of store %s: %w", l.Seq, l.Store, err)
	}
	return l, nil
}

func scanLetter(l *query.DeadLetter, content []byte) error { return json.Unmarshal(content, l) }

func scanStoresLetter(l *query.DeadLetter, content []byte) error {
	var s store.State
	if err := storelog.Read(content, &s); err != nil {
		return err
	}
	for _, known := range Letters(s) {
		if known.Seq == l.Seq {
			*l = known
		}
	}
	return nil
}

// Letters are what of a store waits for an operator. Its state says it, so that they are the same whatever has been projected
// before, and by whom.
func Letters(s store.State) []query.DeadLetter {
	var letters []query.DeadLetter
	waiting := s.DeadLetters()
	for _, f := range s.Failures {
		if slices.Contains(waiting, f.Generation) {
			letters = append(letters, letterOf(s, f.Cause, query.DeadLetter{
				Seq: f.Generation, Kind: query.DeadFailed, Verb: f.Verb, Attempt: f.Attempt, Since: f.At,
			}))
		}
	}
	if s.Stuck() && slices.Contains(waiting, s.Generation) {
		letters = append(letters, letterOf(s, s.Why(), query.DeadLetter{
			Seq: s.Generation, Kind: query.DeadStuck, Verb: s.Verb, Attempt: s.Attempt, Since: s.UpdatedAt,
		}))
	}
	return letters
}

// letterOf adds whose it is, and why.
func letterOf(s store.State, why store.Cause, l query.DeadLetter) query.DeadLetter {
	l.Store, l.Tenant, l.Name = s.ID, s.Tenant, s.Spec.Name
	l.Reason, l.Message, l.Detail = store.Bounded(why.Reason), store.Bounded(why.Message), store.Bounded(why.Detail)
	return l
}
