package projection

import (
	order "cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

func TestMain(m *testing.M) {
	if os.Getenv(projectorProcess) == "" {
		pgtest.Main(m)
	}
	if err := projectUntilKilled(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const patience = 2 * time.Minute

// testBundle is a log with an author, and an empty read model.
type testBundle struct {
	nc       *nats.Conn
	author   *logtest.Author
	pool     *pgxpool.Pool
	progress *Progress
}

func setup(tb testing.TB) *testBundle {
	tb.Helper()
	// Most of each test is waiting, and each has a broker and a database of its own.
	if t, ok := tb.(*testing.T); ok {
		t.Parallel()
	}
	return alone(tb)
}

// alone is setup for a test that changes what all tests of the process share.
func alone(tb testing.TB) *testBundle {
	tb.Helper()
	nc := bustest.Start(tb)
	author := logtest.New(tb, nc, 1)
	author.Transfers = 3
	return &testBundle{nc: nc, author: author, pool: pgtest.Pool(tb), progress: NewProgress()}
}

func (b *testBundle) projector() *Projector { return New(b.nc, b.pool.Config().ConnConfig, b.progress) }

// start runs a projector until the returned function is called, or the test ends.
func (b *testBundle) start(tb testing.TB, p *Projector) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			tb.Errorf("projector: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	tb.Cleanup(stop)
	return stop
}

func (b *testBundle) head(tb testing.TB) uint64 {
	tb.Helper()
	head, err := b.author.Log.Head(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return head
}

// await waits until the whole log is projected, into all tables.
func (b *testBundle) await(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := b.progress.Wait(ctx, "", b.head(tb)); err != nil {
		tb.Fatal(err)
	}
	waittest.Eventually(tb, func() error {
		return readmodel.At(tb.Context(), b.pool, "", func(m readmodel.Moment) error {
			if !m.Filled {
				return fmt.Errorf("at %d the newest tables aren't filled", m.Seq)
			}
			return nil
		})
	})
}

// awaitRefusal waits until the projector says why it has stopped.
func awaitRefusal(tb testing.TB, p *Projector) error {
	tb.Helper()
	deadline := time.After(patience)
	for {
		if err := p.Refusal(); err != nil {
			return err
		}
		select {
		case <-deadline:
			tb.Fatal("the projector refuses nothing")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// checkRows holds every row against the log: the events are its messages, the stores the fold of them.
func (b *testBundle) checkRows(tb testing.TB) {
	tb.Helper()
	b.checkRowsUpTo(tb, b.head(tb))
}

// checkRowsUpTo is checkRows of a read model that isn't at the log's end.
func (b *testBundle) checkRowsUpTo(tb testing.TB, seq uint64) {
	tb.Helper()
	ctx := tb.Context()
	log := slices.DeleteFunc(b.author.All(ctx), func(e storelog.Entry) bool { return e.Message.Seq > seq })
	if diff := cmp.Diff(lines(tb, log), lines(tb, b.history(tb))); diff != "" {
		tb.Errorf("events differ from the log (-log +rows):\n%s", diff)
	}
	folded := logtest.Fold(log)
	var want []string
	for _, s := range folded {
		want = append(want, text(tb, s, s.Version))
	}
	b.at(tb, func(m readmodel.Moment) {
		if !m.Filled {
			tb.Errorf("at %d the newest tables aren't filled", m.Seq)
		}
		// Whoever reads those of before finds the same.
		for _, filled := range []bool{true, false} {
			m.Filled = filled
			var got []string
			for _, p := range slices.Backward(b.placed(tb, m)) {
				got = append(got, text(tb, p.State, p.State.Version))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				tb.Errorf("stores differ from the fold of the log (-fold +rows, of the newest tables: %v):\n%s", filled, diff)
			}
		}
		b.checkLetters(tb, m, folded)
		b.checkListed(tb, folded)
		b.checkUsage(tb, log)
	})
}

// at reads the read model at one moment.
func (b *testBundle) at(tb testing.TB, read func(readmodel.Moment)) {
	tb.Helper()
	err := readmodel.At(tb.Context(), b.pool, "", func(m readmodel.Moment) error { read(m); return nil })
	if err != nil {
		tb.Error(err)
	}
}

// checkLetters holds the stores' dead letters against their states, and what the tables of before say of them against that.
func (b *testBundle) checkLetters(tb testing.TB, m readmodel.Moment, folded []store.State) {
	tb.Helper()
	var want []query.DeadLetter
	for _, s := range folded {
		want = append(want, readmodel.Letters(s)...)
	}
	slices.SortFunc(want, func(a, b query.DeadLetter) int { return order.Compare(a.Seq, b.Seq) })
	for _, filled := range []bool{true, false} {
		m.Filled = filled
		var got []query.DeadLetter
		for _, kind := range []query.DeadLetterKind{query.DeadFailed, query.DeadStuck} {
			found, more, err := readmodel.DeadLetters{Scope: query.All(), Kind: kind, Limit: 1000}.List(tb.Context(), m)
			if err != nil || more {
				tb.Fatalf("list dead letters: %v %v", more, err)
			}
			got = append(got, found...)
		}
		slices.SortFunc(got, func(a, b query.DeadLetter) int { return order.Compare(a.Seq, b.Seq) })
		if diff := cmp.Diff(want, got); diff != "" {
			tb.Errorf("dead letters differ from the stores' (-stores +rows, of the newest tables: %v):\n%s", filled, diff)
		}
	}
}

// history is every event that Postgres holds.
func (b *testBundle) history(tb testing.TB) (all []storelog.Entry) {
	tb.Helper()
	span := readmodel.Span{Scope: query.All(), Limit: 1000}
	for {
		page, more, err := readmodel.History(tb.Context(), b.pool, span)
		if err != nil {
			tb.Fatal(err)
		}
		if all = append(all, page...); !more {
			return all
		}
		span.After = page[len(page)-1].Message.Seq
	}
}

// placed is every store that Postgres holds, newest first.
func (b *testBundle) placed(tb testing.TB, m readmodel.Moment) (all []readmodel.Placed) {
	tb.Helper()
	list := readmodel.List{Scope: query.All(), Deleted: true, Limit: 1000}
	for {
		page, more, err := readmodel.Stores(tb.Context(), m, list)
		if err != nil {
			tb.Fatal(err)
		}
		if all = append(all, page...); !more {
			return all
		}
		list.Behind = page[len(page)-1].Spot
	}
}

func lines(tb testing.TB, entries []storelog.Entry) []string {
	tb.Helper()
	texts := make([]string, len(entries))
	for i, e := range entries {
		m := e.Message
		m.ID, m.Schema, m.Time = "", 0, m.Time.Truncate(readmodel.Resolution).UTC()
		texts[i] = text(tb, m, e.State, e.State.Version)
	}
	return texts
}

func text(tb testing.TB, values ...any) string {
	tb.Helper()
	data, err := json.Marshal(values)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}
