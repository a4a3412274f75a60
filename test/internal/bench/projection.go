package bench

import (
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// oneStore is what happens to a store on its way to Ready, behind its create.
var oneStore = []store.Message{
	{Type: store.AttemptStarted, Facts: store.Facts{Attempt: 1}},
	{Type: store.StepCompleted, Facts: store.Facts{Step: "namespace"}},
	{Type: store.StepCompleted, Facts: store.Facts{Step: "isolation"}},
	{Type: store.StepCompleted, Facts: store.Facts{Step: "credentials"}},
	{Type: store.StepCompleted, Facts: store.Facts{Step: "release"}},
	{Type: store.StepCompleted, Facts: store.Facts{Step: "workloads"}},
	{Type: store.StepCompleted, Facts: store.Facts{Step: "http"}},
	{Type: store.BecameReady, Facts: store.Facts{URL: "http://store-sabcdefghijk.localhost:8088", Via: "ingress"}},
}

// projectionRate holds a projector that catches up against inserting the very rows that it has made.
func projectionRate(b *bench) {
	s := b.newBus()
	s.run(whileLoading)
	stores := b.sizes.events / (len(oneStore) + 1)
	b.Logf("loading %d events", stores*(len(oneStore)+1))
	log := s.log()
	s.load(log, stores, oneStore...)
	head, err := log.Head(b.ctx)
	b.must("read the head of the log", err)
	s.run(whileMeasuring)

	address := b.newPostgres()
	conn := b.dialPostgres(address)
	p := b.start("events", s.service("events", "LISTEN="+b.freeAddress(), "DATABASE_URL="+address))
	b.Logf("catching up")
	first, began := b.checkpoint(p, conn, 1)
	last, ended := b.checkpoint(p, conn, head)
	p.Stop(syscall.SIGTERM, stopPatience)
	platform := rate(int(last-first), ended.Sub(began))

	b.Logf("inserting the same rows")
	rows := b.readRows(conn)
	bare := rate(len(rows), rows.insert(b, conn))
	b.report(line{
		what:     fmt.Sprintf("projection, catching up on %d events", head),
		platform: perSecond(platform), bare: perSecond(bare), ratio: platform / bare,
		how: fmt.Sprintf("messages of the log behind the first batch (%d), against unnest inserts of the same rows, store upserts and checkpoint included, %d a transaction",
			first, insertBatch),
	}.atLeast(0.5))
}

// checkpoint waits for the projection to be at least at seq, as long as it comes nearer, and answers where it is and when.
func (b *bench) checkpoint(p *parts.Process, conn *pgx.Conn, seq uint64) (at uint64, when time.Time) {
	b.Helper()
	for at < seq {
		behind := at
		b.await(fmt.Sprintf("project more than %d of %d messages", behind, seq), p, startPatience, func() error {
			if err := conn.QueryRow(b.ctx, "select seq from checkpoint").Scan(&at); err != nil {
				return err
			}
			if at <= behind {
				return fmt.Errorf("it is at %d", at)
			}
			when = time.Now()
			return nil
		})
	}
	return at, when
}

// eventRow is a row of the projection, with the columns of its store's.
type eventRow struct {
	seq, generation                    int64
	store, tenant, kind, actor         string
	at                                 time.Time
	facts, state, name, engine, status string
}

type eventRows []eventRow

func (b *bench) readRows(conn *pgx.Conn) eventRows {
	b.Helper()
	found, err := conn.Query(b.ctx, "select seq, generation, store, tenant, type, actor, at, facts::text, state::text from events order by seq")
	b.must("read the rows", err)
	rows, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (e eventRow, err error) {
		if err := r.Scan(&e.seq, &e.generation, &e.store, &e.tenant, &e.kind, &e.actor, &e.at, &e.facts, &e.state); err != nil {
			return e, err
		}
		var s store.State
		err = json.Unmarshal([]byte(e.state), &s)
		e.name, e.engine, e.status = s.Spec.Name, s.Spec.Engine, string(s.Status)
		return e, err
	})
	b.must("read the rows", err)
	return rows
}

// insertBatch is how many rows a transaction has. The projector's has more where the log is ahead, which makes these no faster.
const insertBatch = 256

const (
	bareTables = `create table bare_events (like events including all);
create table bare_stores (like stores including all) with (fillfactor = 70);
create table bare_checkpoint (seq bigint not null);
insert into bare_checkpoint values (0);
set synchronous_commit = off`

	bareCheckpoint = `update bare_checkpoint set seq = $1`

	bareInsert = `insert into bare_events (seq, store, tenant, type, at, actor, generation, facts, state)
select seq, store, tenant, type, at, actor, generation, facts::json, state::json
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[], $8::text[], $9::text[])
  as row (seq, store, tenant, type, at, actor, generation, facts, state)`

	bareUpsert = `insert into bare_stores (id, opened, version, tenant, name, engine, status, state)
select id, opened, version, tenant, name, engine, status, state::json
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
  as row (id, opened, version, tenant, name, engine, status, state)
on conflict (id) do update set version = excluded.version, status = excluded.status, state = excluded.state`
)

// insert makes the same rows in tables of the same shape, from memory.
func (rows eventRows) insert(b *bench, conn *pgx.Conn) time.Duration {
	b.Helper()
	_, err := conn.Exec(b.ctx, bareTables)
	b.must("make tables", err)
	var batches []*pgx.Batch
	for n := 0; n < len(rows); n += insertBatch {
		batches = append(batches, rows[n:min(n+insertBatch, len(rows))].batch())
	}
	began := time.Now()
	for _, batch := range batches {
		b.must("insert rows", pgx.BeginFunc(b.ctx, conn, func(tx pgx.Tx) error { return tx.SendBatch(b.ctx, batch).Close() }))
	}
	return time.Since(began)
}

func (rows eventRows) batch() *pgx.Batch {
	var seq, generation, opened, version []int64
	var stores, tenants, kinds, actors, facts, states []string
	var at []time.Time
	newest := map[string]eventRow{}
	first := map[string]int64{}
	for _, r := range rows {
		seq, generation, stores, tenants = append(seq, r.seq), append(generation, r.generation), append(stores, r.store), append(tenants, r.tenant)
		kinds, actors, at = append(kinds, r.kind), append(actors, r.actor), append(at, r.at)
		facts, states = append(facts, r.facts), append(states, r.state)
		if _, known := first[r.store]; !known {
			first[r.store] = r.seq
		}
		newest[r.store] = r
	}
	var batch pgx.Batch
	batch.Queue(bareCheckpoint, seq[len(seq)-1])
	batch.Queue(bareInsert, seq, stores, tenants, kinds, at, actors, generation, facts, states)
	var ids, owners, names, engines, statuses, latest []string
	for id, r := range newest {
		ids, opened, version = append(ids, id), append(opened, first[id]), append(version, r.seq)
		owners, names, engines = append(owners, r.tenant), append(names, r.name), append(engines, r.engine)
		statuses, latest = append(statuses, r.status), append(latest, r.state)
	}
	batch.Queue(bareUpsert, ids, opened, version, owners, names, engines, statuses, latest)
	return &batch
}
