package projection

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// exec runs statements, as an older version of this program or an operator would.
func (b *testBundle) exec(tb testing.TB, statements ...string) {
	tb.Helper()
	for _, sql := range statements {
		if _, err := b.pool.Exec(tb.Context(), sql); err != nil {
			tb.Fatalf("%s: %v", sql, err)
		}
	}
}

// newest are the tables that are filled behind those of before.
var newest = []string{"stores_4", "dead_letters", "listed", "listed_grams", "listed_counts", "usage"}

// asBefore leaves of the read model what a version of this program leaves that doesn't know the newest tables.
func (b *testBundle) asBefore(tb testing.TB) {
	tb.Helper()
	for _, table := range newest {
		b.exec(tb, "delete from "+table)
	}
	b.exec(tb, "update shadow set epoch = '', seq = 0")
}

// listed holds what is listed now against the log, from whichever tables, and says whether that is the newest.
func (b *testBundle) listed(tb testing.TB) (filled bool) {
	tb.Helper()
	var want, got []string
	for _, s := range logtest.Fold(b.author.All(tb.Context())) {
		want = append(want, text(tb, s, s.Version))
	}
	b.at(tb, func(m readmodel.Moment) {
		for _, p := range slices.Backward(b.placed(tb, m)) {
			got = append(got, text(tb, p.State, p.State.Version))
		}
		filled = m.Filled
	})
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("what is listed differs from the log (-log +listed, of the newest tables: %v):\n%s", filled, diff)
	}
	return filled
}

// project projects the whole log and ends.
func (b *testBundle) project(tb testing.TB) {
	tb.Helper()
	stop := b.start(tb, b.projector())
	b.await(tb)
	stop()
}

// More stores than one transaction fills.
const manyStores = fillSize + fillSize/2

func (b *testBundle) createMany(tb testing.TB) {
	tb.Helper()
	for n := range manyStores {
		b.author.Append(tb.Context(), "many", logtest.Store("many", n))
	}
	b.author.Write(tb.Context(), 200, 4, 8)
}

func TestNewTablesAreFilledBehindThoseThatAreThere(t *testing.T) {
	b := setup(t)
	b.createMany(t)
	b.project(t)
	b.asBefore(t)
	if b.listed(t) {
		t.Error("empty tables pass for filled")
	}
	b.author.Write(t.Context(), 100, 4, 8)
	b.project(t)
	b.checkRows(t)
}

// A projector that doesn't know them has gone on meanwhile, or has begun anew and isn't as far yet.
func TestTablesThatWereLeftBehindCatchUp(t *testing.T) {
	b := setup(t)
	b.createMany(t)
	b.project(t)
	tables := append([]string{"shadow"}, newest...)
	for _, table := range tables {
		b.exec(t, "create table kept_"+table+" as table "+table)
	}
	b.author.Write(t.Context(), 300, 6, 10)
	b.project(t)
	for _, table := range tables {
		b.exec(t, "delete from "+table, "insert into "+table+" select * from kept_"+table)
	}
	if b.listed(t) {
		t.Error("tables that are behind pass for filled")
	}
	b.project(t)
	b.checkRows(t)

	// An older version makes the read model anew, and is as far as half of the log.
	b.exec(t, "update shadow set seq = seq + 1000", "update stores_4 set version = version + 1000, state = '{}'")
	if b.listed(t) {
		t.Error("tables that are ahead pass for filled")
	}
	b.project(t)
	b.checkRows(t)
}

// Whoever fills them is killed at every message of the transaction, whether Postgres gets it or not: whatever is listed then
// is the truth, and another fills them.
func TestKilledAtEveryStatementThatFills(t *testing.T) {
	b := setup(t)
	b.createMany(t)
	b.project(t)
	w := tapPostgres(t, b.pool.Config().ConnConfig)
	for at, over := 1, false; !over; at++ {
		b.asBefore(t)
		over = !b.killedFilling(t, w, moment{at: at, executed: at%2 == 0})
		if b.listed(t) && !over {
			t.Errorf("killed at message %d, the tables were filled", at)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	b.project(t)
	b.checkRows(t)
}

// killedFilling says whether there was such a moment before everything was filled.
func (b *testBundle) killedFilling(t *testing.T, w *wiretap, m moment) bool {
	t.Helper()
	started, come := make(chan *process, 1), make(chan struct{})
	w.arm(m, func() {
		p := <-started
		p.kill()
		close(come)
	})
	p := b.launch(t, w)
	started <- p
	killed := false
	waittest.Eventually(t, func() error {
		select {
		case <-come:
			killed = true
			return nil
		default:
		}
		return readmodel.At(t.Context(), b.pool, "", func(m readmodel.Moment) error {
			if !m.Filled {
				return errors.New("neither killed nor done")
			}
			return nil
		})
	})
	w.arm(moment{}, nil)
	p.kill()
	w.awaitEnd()
	return killed
}
