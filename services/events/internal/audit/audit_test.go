package audit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// testBundle is an audit on a real broker and the table in a real database.
type testBundle struct {
	nc     *nats.Conn
	log    *storelog.Log
	stream *storelog.Audit
	pool   *pgxpool.Pool
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	t.Parallel()
	return setupAlone(t)
}

// setupAlone is setup of a test that no other runs beside.
func setupAlone(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{nc: bustest.Start(t), pool: pgtest.Pool(t)}
	var err error
	if b.log, err = storelog.Open(t.Context(), b.nc); err == nil {
		b.stream, err = b.log.Audit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *testBundle) look(t *testing.T, tenant string, count int) {
	t.Helper()
	for n := range count {
		err := b.stream.Append(t.Context(), storelog.AuditEntry{
			What: storelog.CredentialsViewed, At: time.Now(), Tenant: tenant, Store: store.DeriveID(tenant, fmt.Sprint(n)), Actor: "admin", From: "ip:x",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// keep runs a keeper until the returned function is called, or the test ends.
func (b *testBundle) keep(t *testing.T) (stop func()) {
	t.Helper()
	return b.keepBy(t, New(b.nc, b.pool))
}

func (b *testBundle) keepBy(t *testing.T, k *Keeper) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		stopped = true
	}
	t.Cleanup(stop)
	return stop
}

func (b *testBundle) rows(t *testing.T) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "select tenant || ' ' || what || ' ' || actor || ' ' || origin from audit order by epoch, seq")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func (b *testBundle) awaitRows(t *testing.T, want ...string) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if kept := b.rows(t); !slices.Equal(kept, want) {
			return fmt.Errorf("kept are %d %q, want %d %q", len(kept), kept, len(want), want)
		}
		return nil
	})
}

func looks(tenant string, count int) []string {
	return slices.Repeat([]string{tenant + " credentials_viewed admin ip:x"}, count)
}

func TestATransfersEntrySaysWhoseTheStoreWasAndIs(t *testing.T) {
	b := setup(t)
	b.keep(t)
	err := b.stream.Append(t.Context(), storelog.AuditEntry{
		What: storelog.StoreTransferred, At: time.Now(), Tenant: "a", Store: "sabcdefghijk", Actor: "admin", From: "ip:x", Before: "a", After: "b",
	})
	if err != nil {
		t.Fatal(err)
	}
	b.awaitRows(t, "a store_transferred admin ip:x")
	var before, after string
	if err := b.pool.QueryRow(t.Context(), "select before, after from audit").Scan(&before, &after); err != nil || before != "a" || after != "b" {
		t.Errorf("kept as from %q to %q (%v)", before, after, err)
	}
}

func TestEveryLookIsOneRowHoweverManyRead(t *testing.T) {
	b := setup(t)
	b.keep(t)
	stop := b.keep(t)
	b.look(t, "a", 3)
	b.awaitRows(t, looks("a", 3)...)
	stop()
	b.look(t, "b", 2)
	b.awaitRows(t, append(looks("a", 3), looks("b", 2)...)...)
	b.keep(t)
	b.look(t, "a\x00", 1)
	b.awaitRows(t, append(append(looks("a", 3), looks("b", 2)...), looks("a\uFFFD", 1)...)...)
}

// The stream forgets, a rebuild drops what the log can make again, and a stream that was made anew begins its sequences
// again: nothing of that takes a row away.
func TestWhatWasKeptStays(t *testing.T) {
	b := setup(t)
	b.look(t, "a", 3)
	b.keep(t)
	b.awaitRows(t, looks("a", 3)...)
	created, err := b.log.Append(t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: store.DeriveID("a", "1"), Tenant: "a", Actor: "a", Time: time.Now(),
		Facts: store.Facts{Spec: &store.Spec{Name: "Tea", Engine: "sample"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	told := func(uint64, uint64) {}
	if err := projection.Rebuild(t.Context(), b.nc, b.pool, told); err != nil {
		t.Fatal(err)
	}
	if _, seq, err := readmodel.Checkpoint(t.Context(), b.pool); err != nil || seq != created.Version {
		t.Fatalf("the read model was rebuilt to %d, %v", seq, err)
	}
	b.awaitRows(t, looks("a", 3)...)
	if err := b.log.JetStream().DeleteStream(t.Context(), storelog.AuditStream); err != nil {
		t.Fatal(err)
	}
	if err := storelog.Ensure(t.Context(), b.nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	b.look(t, "b", 2)
	// The keeper of before notices by itself, half a minute later.
	b.keep(t)
	b.awaitRows(t, append(looks("a", 3), looks("b", 2)...)...)
}

// hear collects what is logged until the test ends.
func hear(t *testing.T) *lines {
	t.Helper()
	said := &lines{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(said, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return said
}

// lines are what was said so far; whoever says it and whoever reads it needn't wait for each other.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) await(t *testing.T, words string) {
	t.Helper()
	waittest.Eventually(t, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !strings.Contains(l.text.String(), words) {
			return fmt.Errorf("nobody has said %q:\n%s", words, l.text.String())
		}
		return nil
	})
}

// It runs alone, because it hears what all say.
func TestAStreamThatIsNearlyFullIsTold(t *testing.T) {
	b := setupAlone(t)
	said := hear(t)
	k := New(b.nc, b.pool)
	k.check = time.Millisecond
	b.keepBy(t, k)
	b.look(t, "a", 3)
	stream, err := b.log.JetStream().Stream(t.Context(), storelog.AuditStream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxMsgs = 3
	if _, err := b.log.JetStream().UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	said.await(t, "nearly full")
}

func TestTheTableHasBoundsOfItsOwn(t *testing.T) {
	b := setup(t)
	_, err := b.pool.Exec(t.Context(), `insert into audit
		select 'e', n, now() - make_interval(secs => 2000 - n), 'credentials_viewed', 'noisy', 's', 'a-noisy/' || n % 2, 'noisy' from generate_series(1, $1::int + 5) n
		union all select 'e', 0, now() - interval '300 days', 'credentials_viewed', 'noisy', 's', 'admin', 'ip:x'
		union all select 'd', 1, now() - interval '401 days', 'credentials_viewed', 'quiet', 's', 'admin', 'ip:x'`, keepEach)
	if err != nil {
		t.Fatal(err)
	}
	if err := New(b.nc, b.pool).tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	var noisy, oldest, admins int
	err = b.pool.QueryRow(t.Context(), `select count(*) filter (where actor like 'a-noisy/%'), min(seq) filter (where actor like 'a-noisy/%'),
		count(*) filter (where actor = 'admin') from audit`).Scan(&noisy, &oldest, &admins)
	if err != nil || noisy != keepEach || oldest != 6 || admins != 1 {
		t.Errorf("kept are %d of the noise, the oldest %d, and %d of the admin's: %v", noisy, oldest, admins, err)
	}
}

// What is done to accounts and tenants has no store, and kinds come that this release doesn't know.
func TestEntriesAboutOtherThingsThanStoresAreKept(t *testing.T) {
	b := setup(t)
	b.keep(t)
	for _, what := range []storelog.What{storelog.OperatorMade, "of_a_later_release"} {
		err := b.stream.Append(t.Context(), storelog.AuditEntry{What: what, At: time.Now(), Tenant: "t-1", Actor: "a-1", Subject: "a-2"})
		if err != nil {
			t.Fatal(err)
		}
	}
	waittest.Eventually(t, func() error {
		var found string
		err := b.pool.QueryRow(t.Context(), "select coalesce(string_agg(concat_ws(' ', what, tenant, actor, about), ', ' order by seq), '') from audit").Scan(&found)
		if want := "operator_made t-1 a-1 a-2, of_a_later_release t-1 a-1 a-2"; err == nil && found != want {
			err = fmt.Errorf("kept is %q, want %q", found, want)
		}
		return err
	})
}
