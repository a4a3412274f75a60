package upgrade

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/before"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/release"
)

// recordedBefore is what the tree before this one's leaves behind.
const recordedBefore = "707006e"

// stopPatience is for a process to end when it is asked to.
const stopPatience = 30 * time.Second

// replicas are events of two releases on one database.
type replicas struct {
	*opened
	conn *pgx.Conn
	// older is the program of the release before.
	older string

	mu sync.Mutex
	// made are the stores that every list must hold.
	made []string
}

// Whichever release's events comes first and whichever projects, lists answer, and hold every store. What the newer one has
// put beside the tables of the older one is filled behind them, also by one that is killed in the middle of it.
func TestEventsOfTwoReleasesShareADatabase(t *testing.T) {
	t.Parallel()
	for name, olderFirst := range map[string]bool{"the older first": true, "the newer first": false} {
		t.Run(name, func(t *testing.T) {
			b := besides(t)
			older, newer := b.start(t, olderFirst), b.start(t, !olderFirst)
			if !olderFirst {
				older, newer = newer, older
			}
			stop := b.keepListing(t)
			b.grow(t)
			// The newer ones alone.
			older.Stop(syscall.SIGTERM, stopPatience)
			b.grow(t)
			newer = b.killFilling(t, newer)
			b.awaitFilled(t)
			b.grow(t)
			b.same(t)
			// The older one projects, and leaves behind what it doesn't know.
			older = b.start(t, true)
			newer.Stop(syscall.SIGKILL, stopPatience)
			b.grow(t)
			newer = b.start(t, false)
			b.grow(t)
			if b.filled(t) {
				t.Error("with an older projector, tables that it doesn't know pass for filled")
			}
			older.Stop(syscall.SIGKILL, stopPatience)
			b.grow(t)
			b.awaitFilled(t)
			b.same(t)
			// The way back.
			b.start(t, true)
			newer.Stop(syscall.SIGTERM, stopPatience)
			b.grow(t)
			stop()
		})
	}
}

func besides(t *testing.T) *replicas {
	t.Helper()
	older, err := before.Paths(t.Context(), clone)
	if err != nil {
		t.Fatal(err)
	}
	o := open(t, filepath.Join(recordings, recordedBefore))
	if _, err := o.ServeGateway(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), o.Database())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	b := &replicas{opened: o, conn: conn, older: older["store-events"]}
	for id := range o.answered.Stores {
		b.made = append(b.made, string(id))
	}
	return b
}

func (b *replicas) start(t *testing.T, older bool) *parts.Process {
	t.Helper()
	program := ""
	if older {
		program = b.older
	}
	p, _, err := b.Events(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keepListing lists until it is stopped. An answer that isn't one is asked for again.
func (b *replicas) keepListing(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var listing sync.WaitGroup
	listing.Go(func() {
		for ctx.Err() == nil {
			if err := waittest.Until(ctx, func() error { return b.lists(ctx, b.known()) }); err != nil && ctx.Err() == nil {
				t.Errorf("list: %v", err)
				return
			}
		}
	})
	stop = sync.OnceFunc(func() { cancel(); listing.Wait() })
	t.Cleanup(stop)
	return stop
}

func (b *replicas) known() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.made)
}

// lists fails unless an operator's list holds the stores.
func (b *replicas) lists(ctx context.Context, stores []string) error {
	status, answer, err := b.Call(ctx, release.Admin, http.MethodGet, "/stores?deleted=true&limit=200", nil, "")
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("%d %v: %w", status, answer, err)
	}
	page, _ := answer.(map[string]any)
	listed, _ := page["stores"].([]any)
	for _, id := range stores {
		if !slices.ContainsFunc(listed, func(s any) bool { return s.(map[string]any)["id"] == id }) {
			return fmt.Errorf("of %d stores %s isn't listed", len(listed), id)
		}
	}
	return nil
}

// grow makes a store, and waits until it is listed: somebody projects.
func (b *replicas) grow(t *testing.T) {
	t.Helper()
	made := b.create(t, b.answered.Creates[0].Address, fmt.Sprintf("%d of them", len(b.known())), http.StatusAccepted)
	id, _ := made["id"].(string)
	waittest.Eventually(t, func() error { return b.lists(t.Context(), []string{id}) })
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made = append(b.made, id)
}

func (b *replicas) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := b.conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// killFilling takes the newest tables' rows away, kills the projector, and kills the next one in the middle of filling them;
// the third is answered.
func (b *replicas) killFilling(t *testing.T, first *parts.Process) *parts.Process {
	t.Helper()
	second := b.start(t, false)
	b.exec(t, "begin", "delete from stores_4", "delete from dead_letters", "update shadow set epoch = '', seq = 0", "commit",
		"begin", "lock table stores_4 in exclusive mode")
	first.Stop(syscall.SIGKILL, stopPatience)
	waittest.Eventually(t, func() error {
		var stuck int
		err := b.conn.QueryRow(t.Context(), "select count(*) from pg_locks where relation = 'stores_4'::regclass and not granted").Scan(&stuck)
		if err == nil && stuck == 0 {
			err = errors.New("nobody fills")
		}
		return err
	})
	third := b.start(t, false)
	second.Stop(syscall.SIGKILL, stopPatience)
	if b.filled(t) {
		t.Error("half filled tables pass for filled")
	}
	b.exec(t, "rollback")
	return third
}

func (b *replicas) filled(t *testing.T) (filled bool) {
	t.Helper()
	err := b.conn.QueryRow(t.Context(), "select s.seq = c.seq and s.epoch = c.epoch from checkpoint c, shadow s").Scan(&filled)
	if err != nil {
		t.Fatal(err)
	}
	return filled
}

func (b *replicas) awaitFilled(t *testing.T) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if !b.filled(t) {
			return errors.New("the newest tables aren't filled")
		}
		return nil
	})
}

// same holds the newest tables against those of before, whoever has written either.
func (b *replicas) same(t *testing.T) {
	t.Helper()
	const stores = `select count(*), count(*) filter (where (s.opened, s.version, s.tenant, s.name, s.engine, s.status, s.state::text)
  is distinct from (n.opened, n.version, n.tenant, n.name, n.engine, n.status, n.state::text)) from stores s full join stores_4 n using (id)`
	const letters = `select count(*), count(*) filter (where s.id is distinct from d.store)
from (select id, dead from stores where dead is not null) s full join dead_letters d on d.seq = s.dead`
	for what, sql := range map[string]string{"stores": stores, "dead letters": letters} {
		var count, other int
		if err := b.conn.QueryRow(t.Context(), sql).Scan(&count, &other); err != nil || other != 0 || count == 0 {
			t.Errorf("%d of %d %s aren't in both tables alike: %v", other, count, what, err)
		}
	}
}
