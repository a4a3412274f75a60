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

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
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

// A projector is killed at every message that it sends Postgres in its transaction, whether Postgres gets the message
// or not, and when Postgres has committed and it doesn't know yet. The rows are those of the log up to the checkpoint,
// before and after, and another projector goes on from there.
func TestKilledAtEveryStatementOfItsTransaction(t *testing.T) {
	b := setup(t)
	go b.progress.Follow(t.Context(), b.pool)
	w := tapPostgres(t, b.pool.Config().ConnConfig)
	// A round gives the next transaction something for each of its statements.
	round := func() {
		b.author.Write(t.Context(), 3, 2, 3)
		publishRaw(t, b.nc, logtest.Store("poisoned", 1), "not json")
	}
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
	round()
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
		round()
		if m.answered || m.executed && m.at == len(script) {
			projected = b.head(t)
		}
		b.killAt(t, w, m)
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
		"begin", "bind with along as", "bind with row as", "bind with gone as", "bind insert into set_aside", "Sync",
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
func (b *testBundle) checkUpTo(t *testing.T, want uint64) {
	t.Helper()
	if _, seq, err := readmodel.Checkpoint(t.Context(), b.pool); err != nil || seq != want {
		t.Errorf("the checkpoint is %d (%v), want %d", seq, err, want)
	}
	b.checkRowsUpTo(t, want)
	var aside []uint64
	rows, err := b.pool.Query(t.Context(), "select seq from set_aside order by seq")
	if err == nil {
		aside, err = pgx.CollectRows(rows, pgx.RowTo[uint64])
	}
	// Every fourth message is poison.
	var poison []uint64
	for seq := uint64(4); seq <= want; seq += 4 {
		poison = append(poison, seq)
	}
	if err != nil || !slices.Equal(aside, poison) {
		t.Errorf("set aside are %v (%v), want %v", aside, err, poison)
	}
}
