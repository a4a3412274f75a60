package projection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// content is a digest of each table, row by row as text.
func (b *testBundle) content(tb testing.TB) []string {
	tb.Helper()
	var all []string
	for table, key := range map[string]string{"events": "seq", "stores": "id", "stores_4": "id", "dead_letters": "seq", "set_aside": "seq",
		"listed": "id", "listed_grams": "id", "(select * from listed_counts where stores <> 0)": "tenant, engine, plan, status", "usage": "store, seq"} {
		var count int
		var digest string
		sql := fmt.Sprintf("select count(*), coalesce(md5(string_agg(t::text, E'\n' order by %s)), '') from %s t", key, table)
		if err := b.pool.QueryRow(tb.Context(), sql).Scan(&count, &digest); err != nil {
			tb.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s: %d rows, %s", table, count, digest))
	}
	slices.Sort(all)
	return all
}

// operator says what an operator wants done about the message seq, on its store's history.
func (b *testBundle) operator(tb testing.TB, id store.ID, act store.Type, seq uint64) {
	tb.Helper()
	_, err := b.author.Log.Update(tb.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{Type: act, Actor: "admin", Generation: s.Generation, Time: s.UpdatedAt,
			Facts: store.Facts{DeadLetter: seq, Message: "seen to"}}, nil
	})
	if err != nil {
		tb.Fatalf("%s message %d: %v", act, seq, err)
	}
}

// forget makes of a message's rows what a version of this program would have made that couldn't read it.
func (b *testBundle) forget(tb testing.TB, seq uint64) {
	tb.Helper()
	err := pgx.BeginFunc(tb.Context(), b.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			"insert into set_aside (seq, subject, error, data, at) select seq, 'store.' || store || '.event', 'old', '', at from events where seq = $1",
			"update stores set opened = $1 + 1 where opened = $1",
			"update stores_4 set opened = $1 + 1 where opened = $1",
			"update listed set opened = $1 + 1 where opened = $1",
			"delete from usage where store = (select store from events where seq = $1)",
			"delete from events where seq = $1",
		} {
			if _, err := tx.Exec(tb.Context(), sql, seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func TestARedrivenMessageGetsTheRowsThatItWouldHaveGotAtOnce(t *testing.T) {
	b := setup(t)
	first, other := logtest.Store("t", 1), logtest.Store("t", 2)
	b.author.Append(t.Context(), "t", first)
	b.author.Append(t.Context(), "t", first)
	b.author.Append(t.Context(), "t", other)
	b.start(t, b.projector())
	b.await(t)
	b.forget(t, 1)
	b.operator(t, first, store.Redriven, 1)
	b.operator(t, first, store.Redriven, 1)
	b.operator(t, other, store.Redriven, 3) // was never set aside
	b.operator(t, other, store.Redriven, 99)
	b.await(t)
	b.checkRows(t)
	if left := b.letters(t); len(left) != 0 {
		t.Errorf("still set aside: %v", left)
	}
}

// letters are the messages that are set aside and not put away.
func (b *testBundle) letters(tb testing.TB) []uint64 {
	tb.Helper()
	var seqs []uint64
	for _, l := range b.list(tb, readmodel.DeadLetters{Scope: query.All(), Kind: "set_aside", Limit: 100}) {
		seqs = append(seqs, l.Seq)
	}
	return seqs
}

func (b *testBundle) list(tb testing.TB, d readmodel.DeadLetters) (found []query.DeadLetter) {
	tb.Helper()
	b.at(tb, func(m readmodel.Moment) {
		var err error
		if found, _, err = d.List(tb.Context(), m); err != nil {
			tb.Error(err)
		}
	})
	return found
}

func TestWhatStaysUnreadableStaysSetAsideUntilItIsDiscarded(t *testing.T) {
	b := setup(t)
	good := logtest.Store("t", 1)
	b.author.Append(t.Context(), "t", good)
	publishRaw(t, b.nc, logtest.Store("t", 2), "not json")
	b.author.Create(t.Context(), "t", logtest.Store("t", 3), "a name with a \x00 in it")
	b.author.Create(t.Context(), incompressible(9000), logtest.Store("t", 4), "its tenant fits no index")
	b.start(t, b.projector())
	for _, seq := range []uint64{2, 3, 4} {
		b.operator(t, good, store.Redriven, seq)
	}
	b.await(t)
	if got := fmt.Sprint(b.letters(t)); got != "[2 3 4]" {
		t.Fatalf("set aside: %s", got)
	}
	b.operator(t, good, store.Discarded, 3)
	b.await(t)
	if got := fmt.Sprint(b.letters(t)); got != "[2 4]" {
		t.Errorf("set aside after the third was put away: %s", got)
	}
	history, _, err := readmodel.History(t.Context(), b.pool, readmodel.Span{Scope: query.All(), Store: good, Limit: 10})
	if err != nil || len(history) != 5 {
		t.Errorf("the operator's own acts have %d rows, %v", len(history)-1, err)
	}
}

func TestARebuiltReadModelIsTheSameByteForByte(t *testing.T) {
	b := setup(t)
	// More than a rebuild takes at once, several times over.
	messages := 9_990
	if testing.Short() {
		messages = 1_990
	}
	b.author.Write(t.Context(), messages, 20, 40)
	good := logtest.Store("t", 1)
	b.author.Append(t.Context(), "t", good)
	publishRaw(t, b.nc, logtest.Store("t", 2), "not json")
	publishRaw(t, b.nc, logtest.Store("t", 3), "nor this")
	head := b.head(t)
	b.author.Append(t.Context(), "t", good)
	stop := b.start(t, b.projector())
	b.await(t)
	b.forget(t, head-2)
	b.operator(t, good, store.Redriven, head-2)
	b.operator(t, good, store.Redriven, head-1)
	b.operator(t, good, store.Discarded, head)
	b.author.Write(t.Context(), 10, 20, 40)
	b.await(t)
	before := b.content(t)

	// With a replica that projects, and alone.
	for _, alone := range []bool{false, true} {
		if alone {
			stop()
		}
		b.rebuild(t)
		if diff := cmp.Diff(before, b.content(t)); diff != "" {
			t.Errorf("alone %t: -before +after:\n%s", alone, diff)
		}
	}
}

func (b *testBundle) rebuild(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	var done, total uint64
	if err := Rebuild(ctx, b.nc, b.pool, func(d, t uint64) { done, total = d, t }); err != nil {
		tb.Fatal(err)
	}
	if total != b.head(tb) || done != total {
		tb.Errorf("it told of %d of %d messages, the log has %d", done, total, b.head(tb))
	}
}

// Whoever lists meanwhile is told so instead of being shown half of the stores.
func TestARebuildThatIsCutOffIsVisibleAndGoesOn(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 500, 5, 10)
	stop := b.start(t, b.projector())
	b.await(t)
	stop()
	if err := drop(t.Context(), b.pool, b.author.Log.Epoch(), b.head(t)); err != nil {
		t.Fatal(err)
	}
	var seq uint64
	look := func(m readmodel.Moment) error { seq = m.Seq; return nil }
	if err := readmodel.At(t.Context(), b.pool, "", look); !errors.Is(err, readmodel.ErrRebuilding) {
		t.Errorf("an emptied read model passes for whole: %v", err)
	}
	b.progress = NewProgress()
	b.start(t, b.projector())
	b.await(t)
	if err := readmodel.At(t.Context(), b.pool, "", look); err != nil || seq != b.head(t) {
		t.Errorf("at %d: %v", seq, err)
	}
	b.checkRows(t)
}

func TestARebuildIsTheWayOutOfAForeignLog(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 20, 2, 3)
	if _, err := b.pool.Exec(t.Context(), "insert into checkpoint (epoch, seq) values ('another', 7)"); err != nil {
		t.Fatal(err)
	}
	p := b.projector()
	stop := b.start(t, p)
	if err := awaitRefusal(t, p); !errors.Is(err, ErrForeignEpoch) {
		t.Fatalf("a foreign log is refused with %v", err)
	}
	stop()
	b.rebuild(t)
	b.checkRows(t)
}

// The tables of before say of a store only that it is Failed.
func TestWhatWasCalledOffOrPutAwayIsNoDeadLetterInTheTablesOfBefore(t *testing.T) {
	b := setup(t)
	failed, off, away := logtest.Store("t", 1), logtest.Store("t", 2), logtest.Store("t", 3)
	for _, id := range []store.ID{off, away, failed} {
		b.author.Create(t.Context(), "t", id, string(id))
	}
	b.tell(t, off, store.BecameFailed, store.Facts{Reason: store.ReasonCancelled, Message: "It was called off."})
	b.say(t, away, store.BecameFailed)
	b.say(t, failed, store.BecameFailed)
	last, err := b.author.Log.Last(t.Context(), away)
	if err != nil {
		t.Fatal(err)
	}
	b.operator(t, away, store.Discarded, last.Generation)
	b.project(t)
	b.checkRows(t)
	b.at(t, func(m readmodel.Moment) {
		m.Filled = false
		found, more, err := readmodel.DeadLetters{Scope: query.Of("t"), Limit: 1}.List(t.Context(), m)
		if err != nil || more || len(found) != 1 || found[0].Store != failed {
			t.Errorf("listed are %+v, more %t, %v", found, more, err)
		}
	})
}

// What waits for an operator is worked out in SQL; it must be what the domain says, whatever the history.
func TestDeadLettersAreTheDomains(t *testing.T) {
	b := setup(t)
	b.author.Write(t.Context(), 3000, 10, 50)
	stuck := logtest.Store("t", 1)
	b.author.Create(t.Context(), "t", stuck, "stuck")
	b.say(t, stuck, store.DeleteCommand)
	for range store.MaxAttempts {
		b.say(t, stuck, store.AttemptStarted, store.RetryScheduled)
	}
	b.author.Create(t.Context(), "t", logtest.Store("t", 2), "failed")
	b.say(t, logtest.Store("t", 2), store.BecameFailed)
	b.start(t, b.projector())
	b.await(t)
	want := map[uint64]store.ID{}
	for _, s := range logtest.Fold(b.author.All(t.Context())) {
		for _, seq := range s.DeadLetters() {
			want[seq] = s.ID
		}
	}
	found := b.list(t, readmodel.DeadLetters{Scope: query.All(), Limit: 1000})
	got := map[uint64]store.ID{}
	for _, l := range found {
		got[l.Seq] = l.Store
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("%d dead letters (-domain +SQL):\n%s", len(want), diff)
	}
	letter := found[slices.IndexFunc(found, func(l query.DeadLetter) bool { return l.Store == stuck })]
	if letter.Kind != query.DeadStuck {
		t.Errorf("a delete that is stuck is listed as %+v", letter)
	}
	b.operator(t, stuck, store.Discarded, letter.Seq)
	b.await(t)
	if left := b.list(t, readmodel.DeadLetters{Scope: query.Of("t"), Limit: 10}); len(left) != 1 {
		t.Errorf("one was put away, the other failed: %v", left)
	}
}

func (b *testBundle) say(tb testing.TB, id store.ID, types ...store.Type) {
	tb.Helper()
	for _, kind := range types {
		b.tell(tb, id, kind, store.Facts{Detail: "the cluster's own words \x00 in bytes"})
	}
}

func (b *testBundle) tell(tb testing.TB, id store.ID, kind store.Type, facts store.Facts) {
	tb.Helper()
	_, err := b.author.Log.Update(tb.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{Type: kind, Actor: "test", Generation: s.Generation, Time: s.UpdatedAt, Facts: facts}, nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}
