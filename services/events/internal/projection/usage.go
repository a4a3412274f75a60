package projection

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// A turning message ends its store's span and begins another, whatever it changed: what came of it is the messages' alone, and the same in batches
// of any size, filled from events, or made anew.
const (
	turnUsage = `with row as materialized (
  select * from unnest($1::text[], $2::bigint[], $3::boolean[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], $9::boolean[],
    $10::timestamptz[], $11::timestamptz[])
    as row (store, seq, first, takes, tenant, engine, version, plan, runs, began, ended)
), before as (
  update usage set ended = row.began from row where row.first and usage.store = row.store and usage.ended = 'infinity'
)
insert into usage (store, seq, tenant, engine, version, plan, runs, began, ended)
select store, seq, tenant, engine, version, plan, runs, began, coalesce(ended, 'infinity') from row where takes`

	dropUsage = `delete from usage where store = any($1::text[])`

	// Most of what may turn by its type are steps, and most of these don't. Looked for in the text, since Postgres takes nothing out of a document
	// that holds a NUL; what is found too much add leaves out.
	readTurns = `select seq, store, type, at, facts::text, state::text from events
where store = any($1::text[]) and seq > $2 and type <> all($3::text[]) and (type <> $4 or facts::text like any($5::text[]))
order by store, seq limit nullif($6::bigint, 0)`
)

// usageRows are the columns of messages that turn what their stores take, in the order of each store's.
type usageRows struct {
	last                                 map[store.ID]int
	seq                                  []int64
	store, tenant, engine, version, plan []string
	first, takes, runs                   []bool
	began                                []time.Time
	ended                                []*time.Time
}

func newUsageRows() *usageRows { return &usageRows{last: map[store.ID]int{}} }

func (r *usageRows) add(m *store.Message, s *store.State) {
	if !turns(m, s) {
		return
	}
	before, known := r.last[m.Store]
	if known {
		r.ended[before] = &m.Time
	}
	r.last[m.Store] = len(r.seq)
	taken, takes := readmodel.TakenBy(*s)
	r.seq, r.store, r.began, r.ended = append(r.seq, int64(m.Seq)), append(r.store, string(m.Store)), append(r.began, m.Time), append(r.ended, nil)
	r.first, r.takes, r.runs = append(r.first, !known), append(r.takes, takes), append(r.runs, taken.Runs)
	r.tenant, r.engine = append(r.tenant, printable(taken.Tenant)), append(r.engine, printable(taken.Engine))
	r.version, r.plan = append(r.version, printable(taken.Version)), append(r.plan, printable(taken.Plan))
}

// turns says whether a message may change what its store takes. Of the steps that does only the one behind which there is no way back.
func turns(m *store.Message, s *store.State) bool {
	if m.Type == store.StepCompleted {
		return m.Facts.Step != "" && m.Facts.Step == store.Verbs[s.Doing()].NoReturn
	}
	return !slices.Contains(readmodel.Unturning(), string(m.Type))
}

func (r *usageRows) queue(b *pgx.Batch) {
	if len(r.seq) > 0 {
		b.Queue(turnUsage, r.store, r.seq, r.first, r.takes, r.tenant, r.engine, r.version, r.plan, r.runs, r.began, r.ended)
	}
}

// stepsOfNoReturn are what the facts of these steps hold, as patterns.
func stepsOfNoReturn() []string {
	patterns := []string{}
	for _, row := range store.Verbs {
		if row.NoReturn != "" {
			patterns = append(patterns, `%"step":"`+row.NoReturn+`"%`)
		}
	}
	return patterns
}

// refillUsage makes the stores' spans anew, of all that events holds of them.
func refillUsage(ctx context.Context, tx pgx.Tx, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, dropUsage, ids); err != nil {
		return fmt.Errorf("drop the usage of stores: %w", err)
	}
	_, _, err := addUsage(ctx, tx, ids, 0, 0)
	return err
}

// addUsage makes the stores' spans behind a message, of so many messages that may turn them, zero are all, and says which was the last and how many
// there were. What there are of spans already must be those up to that message.
func addUsage(ctx context.Context, tx pgx.Tx, ids []string, behind uint64, limit int) (last uint64, count int, err error) {
	found, err := tx.Query(ctx, readTurns, ids, int64(behind), readmodel.Unturning(), string(store.StepCompleted), stepsOfNoReturn(), limit)
	if err != nil {
		return behind, 0, fmt.Errorf("read what turned the usage of stores: %w", err)
	}
	rows := newUsageRows()
	if last, count, err = takeTurns(found, rows); err != nil || count == 0 {
		return behind, 0, err
	}
	var b pgx.Batch
	rows.queue(&b)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return behind, 0, fmt.Errorf("write the usage of stores: %w", err)
	}
	return last, count, nil
}

func takeTurns(found pgx.Rows, into *usageRows) (last uint64, count int, err error) {
	defer found.Close()
	for found.Next() {
		var (
			m            store.Message
			s            store.State
			facts, state string
		)
		if err := found.Scan(&m.Seq, &m.Store, &m.Type, &m.Time, &facts, &state); err != nil {
			return 0, 0, fmt.Errorf("read what turned the usage of stores: %w", err)
		}
		if err := storelog.Read([]byte(facts), &m.Facts); err != nil {
			return 0, 0, fmt.Errorf("decode the facts of message %d: %w", m.Seq, err)
		}
		if err := storelog.Read([]byte(state), &s); err != nil {
			return 0, 0, fmt.Errorf("decode the state of message %d: %w", m.Seq, err)
		}
		into.add(&m, &s)
		last, count = m.Seq, count+1
	}
	if err := found.Err(); err != nil {
		return 0, 0, fmt.Errorf("read what turned the usage of stores: %w", err)
	}
	return last, count, nil
}
