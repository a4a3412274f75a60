package projection

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
)

// BenchmarkCatchUp projects a log of 100,000 messages (of 2,000 stores) from its beginning, against an insert of the
// very same rows by the very same statements, on a connection with the same settings: rows that are in memory already,
// no log, no decoding, no checkpoint, no spans. The server fsyncs.
func BenchmarkCatchUp(b *testing.B) {
	const messages = 100_000
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	pgtest.Database(b)
	pgtest.Admin(b, "alter system set fsync = on", "select pg_reload_conf()")
	b.Cleanup(func() { pgtest.Admin(b, "alter system reset fsync", "select pg_reload_conf()") })
	nc := bustest.Start(b)
	var authors sync.WaitGroup
	for i := range 8 {
		a := logtest.New(b, nc, uint64(i))
		authors.Go(func() { a.WriteFor(b.Context(), messages/8, logtest.Tenant(i), 250) })
	}
	authors.Wait()
	log, err := storelog.Open(b.Context(), nc)
	if err != nil {
		b.Fatal(err)
	}
	rows := load(b, log, messages)

	var projecting, bare time.Duration
	for b.Loop() {
		bare += insertBare(b, rows)
		target := &testBundle{nc: nc, pool: pgtest.Pool(b), progress: NewProgress()}
		began := time.Now()
		stop := target.start(b, target.projector())
		if err := target.progress.Wait(b.Context(), "", messages); err != nil {
			b.Fatal(err)
		}
		projecting += time.Since(began)
		stop()
	}
	total := float64(messages) * float64(b.N)
	b.ReportMetric(total/projecting.Seconds(), "events/s")
	b.ReportMetric(total/bare.Seconds(), "bare-events/s")
	b.ReportMetric(bare.Seconds()/projecting.Seconds(), "ratio")
}

// BenchmarkDecode makes the rows of a log's messages, one after the other.
func BenchmarkDecode(b *testing.B) {
	const messages = 1000
	a := logtest.New(b, bustest.Start(b), 1)
	a.WriteFor(b.Context(), messages, logtest.Tenant(1), 40)
	items := load(b, a.Log, messages)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if it := decode(items[n%messages].raw); it.err != nil {
			b.Fatal(it.err)
		}
		n++
	}
}

// load decodes the log into memory.
func load(b *testing.B, log *storelog.Log, messages uint64) []*item {
	b.Helper()
	ctx, done := context.WithCancel(b.Context())
	defer done()
	var items []*item
	_ = log.Tail(ctx, 0, func(raw storelog.Raw) error {
		items = append(items, decode(raw))
		if raw.Seq == messages {
			done()
		}
		return nil
	})
	if uint64(len(items)) != messages {
		b.Fatalf("the log holds %d messages", len(items))
	}
	return items
}

// insertBare does in Postgres what the projector does, and nothing else.
func insertBare(b *testing.B, items []*item) time.Duration {
	b.Helper()
	ctx := b.Context()
	pool := pgtest.Pool(b)
	cfg := New(nil, pool.Config().ConnConfig, nil).postgres
	cfg.Tracer = nil
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	type write struct {
		events eventRows
		others pgx.Batch
	}
	var writes []*write
	for len(items) > 0 {
		n := min(batchSize, len(items))
		stores, w := newStoreRows(), &write{}
		for _, it := range items[:n] {
			w.events.add(it)
			stores.add(it)
		}
		if err := stores.queue(&w.others); err != nil {
			b.Fatal(err)
		}
		writes, items = append(writes, w), items[n:]
	}
	began := time.Now()
	for _, w := range writes {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			return errors.Join(tx.SendBatch(ctx, &w.others).Close(), w.events.copyTo(ctx, tx))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
