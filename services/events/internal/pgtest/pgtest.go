// Package pgtest gives every test a real PostgreSQL database of its own. One server runs per test binary, on a unix
// socket only, from the binaries that the system has; a database is a copy of one that has the read model's schema.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/postgrestest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	template     = "template_read_model"
	startTimeout = 30 * time.Second
)

// guard runs the server as long as the test binary holds the other end of its standard input, so that the server and
// its folder go whatever happens to the test binary: a panic runs no deferred function.
const guard = `dir=$1; shift
"$@" >"$dir/log" 2>&1 & pid=$!
cat >/dev/null
kill -INT $pid
wait $pid
rm -rf "$dir"`

var (
	started  = sync.OnceValues(start)
	prepared = sync.OnceValue(prepare)
	count    atomic.Int64
)

// server is the running one.
type server struct {
	*postgrestest.Server
	guard *exec.Cmd
	alive io.Closer
}

// Main is for TestMain of a package that uses Database.
func Main(m *testing.M) {
	code := m.Run()
	if count.Load() > 0 {
		if s, err := started(); err == nil {
			s.stop()
		}
	}
	os.Exit(code)
}

// Database makes a database for one test and returns its URL. The test is skipped where there is no PostgreSQL.
func Database(tb testing.TB) string {
	tb.Helper()
	return copied(tb, template)
}

// copied makes a database of another, to which nobody may be connected.
func copied(tb testing.TB, of string) string {
	tb.Helper()
	n := count.Add(1)
	s, err := started()
	if errors.Is(err, postgrestest.ErrNotInstalled) {
		tb.Skip(err)
	}
	if err == nil {
		err = prepared()
	}
	name := fmt.Sprintf("test_%d", n)
	if err == nil {
		err = s.admin(context.Background(), fmt.Sprintf("create database %s template %s", name, of))
	}
	if err != nil {
		tb.Fatalf("make a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.admin(context.Background(), fmt.Sprintf("drop database %s with (force)", name)); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return s.URL(name)
}

// Pool is of a database that Database made, until the test ends.
func Pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return opened(tb, Database(tb))
}

// Copy is of a database that is as the one of a pool was, which is closed for that.
func Copy(tb testing.TB, of *pgxpool.Pool) *pgxpool.Pool {
	tb.Helper()
	of.Close()
	return opened(tb, copied(tb, of.Config().ConnConfig.Database))
}

func opened(tb testing.TB, url string) *pgxpool.Pool {
	tb.Helper()
	pool, err := readmodel.Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// Admin runs statements on the server, beside the test's own database.
func Admin(tb testing.TB, statements ...string) {
	tb.Helper()
	s, err := started()
	if err == nil {
		err = s.admin(context.Background(), statements...)
	}
	if err != nil {
		tb.Fatalf("run as the database's administrator: %v", err)
	}
}

func start() (*server, error) {
	made, err := postgrestest.New()
	if err != nil {
		return nil, err
	}
	s := &server{Server: made}
	command, err := s.Command("-c", "fsync=off", "-c", "max_connections=200")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.guard = exec.Command("/bin/sh", append([]string{"-c", guard, "pgtest", s.Dir}, command.Args...)...)
	s.guard.Dir = s.Dir
	// A group of its own, or Ctrl-C would reach the server before the tests that use it have ended.
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.Who}
	if s.alive, err = s.guard.StdinPipe(); err != nil {
		return nil, fmt.Errorf("hold the server: %w", err)
	}
	if err := s.guard.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return s, s.await()
}

func (s *server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	pauses := again.Pauses{First: 20 * time.Millisecond, Longest: 20 * time.Millisecond}
	_, err := again.Until(ctx, pauses, func() (struct{}, error) { return struct{}{}, s.admin(ctx) })
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		s.stop()
		return fmt.Errorf("the server doesn't answer: %w: %s", err, log)
	}
	return nil
}

func (s *server) stop() {
	_ = s.alive.Close()
	_ = s.guard.Wait()
}

func (s *server) admin(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// prepare makes the database that all others are copies of.
func prepare() error {
	s, err := started()
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := s.admin(ctx, "create database "+template); err != nil {
		return err
	}
	pool, err := readmodel.Open(ctx, s.URL(template))
	if err != nil {
		return err
	}
	defer pool.Close()
	return readmodel.Migrate(ctx, pool)
}
