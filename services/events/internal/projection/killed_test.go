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
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
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
	p.lingers = patience
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

// rounds give each transaction something for each of its statements.
type rounds struct {
	*testBundle
	// opened are the stores that one round each opens, and the next one has deleted.
	opened []store.ID
	// poison are the messages that can't be read.
	poison []uint64
}

// write appends a round. What the author writes at random may be nothing that lists, counts or usage tell.
func (r *rounds) write(t *testing.T) {
	t.Helper()
	if len(r.opened) > 0 {
		r.tell(t, r.opened[len(r.opened)-1], store.Message{Type: store.DeleteCommand, Actor: "rounds"})
	}
	id := logtest.Store("rounds", len(r.opened))
	r.opened = append(r.opened, id)
	r.author.Create(t.Context(), "rounds", id, fmt.Sprintf("Round %d", len(r.opened)))
	r.tell(t, id, store.Message{Type: store.BecameReady, Facts: store.Facts{URL: "http://store.localhost"}})
	r.author.Write(t.Context(), 3, 2, 3)
	publishRaw(t, r.nc, logtest.Store("poisoned", 1), "not json")
	r.poison = append(r.poison, r.head(t))
}

// tell appends a message to a store's history.
func (r *rounds) tell(t *testing.T, id store.ID, m store.Message) {
	t.Helper()
	_, err := r.author.Log.Update(t.Context(), id, func(s store.State) (*store.Message, error) {
		if m.Time = time.Now(); !m.Type.IsCommand() {
			m.Actor, m.Generation = "provisioner", s.Generation
		}
		return &m, nil
	})
	if err != nil {
		t.Fatalf("append to store %s: %v", id, err)
	}
}

// A projector is killed at every message that it sends Postgres in its transaction, whether Postgres gets the message
// or not, and when Postgres has committed and it doesn't know yet. The rows are those of the log up to the checkpoint,
// before and after, and another projector goes on from there.
func TestKilledAtEveryStatementOfItsTransaction(t *testing.T) {
	b := &rounds{testBundle: setup(t)}
	go b.progress.Follow(t.Context(), b.pool)
	w := tapPostgres(t, b.pool.Config().ConnConfig)
	goOn := func() {
		w.arm(moment{}, nil)
		p := b.launch(t, w)
		b.await(t)
		p.kill()
		w.awaitEnd()
		b.checkUpTo(t, b.head(t))
	}
	// What there is to fill is filled before there is anything: that has a transaction of its own.
	goOn()
	b.write(t)
	goOn()
	script := w.transaction()
	checkScript(t, script)
	var moments []moment
	for at := range script {
		moments = append(moments, moment{at: at + 1}, moment{at: at + 1, executed: true})
	}
	moments = append(moments, moment{at: len(script), answered: true})
	projected := b.head(t)
	for _, m := range moments {
		b.write(t)
		if m.answered || m.executed && m.at == len(script) {
			projected = b.head(t)
		}
		b.killAt(t, w, m)
		// In a transaction of other statements this message would be another one, and one of these never come.
		if said := w.transaction(); !slices.Equal(said, script[:m.at]) {
			t.Errorf("killed at another message than meant, after it said %q", said)
		}
		b.checkUpTo(t, projected)
		// Who goes on is killed as well, first.
		if m.executed {
			goOn()
			projected = b.head(t)
		}
		if t.Failed() {
			t.Fatalf("killed at %s of %q", m, script)
		}
	}
	goOn()
}

// checkScript holds what the projector said against what its transaction must consist of.
func checkScript(t *testing.T, script []string) {
	t.Helper()
	rest := script
	for _, must := range []string{
		"begin", "bind with along as", "bind with row as", "bind with row as", "bind insert into listed_grams", "bind with gone as",
		"bind with row as", "bind insert into set_aside", "Sync",
		`copy "events"`, "CopyData", "CopyDone", "commit",
	} {
		at := slices.IndexFunc(rest, func(said string) bool { return strings.HasPrefix(said, must) })
		if at < 0 {
			t.Fatalf("the transaction has no %q, or not in its place: %q", must, script)
		}
		rest = rest[at+1:]
	}
	if len(rest) > 0 {
		t.Fatalf("the transaction goes on after its commit: %q", rest)
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

// checkUpTo holds the rows against the log up to the checkpoint, and that against the sequence it must be.
func (r *rounds) checkUpTo(t *testing.T, want uint64) {
	t.Helper()
	if _, seq, err := readmodel.Checkpoint(t.Context(), r.pool); err != nil || seq != want {
		t.Errorf("the checkpoint is %d (%v), want %d", seq, err, want)
	}
	r.checkRowsUpTo(t, want)
	var aside []uint64
	rows, err := r.pool.Query(t.Context(), "select seq from set_aside order by seq")
	if err == nil {
		aside, err = pgx.CollectRows(rows, pgx.RowTo[uint64])
	}
	poison := slices.DeleteFunc(slices.Clone(r.poison), func(seq uint64) bool { return seq > want })
	if err != nil || !slices.Equal(aside, poison) {
		t.Errorf("set aside are %v (%v), want %v", aside, err, poison)
	}
}
