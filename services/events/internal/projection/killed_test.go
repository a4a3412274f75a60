package projection

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// projectorProcess makes the test binary a projector, which DATABASE_URL and NATS_URL tell where.
const projectorProcess = "TEST_PROJECTOR"

// projectUntilKilled is the program of a projector's process. It ends by itself only with the test that started it.
func projectUntilKilled() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	nc, err := nats.Connect(os.Getenv("NATS_URL"), bustest.Patient)
	if err != nil {
		return err
	}
	defer nc.Close()
	pool, err := readmodel.Open(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	p := New(nc, pool.Config().ConnConfig, NewProgress())
	// However slow the machine, what is in the log at the start is one batch.
	p.lingers, p.fills = patience, fewStores
	return p.Run(ctx)
}

// process is a projector that can be killed.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// launch starts a projector's process that reaches Postgres through the wiretap.
func (b *testBundle) launch(t *testing.T, w *wiretap) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self), ended: make(chan struct{})}
	cfg := b.pool.Config().ConnConfig
	p.cmd.Env = append(os.Environ(), projectorProcess+"=1", "NATS_URL="+b.nc.ConnectedUrl(),
		fmt.Sprintf("DATABASE_URL=postgres://%s@%s/%s?sslmode=disable", cfg.User, w.listener.Addr(), cfg.Database))
	p.cmd.Stderr = t.Output()
	if _, err := p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// kill returns when the process is no more.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// toBeKilled is a log, and a read model that lacks something which a projector writes in one transaction.
type toBeKilled struct {
	*testBundle
	// opened are stores, the last of which is deleted by the next that is written.
	opened []store.ID
	// poison are the messages that can't be read.
	poison []uint64
}

// write appends something for each statement of a transaction.
func (b *toBeKilled) write(t *testing.T) {
	t.Helper()
	if len(b.opened) > 0 {
		b.tell(t, b.opened[len(b.opened)-1], store.DeleteCommand, store.Facts{})
	}
	id := logtest.Store("opened", len(b.opened))
	b.opened = append(b.opened, id)
	b.author.Create(t.Context(), "opened", id, fmt.Sprintf("Round %d", len(b.opened)))
	b.tell(t, id, store.BecameReady, store.Facts{URL: "http://store.localhost"})
	b.author.Write(t.Context(), 3, 2, 3)
	publishRaw(t, b.nc, logtest.Store("poisoned", 1), "not json")
	b.poison = append(b.poison, b.head(t))
}

// A projector is killed at every message that it sends Postgres in its transaction, before Postgres gets it, behind the last, and when Postgres has committed and it doesn't know yet. The rows are those of before or, once it has committed, those of
// the log, and another projector goes on from there.
func TestKilledAtEveryStatementOfItsTransaction(t *testing.T) {
	b := &toBeKilled{testBundle: setup(t)}
	b.write(t)
	b.project(t)
	before := b.whole(t)
	b.write(t)

	// What is held against the log once is what all others are held against.
	done := b.copy(t)
	script := done.said(t)
	checkSaid(t, script, "begin", "bind with along as", "bind with row as", "bind with row as", "bind insert into listed_grams", "bind with gone as",
		"bind with row as", "bind insert into set_aside", "Sync", `copy "events"`, "CopyData", "CopyDone", "commit")
	b.checkUpToHead(t, done)
	b.killedAtEachOf(t, script, before, done.whole(t))
}

// said is what a projector says in the transaction that brings the read model up to the log.
func (b *testBundle) said(t *testing.T) []string {
	t.Helper()
	w := tapPostgres(t, b.pool.Config().ConnConfig)
	p := b.launch(t, w)
	b.await(t)
	p.kill()
	w.awaitEnd()
	return w.transaction()
}

// lanes are copies of one read model in which projectors are killed beside each other.
const lanes = 3

// killedAtEachOf has a projector killed before Postgres gets each message of its transaction, which leaves everything as it was, one after the
// other in one read model; and behind the last.
func (b *testBundle) killedAtEachOf(t *testing.T, script, before, after []string) {
	t.Helper()
	killed := func(t *testing.T, c *testBundle, w *wiretap, m moment, want []string) {
		t.Helper()
		c.killAt(t, w, m)
		// In a transaction of other statements this message would be another one, and one of these never come.
		if said := w.transaction(); !slices.Equal(said, script[:m.at]) {
			t.Errorf("killed at another message than meant, after it said %q", said)
		}
		if c.checkWhole(t, want); t.Failed() {
			t.Fatalf("killed at %s of %q", m, script)
		}
	}
	goOn := func(t *testing.T, c *testBundle) {
		t.Helper()
		c.project(t)
		c.checkWhole(t, after)
	}
	for lane := range lanes {
		t.Run(fmt.Sprint("before the commit ", lane), func(t *testing.T) {
			t.Parallel()
			c := b.copy(t)
			w := tapPostgres(t, c.pool.Config().ConnConfig)
			for at := lane; at < len(script); at += lanes {
				killed(t, c, w, moment{at: at + 1}, before)
			}
			goOn(t, c)
		})
	}
	for _, m := range []moment{{at: len(script), executed: true}, {at: len(script), answered: true}} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			c := b.copy(t)
			killed(t, c, tapPostgres(t, c.pool.Config().ConnConfig), m, after)
			goOn(t, c)
		})
	}
}

// copy is of the same log, and of a read model as this one was.
func (b *testBundle) copy(t *testing.T) *testBundle {
	t.Helper()
	c := &testBundle{nc: b.nc, author: b.author, pool: pgtest.Copy(t, b.pool), progress: NewProgress()}
	go c.progress.Follow(t.Context(), c.pool)
	return c
}

// whole is content and how far that is.
func (b *testBundle) whole(t *testing.T) []string {
	t.Helper()
	far := b.texts(t, "select 'checkpoint: ' || epoch || ' ' || seq from checkpoint union all select 'shadow: ' || epoch || ' ' || seq from shadow")
	return append(b.content(t), far...)
}

func (b *testBundle) checkWhole(t *testing.T, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, b.whole(t)); diff != "" {
		t.Errorf("the read model is another (-want +is):\n%s", diff)
	}
}

// checkSaid holds that all this was said, in this order and the last at the end.
func checkSaid(t *testing.T, script []string, all ...string) {
	t.Helper()
	rest := script
	for _, must := range all {
		at := slices.IndexFunc(rest, func(said string) bool { return strings.HasPrefix(said, must) })
		if at < 0 {
			t.Fatalf("the transaction has no %q, or not in its place: %q", must, script)
		}
		rest = rest[at+1:]
	}
	if len(rest) > 0 {
		t.Fatalf("the transaction goes on after its end: %q", rest)
	}
}

// killAt runs a projector up to the moment.
func (b *testBundle) killAt(t *testing.T, w *wiretap, m moment) {
	t.Helper()
	started, come := make(chan *process, 1), make(chan struct{})
	w.arm(m, func() {
		p := <-started
		p.kill()
		close(come)
	})
	started <- b.launch(t, w)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-come:
	case <-ctx.Done():
		t.Fatalf("the projector never came to %s; it said %q", m, w.transaction())
	}
	w.awaitEnd()
}

// checkUpToHead holds what is done against the log.
func (b *toBeKilled) checkUpToHead(t *testing.T, done *testBundle) {
	t.Helper()
	head := b.head(t)
	if _, seq, err := readmodel.Checkpoint(t.Context(), done.pool); err != nil || seq != head {
		t.Errorf("the checkpoint is %d (%v), want %d", seq, err, head)
	}
	done.checkRows(t)
	var aside []uint64
	rows, err := done.pool.Query(t.Context(), "select seq from set_aside order by seq")
	if err == nil {
		aside, err = pgx.CollectRows(rows, pgx.RowTo[uint64])
	}
	if err != nil || !slices.Equal(aside, b.poison) {
		t.Errorf("set aside are %v (%v), want %v", aside, err, b.poison)
	}
}
