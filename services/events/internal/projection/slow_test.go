package projection

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// slow are a Postgres that takes long for each span, notes which it has written, and never ends with the one at the obstacle.
var slow = []string{
	"create table written (store text, seq bigint)",
	"create table obstacle (seq bigint)",
	`create function slowly() returns trigger language plpgsql as $$ begin
  perform pg_sleep(case when exists (select from obstacle where seq = new.seq) then 3600 else 0.01 end);
  insert into written values (new.store, new.seq);
  return new;
end $$`,
	"create trigger slowly before insert on usage for each row execute function slowly()",
}

// answersSoon is how long the slow one has for an answer. To fill all of a test at once takes it longer.
const answersSoon = time.Second

// long is a store with so many spans.
var long = logtest.Store("long", 1)

const longSpans = 120

// writeLong writes the history of that store among others, and has all projected, but the newest tables unfilled.
func (b *testBundle) writeLong(t *testing.T) {
	t.Helper()
	for n := range 40 {
		id := logtest.Store("many", n)
		b.author.Create(t.Context(), "many", id, "One of many")
		b.say(t, id, store.BecameReady)
	}
	b.author.Create(t.Context(), "long", long, "Long")
	b.say(t, long, store.BecameReady)
	b.writeSpans(t, longSpans)
	b.project(t)
	b.asBefore(t)
	b.exec(t, slow...)
}

func (b *testBundle) writeSpans(t *testing.T, spans int) {
	t.Helper()
	for range spans / 2 {
		b.say(t, long, store.BecameDegraded, store.Recovered)
	}
}

// fillSlowly runs a projector that has little time.
func (b *testBundle) fillSlowly(t *testing.T) (stop func()) {
	t.Helper()
	p := b.projector()
	p.answers = answersSoon
	return b.start(t, p)
}

// checkWrittenOnce: nothing that was filled was filled again.
func (b *testBundle) checkWrittenOnce(t *testing.T, but store.ID) {
	t.Helper()
	sql := fmt.Sprintf("select store || ' ' || seq from written where store <> '%s' group by store, seq having count(*) > 1", but)
	if twice := b.texts(t, sql); len(twice) > 0 {
		t.Errorf("filled more than once: %v", twice)
	}
}

// What is too much at once is taken in smaller parts, until all is done.
func TestAFillThatTakesTooLongGoesOnWithLess(t *testing.T) {
	b := setup(t)
	b.writeLong(t)
	b.fillSlowly(t)
	b.await(t)
	b.checkRows(t)
	b.checkWrittenOnce(t, "")
}

// A span that never ends stands for a history that Postgres takes too long for. What comes meanwhile is projected, what is filled stays so when
// another goes on, and that a message is read again in what has been taken of the store makes no difference.
func TestWhatIsFilledStaysFilledWhileAStoreHoldsItUp(t *testing.T) {
	b := setup(t)
	b.writeLong(t)
	// Its history is the end of the log.
	obstacle := b.head(t) - longSpans/2
	early := b.head(t) - longSpans + 2
	b.forget(t, early)
	b.exec(t, fmt.Sprintf("insert into obstacle values (%d)", obstacle))
	heldUp := func() {
		waittest.Eventually(t, func() error {
			at := b.texts(t, "select part || ' ' || upto from filling")
			if want := fmt.Sprintf("%s %d", long, obstacle-1); !slices.Equal(at, []string{want}) {
				return fmt.Errorf("the fill is at %v, and hasn't come to %s", at, want)
			}
			return nil
		})
	}
	stop := b.fillSlowly(t)
	heldUp()
	stop()
	stop = b.fillSlowly(t)
	b.writeSpans(t, 4)
	b.awaitProjected(t)
	b.checkWrittenOnce(t, "")

	b.operator(t, long, store.Redriven, early)
	b.awaitProjected(t)
	heldUp()
	b.writeSpans(t, 4)
	b.awaitProjected(t)
	stop()
	b.exec(t, "delete from obstacle")
	b.fillSlowly(t)
	b.await(t)
	b.checkRows(t)
	b.checkWrittenOnce(t, long)
}

// awaitProjected waits for the log, and not for the newest tables.
func (b *testBundle) awaitProjected(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.progress.Wait(ctx, "", b.head(t)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatTakesTooLongIsCalledOffAndTheSessionGoesOn(t *testing.T) {
	b := setup(t)
	conn, err := pgx.ConnectConfig(t.Context(), b.projector().postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := tx.Exec(ctx, "select pg_sleep(3600)")
		return err
	})
	if err == nil || conn.IsClosed() {
		t.Errorf("it ended with %v, the session closed: %t", err, conn.IsClosed())
	}
	if _, err := conn.Exec(t.Context(), "select"); err != nil {
		t.Errorf("behind it: %v", err)
	}
}
