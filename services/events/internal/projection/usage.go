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

	readTurns = `select seq, store, type, at, facts::text, state::text from events where store = any($1::text[]) and type <> all($2::text[])
order by store, seq`
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
		return m.Facts.Step == store.Verbs[s.Doing()].NoReturn
	}
	return !slices.Contains(readmodel.Unturning(), string(m.Type))
}

func (r *usageRows) queue(b *pgx.Batch) {
	if len(r.seq) > 0 {
		b.Queue(turnUsage, r.store, r.seq, r.first, r.takes, r.tenant, r.engine, r.version, r.plan, r.runs, r.began, r.ended)
	}
}

// refillUsage makes the stores' spans anew, of all that events holds of them.
func refillUsage(ctx context.Context, tx pgx.Tx, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := tx.Query(ctx, readTurns, ids, readmodel.Unturning())
	if err != nil {
		return fmt.Errorf("read what turned the usage of stores: %w", err)
	}
	rows, err := takeTurns(found)
	if err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(dropUsage, ids)
	rows.queue(&b)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write the usage of stores: %w", err)
	}
	return nil
}

func takeTurns(found pgx.Rows) (*usageRows, error) {
	defer found.Close()
	rows := newUsageRows()
	for found.Next() {
		var (
			m            store.Message
			s            store.State
			facts, state string
		)
		if err := found.Scan(&m.Seq, &m.Store, &m.Type, &m.Time, &facts, &state); err != nil {
			return nil, fmt.Errorf("read what turned the usage of stores: %w", err)
		}
		if err := storelog.Read([]byte(facts), &m.Facts); err != nil {
			return nil, fmt.Errorf("decode the facts of message %d: %w", m.Seq, err)
		}
		if err := storelog.Read([]byte(state), &s); err != nil {
			return nil, fmt.Errorf("decode the state of message %d: %w", m.Seq, err)
		}
		rows.add(&m, &s)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("read what turned the usage of stores: %w", err)
	}
	return rows, nil
}
