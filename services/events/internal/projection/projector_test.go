package projection

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

func TestRowsEqualFoldOfLog(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 700, 3, 20)
	b.start(t, b.projector())
	b.await(t)
	b.checkRows(t)

	b.author.Write(t.Context(), 100, 3, 20)
	b.await(t)
	b.checkRows(t)
}

// A projector is stopped, or its connection cut, at moments of chance, while a second one waits for its turn and
// messages keep coming.
func TestKilledAnywhere(t *testing.T) {
	b := setup(t)
	rnd := rand.New(rand.NewPCG(7, 7))
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		b.author.Write(t.Context(), 3000, 3, 30)
	}()
	second := b.projector()
	b.start(t, second)
	for range 12 {
		stop := b.start(t, b.projector())
		target := b.progress.Seq() + uint64(rnd.IntN(300))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_ = b.progress.Wait(ctx, "", target)
		cancel()
		if rnd.IntN(2) == 0 {
			cutProjectors(t, b)
		}
		stop()
	}
	<-writing
	b.await(t)
	b.checkRows(t)
}

func cutProjectors(t *testing.T, b *testBundle) {
	t.Helper()
	_, err := b.pool.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
		where application_name = 'store-events projector' and datname = current_database()`)
	if err != nil {
		t.Error(err)
	}
}

// Two projectors work without the lock, as when one has lost it and doesn't know: the checkpoint lets one through.
func TestTwoProjectorsAtOnce(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 2000, 3, 30)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended, end := context.WithCancel(ctx)
	defer end()
	head := b.head(t)
	go func() {
		if b.progress.Wait(ended, "", head) == nil {
			end()
		}
	}()
	// Both have read the checkpoint before either moves it.
	first, err := unlockedTerm(ctx, b.projector())
	if err != nil {
		t.Fatal(err)
	}
	second, err := unlockedTerm(ctx, b.projector())
	if err != nil {
		t.Fatal(err)
	}
	goOn := func() {
		for ended.Err() == nil {
			if project, err := unlockedTerm(ended, b.projector()); err == nil {
				_ = project(ended)
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { _ = first(ended); goOn() })
	both.Go(func() {
		if err := b.progress.Wait(ctx, "", 1); err != nil {
			t.Error(err)
		}
		// It ends by nothing else, not even at the log's end.
		if err := second(ctx); !errors.Is(err, errOvertaken) {
			t.Errorf("one that another has overtaken ends with %v", err)
		}
		goOn()
	})
	both.Wait()
	b.checkRows(t)
}

// unlockedTerm is the beginning of a term without the lock; project is the rest of it.
func unlockedTerm(ctx context.Context, p *Projector) (project func(context.Context) error, err error) {
	log, err := storelog.Open(ctx, p.nc)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, p.postgres)
	if err != nil {
		return nil, err
	}
	from, err := begin(ctx, conn, log)
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return func(ctx context.Context) error {
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		return p.project(ctx, conn, log, from, func() {})
	}, nil
}

func TestPostgresGoneForAWhile(t *testing.T) {
	b := setup(t)
	b.start(t, b.projector())
	b.author.Write(t.Context(), 50, 2, 5)
	b.await(t)
	name := b.pool.Config().ConnConfig.Database
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections false", name),
		fmt.Sprintf("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'", name))
	b.author.Write(t.Context(), 200, 2, 5)
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections true", name))
	b.await(t)
	b.checkRows(t)
}

// A Postgres that answers nothing any more, though nothing breaks, is left for the one that is at its address by then.
func TestASilentPostgresIsLeft(t *testing.T) {
	b := setup(t)
	w := tapPostgres(t, b.pool.Config().ConnConfig)
	cfg := b.pool.Config().ConnConfig.Copy()
	address := w.listener.Addr().(*net.TCPAddr)
	cfg.Host, cfg.Port = address.IP.String(), uint16(address.Port)
	p := New(b.nc, cfg, b.progress)
	p.answers = 2 * time.Second
	b.start(t, p)
	for _, at := range []int{1, 5, 11} {
		w.arm(moment{at: at, silent: true}, nil)
		b.author.Write(t.Context(), 10, 2, 5)
		b.await(t)
		b.checkRows(t)
		if w.armed() {
			t.Errorf("nothing fell silent at message %d of %q", at, w.transaction())
		}
	}
}

func TestForeignEpochStops(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 20, 1, 3)
	if _, err := b.pool.Exec(t.Context(), "insert into checkpoint (epoch, seq) values ('another', 5)"); err != nil {
		t.Fatal(err)
	}
	p := b.projector()
	b.start(t, p)
	if err := awaitRefusal(t, p); !errors.Is(err, ErrForeignEpoch) {
		t.Errorf("refusal: %v", err)
	}
	var rows int
	if err := b.pool.QueryRow(t.Context(), "select count(*) from events").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows were written to a read model of another log (%v)", rows, err)
	}
}

func TestLogRestoredFromBackupStops(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 20, 1, 3)
	if _, err := b.pool.Exec(t.Context(), "insert into checkpoint (epoch, seq) values ($1, 21)", b.author.Log.Epoch()); err != nil {
		t.Fatal(err)
	}
	p := b.projector()
	b.start(t, p)
	if err := awaitRefusal(t, p); !errors.Is(err, ErrAheadOfLog) {
		t.Errorf("refusal: %v", err)
	}
}

func TestLogMadeAnewIsNoticed(t *testing.T) {
	b := setup(t)
	conn, err := pgx.ConnectConfig(t.Context(), b.pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	w := writer{projector: b.projector(), conn: conn, log: b.author.Log}
	if err := w.check(t.Context()); err != nil {
		t.Fatalf("with the same log: %v", err)
	}
	js := b.author.Log.JetStream()
	if err := js.DeleteStream(t.Context(), storelog.Stream); err != nil {
		t.Fatal(err)
	}
	if err := storelog.Ensure(t.Context(), b.nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	// A check that isn't answered in time says nothing yet.
	for range deafAfter {
		if err = w.check(t.Context()); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrForeignEpoch) {
		t.Errorf("with a log made anew: %v", err)
	}
}

func TestPoisonIsSetAside(t *testing.T) {
	b := setup(t)
	good := logtest.Store("t", 1)
	b.author.Append(t.Context(), "t", good)
	publishRaw(t, b.nc, logtest.Store("t", 2), "not json")
	publishRaw(t, b.nc, logtest.Store("t", 3), `{"facts":{}}`)
	b.author.Create(t.Context(), "t", logtest.Store("t", 4), "a name with a \x00 in it")
	b.author.Create(t.Context(), incompressible(9000), logtest.Store("t", 5), "its tenant fits no index")
	b.author.Append(t.Context(), "t", good)
	b.start(t, b.projector())
	b.await(t)

	rows, err := b.pool.Query(t.Context(), "select seq from set_aside order by seq")
	if err != nil {
		t.Fatal(err)
	}
	aside, err := pgx.CollectRows(rows, pgx.RowTo[uint64])
	if err != nil || fmt.Sprint(aside) != "[2 3 4 5]" {
		t.Errorf("set aside: %v (%v)", aside, err)
	}
	// Of the first two nothing can be read but the subjects, which are of either form.
	rows, err = b.pool.Query(t.Context(), "select store from set_aside order by seq")
	if err != nil {
		t.Fatal(err)
	}
	whose, err := pgx.CollectRows(rows, pgx.RowTo[store.ID])
	if err != nil || logtest.Cluster(logtest.Store("t", 2)) == logtest.Cluster(logtest.Store("t", 3)) {
		t.Errorf("their stores: %v (%v)", whose, err)
	}
	for i, id := range whose {
		if want := logtest.Store("t", i+2); i < 3 && id != want {
			t.Errorf("message %d was set aside for store %s, not %s", aside[i], id, want)
		}
	}
	rows, err = b.pool.Query(t.Context(), "select seq from events order by seq")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowTo[uint64])
	if err != nil || fmt.Sprint(kept) != "[1 6]" {
		t.Errorf("projected: %v (%v)", kept, err)
	}
}

func TestNewerSchemaStops(t *testing.T) {
	b := setup(t)
	id := logtest.Store("t", 1)
	b.author.Append(t.Context(), "t", id)
	publishRaw(t, b.nc, id, fmt.Sprintf(`{"facts":{},"state":{"schema":%d,"id":%q}}`, store.Schema+1, id))
	b.author.Append(t.Context(), "t", logtest.Store("t", 2))
	p := b.projector()
	b.start(t, p)
	if err := awaitRefusal(t, p); !errors.Is(err, storelog.ErrNewerSchema) {
		t.Errorf("refusal: %v", err)
	}
	if seq := b.progress.Seq(); seq != 1 {
		t.Errorf("the checkpoint is %d, it must stand before the message that is too new", seq)
	}
}

// publishRaw is somebody who doesn't know how to write to the log.
func publishRaw(t *testing.T, nc *nats.Conn, id store.ID, body string) {
	t.Helper()
	msg := nats.NewMsg(logtest.EventSubject(id))
	msg.Header["ce-type"] = []string{"storeplatform.store.waited.v1"}
	msg.Header["ce-time"] = []string{time.Now().Format(time.RFC3339Nano)}
	msg.Data = []byte(body)
	if _, err := nc.RequestMsg(msg, 5*time.Second); err != nil {
		t.Fatal(err)
	}
}

func incompressible(length int) string {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, length)
	for i := range text {
		text[i] = byte('!' + rnd.IntN(90))
	}
	return string(text)
}

// The projection belongs to the trace of the request that caused the message.
func TestTraceGoesOn(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	before, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() { otel.SetTracerProvider(before); otel.SetTextMapPropagator(propagator) })

	b := alone(t)
	ctx, request := provider.Tracer("test").Start(t.Context(), "POST /stores")
	b.author.Append(ctx, "t", logtest.Store("t", 1))
	request.End()
	stop := b.start(t, b.projector())
	b.await(t)
	stop()
	for _, span := range spans.Ended() {
		if span.Name() == "project create" {
			if span.SpanContext().TraceID() != request.SpanContext().TraceID() {
				t.Error("the projection has a trace of its own")
			}
			return
		}
	}
	t.Error("the projection left no span")
}

func TestWaitEndsWithItsContext(t *testing.T) {
	p := NewProgress()
	p.Advance("", 4)
	if err := p.Wait(t.Context(), "", 4); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Wait(ctx, "", 5); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v", err)
	}
}

func TestNobodyWaitsForAnotherLogsSequences(t *testing.T) {
	p := NewProgress()
	p.Advance("this", 4)
	for _, seq := range []uint64{3, 5} {
		if err := p.Wait(t.Context(), "another", seq); !errors.Is(err, ErrForeignEpoch) {
			t.Errorf("Wait for %d: %v", seq, err)
		}
	}
}

// A replica that doesn't project learns from Postgres what another one did.
func TestFollowAnotherReplica(t *testing.T) {
	b := setup(t)
	here := NewProgress()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go here.Follow(ctx, b.pool)
	b.author.Write(ctx, 30, 1, 3)
	waited := make(chan error, 1)
	go func() { waited <- here.Wait(ctx, "", 30) }()
	b.start(t, b.projector())
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// Its lists would lack most of the stores, and nobody could see it.
func TestAnEmptyDatabaseAnswersNothingBeforeItHasTheLog(t *testing.T) {
	b := setup(t)
	epoch := b.author.Log.Epoch()
	b.author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna")
	look := func() error {
		return readmodel.At(t.Context(), b.pool, epoch, func(readmodel.Moment) error { return nil })
	}
	if err := look(); !errors.Is(err, readmodel.ErrRebuilding) {
		t.Errorf("before there is a projector: %v", err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), b.pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := begin(t.Context(), conn, b.author.Log); err != nil {
		t.Fatal(err)
	}
	if err := look(); !errors.Is(err, readmodel.ErrRebuilding) {
		t.Errorf("before it has projected anything: %v", err)
	}
	b.start(t, b.projector())
	waittest.Eventually(t, look)
}
