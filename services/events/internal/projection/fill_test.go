package projection

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

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
var newest = []string{"filling", "stores_4", "dead_letters", "listed", "listed_grams", "listed_counts", "usage"}

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

// fewStores are filled by one transaction of a test's projector.
const fewStores = 4

// project projects the whole log and ends.
func (b *testBundle) project(tb testing.TB) {
	tb.Helper()
	p := b.projector()
	p.fills = fewStores
	stop := b.start(tb, p)
	b.await(tb)
	stop()
}

// createMany makes more stores than one transaction fills.
func (b *testBundle) createMany(tb testing.TB) {
	tb.Helper()
	for n := range fewStores + fewStores/2 {
		b.author.Append(tb.Context(), "many", logtest.Store("many", n))
	}
	b.author.Write(tb.Context(), 60, 2, 2)
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

// Whoever fills them is killed at every message of the transaction: what was there is there still, and another fills them.
func TestKilledAtEveryStatementThatFills(t *testing.T) {
	b := setup(t)
	// No more stores than one transaction fills.
	b.author.Write(t.Context(), 40, 1, fewStores-1)
	b.project(t)
	after := b.whole(t)
	b.asBefore(t)
	if b.listed(t) {
		t.Error("empty tables pass for filled")
	}
	before := b.whole(t)
	script := b.copy(t).said(t)
	checkSaid(t, script, "begin", "bind select from checkpoint", "truncate stores_4, dead_letters,", "bind select id, opened,",
		"bind delete from usage", "bind with row as", "bind insert into stores_4", "bind update shadow set", "bind delete from filling", "Sync", "commit")
	b.killedAtEachOf(t, script, before, after)
}
