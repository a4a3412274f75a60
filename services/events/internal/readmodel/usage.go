package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// Taken is what a store takes of the platform, as it is.
type Taken struct {
	Tenant, Engine, Version, Plan string
	// Runs says that it stands: it works, or is meant to.
	Runs bool
}

// TakenBy says what a store takes, and whether anything: from when it first stood until its deletion is asked for, for nobody pays for what
// was never there, or for the time that the platform needs to remove it. A plan counts once the store has it. While a store is suspended, and
// where an operation has broken it, it doesn't run, and its volumes are there all the same.
func TakenBy(s store.State) (taken Taken, takes bool) {
	if !s.Stood {
		return taken, false
	}
	spec := s.Spec
	if s.Running != nil {
		spec = s.Running.Spec
	}
	return Taken{Tenant: s.Tenant, Engine: spec.Engine, Version: spec.Version, Plan: spec.Plan, Runs: s.Stands()}, true
}

// unturning are types of messages that never change what a store takes, and most of what a log holds. What isn't named here is
// looked at, so that a type of tomorrow's is counted.
var unturning = []store.Type{
	store.Waited, store.AttemptStarted, store.AttemptYielded, store.Progressed, store.RetryScheduled, store.CredentialsViewed, store.Redriven,
	store.Discarded, store.Renamed, store.LifetimeChanged, store.Superseded,
}

// Unturning lists them.
func Unturning() []string {
	words := make([]string, len(unturning))
	for i, t := range unturning {
		words[i] = string(t)
	}
	return words
}

// UsagePlace is that of a row in the order of lists.
type UsagePlace struct{ Month, Tenant, Engine, Version, Plan string }

const monthsUsage = `select tenant, engine, version, plan, count(distinct store), coalesce(sum(took) filter (where runs), 0)::bigint, sum(took)::bigint
from (
  select store, tenant, engine, version, plan, runs, (extract(epoch from least(ended, $2) - greatest(began, $1)) * 1000000)::bigint as took
  from usage where ended > $1 and began < $2 and ($3 or tenant = $4)
) span
where took > 0 and (not $5 or (tenant, engine, version, plan) > ($6, $7, $8, $9))
group by tenant, engine, version, plan order by tenant, engine, version, plan limit $10`

// Usage reads one page of what stores took from one month to another, both inclusive, and says whether another page comes after it. What
// goes on is counted until then. It fails with ErrFilling while the newest tables aren't as far as the checkpoint.
func Usage(ctx context.Context, m Moment, r query.UsageRequest, behind UsagePlace) (rows []query.Usage, more bool, err error) {
	rows = []query.Usage{}
	switch {
	case r.Scope.SeesNothing():
		return rows, false, nil
	case !m.Filled:
		return nil, false, ErrFilling
	}
	from, err := time.Parse(query.MonthForm, max(r.From, behind.Month))
	if err != nil {
		return nil, false, fmt.Errorf("read the first month: %w", err)
	}
	// A month after the other: a page ends before most of what there is.
	for ; from.Format(query.MonthForm) <= r.To && len(rows) <= r.Limit; from = from.AddDate(0, 1, 0) {
		month, err := usageOf(ctx, m, r, from, behind, r.Limit+1-len(rows))
		if err != nil {
			return nil, false, fmt.Errorf("read the usage of %s: %w", from.Format(query.MonthForm), err)
		}
		rows = append(rows, month...)
	}
	if more = len(rows) > r.Limit; more {
		rows = rows[:r.Limit]
	}
	return rows, more, nil
}

func usageOf(ctx context.Context, m Moment, r query.UsageRequest, from time.Time, behind UsagePlace, limit int) ([]query.Usage, error) {
	month := from.Format(query.MonthForm)
	to := from.AddDate(0, 1, 0)
	if r.Until.Before(to) {
		to = r.Until
	}
	rows, err := m.Query(ctx, monthsUsage, from, to, r.Scope.SeesAll(), r.Scope.Tenant(),
		behind.Month == month, behind.Tenant, behind.Engine, behind.Version, behind.Plan, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (u query.Usage, err error) {
		u.Month = month
		err = row.Scan(&u.Tenant, &u.Engine, &u.Version, &u.Plan, &u.Stores, &u.Ran, &u.Kept)
		return u, err
	})
}
