package projection

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// batchSize bounds a transaction: large enough that its fixed cost is small, the ways to Postgres and back above all, small
// enough that a reader of the newest version doesn't wait for it.
const batchSize = 1024

// item is a message on its way to Postgres: either its row, or why it has none.
type item struct {
	raw          storelog.Raw
	entry        storelog.Entry
	facts, state string
	err          error
	// again is the message that an operator wants read once more, when this one says so.
	again *item
}

func decode(raw storelog.Raw) *item {
	it := &item{raw: raw}
	if it.entry, it.err = readmodel.Decode(raw); it.err != nil {
		return it
	}
	if schema := it.entry.State.Schema; schema > store.Schema {
		// It can be shown. Kept, it would lack for good what this program doesn't know of it.
		it.err = fmt.Errorf("message %d has schema %d: %w", raw.Seq, schema, storelog.ErrNewerSchema)
		return it
	}
	facts, err := json.Marshal(&it.entry.Message.Facts)
	if err != nil {
		it.err = fmt.Errorf("encode the facts of message %d: %w", raw.Seq, err)
		return it
	}
	state, err := json.Marshal(it.entry.State.Written())
	if err != nil {
		it.err = fmt.Errorf("encode the state of message %d: %w", raw.Seq, err)
		return it
	}
	it.facts, it.state = string(facts), string(state)
	return it
}

// Events are copied, which costs Postgres a quarter less than an insert of arrays. All others go as one array a column: half
// as expensive as one statement a row, even in a pipeline.
const (
	// The newest tables move along where they are as far, and so does what is filled of them.
	moveCheckpoint = `with along as (update shadow set seq = $1 where seq = $2 and epoch = $3),
  filled as (update filling set seq = $1 where seq = $2 and epoch = $3)
update checkpoint set seq = $1 where seq = $2 and epoch = $3`

	upsertStores = `with row as materialized (
  select id, opened, version, tenant, name, engine, status, state::json, standing, cluster, finished
  from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::boolean[])
    as row (id, opened, version, tenant, name, engine, status, state, standing, cluster, finished)
), before as (
  insert into stores (id, opened, version, tenant, name, engine, status, state)
  select id, opened, version, tenant, name, engine, status, state from row
  on conflict (id) do update set version = excluded.version, tenant = excluded.tenant, name = excluded.name,
    engine = excluded.engine, status = excluded.status, state = excluded.state
)
insert into stores_4 (id, opened, version, tenant, name, engine, status, state, standing, cluster, finished)
select id, opened, version, tenant, name, engine, status, state, standing, cluster, finished from row
on conflict (id) do update set version = excluded.version, tenant = excluded.tenant, name = excluded.name,
  engine = excluded.engine, status = excluded.status, state = excluded.state, standing = excluded.standing,
  cluster = excluded.cluster, finished = excluded.finished`

	// A store's letters are all told by its newest message.
	replaceLetters = `with gone as (delete from dead_letters where store = any($6::text[]) and seq <> all($1::bigint[]))
insert into dead_letters (seq, store, tenant, kind, letter)
select seq, store, tenant, kind, letter::json
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) as row (seq, store, tenant, kind, letter)
on conflict (seq) do update set store = excluded.store, tenant = excluded.tenant, kind = excluded.kind, letter = excluded.letter`

	insertSetAside = `insert into set_aside (seq, subject, error, data, at)
select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[])`
)

// eventColumns are those of eventRows.
var eventColumns = []string{"seq", "store", "tenant", "type", "at", "actor", "generation", "facts", "state"}

// eventRows are the messages that have a row, for pgx to copy.
type eventRows struct {
	items []*item
	at    int
	row   [9]any
}

func (r *eventRows) add(it *item) { r.items = append(r.items, it) }

// copyTo has them in the table.
func (r *eventRows) copyTo(ctx context.Context, tx pgx.Tx) error {
	if len(r.items) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"events"}, eventColumns, r)
	return err
}

// Next is pgx.CopyFromSource's.
func (r *eventRows) Next() bool {
	r.at++
	return r.at <= len(r.items)
}

// Values is pgx.CopyFromSource's.
func (r *eventRows) Values() ([]any, error) {
	it := r.items[r.at-1]
	m := &it.entry.Message
	r.row = [...]any{int64(m.Seq), string(m.Store), m.Tenant, string(m.Type), m.Time, m.Actor, int64(m.Generation), it.facts, it.state}
	return r.row[:], nil
}

// Err is pgx.CopyFromSource's.
func (r *eventRows) Err() error { return nil }

// asideRows are the columns of the messages that have no other row.
type asideRows struct {
	seq            []int64
	subject, cause []string
	data           [][]byte
	at             []time.Time
}

func (r *asideRows) add(it *item) {
	r.seq = append(r.seq, int64(it.raw.Seq))
	r.subject = append(r.subject, printable(it.raw.Subject))
	r.cause = append(r.cause, printable(it.err.Error()))
	data := it.raw.Data
	if data == nil {
		data = []byte{}
	}
	r.data = append(r.data, data)
	r.at = append(r.at, it.raw.Time)
}

func (r *asideRows) queue(b *pgx.Batch) {
	if len(r.seq) > 0 {
		b.Queue(insertSetAside, r.seq, r.subject, r.cause, r.data, r.at)
	}
}

// printable makes a text of what may be none, so that the message that is set aside can't stop its own setting aside.
func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
