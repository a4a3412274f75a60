// Package pgtest gives every test a real PostgreSQL database of its own. One server runs per test binary, on a unix
// socket only, from the binaries that the system has; a database is a copy of one that has the read model's schema.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	superuser    = "postgres"
	template     = "template_read_model"
	startTimeout = 30 * time.Second
	// unprivileged is who the server runs as when the tests run as root, which PostgreSQL refuses to be.
	unprivileged = 65534
)

// errNoBinaries: tests are skipped for it.
var errNoBinaries = errors.New("no PostgreSQL server here: put initdb and postgres in PATH")

// guard runs the server as long as the test binary holds the other end of its standard input, so that the server and
// its folder go whatever happens to the test binary: a panic runs no deferred function.
const guard = `"$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=200 \
	>"$2/log" 2>&1 & pid=$!
cat >/dev/null
kill -INT $pid
wait $pid
rm -rf "$2"`

var (
	started  = sync.OnceValues(start)
	prepared = sync.OnceValue(prepare)
	count    atomic.Int64
)

// server is the running one.
type server struct {
	dir   string
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
	n := count.Add(1)
	s, err := started()
	if errors.Is(err, errNoBinaries) {
		tb.Skip(err)
	}
	if err == nil {
		err = prepared()
	}
	name := fmt.Sprintf("test_%d", n)
	if err == nil {
		err = s.admin(context.Background(), fmt.Sprintf("create database %s template %s", name, template))
	}
	if err != nil {
		tb.Fatalf("make a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.admin(context.Background(), fmt.Sprintf("drop database %s with (force)", name)); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return s.url(name)
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
	initdb, err1 := find("initdb")
	postgres, err2 := find("postgres")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	if err := s.initdb(initdb); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.guard = exec.Command("/bin/sh", "-c", guard, "pgtest", postgres, dir)
	s.guard.Dir = dir
	// A group of its own, or Ctrl-C would reach the server before the tests that use it have ended.
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: credential()}
	if s.alive, err = s.guard.StdinPipe(); err != nil {
		return nil, fmt.Errorf("hold the server: %w", err)
	}
	if err := s.guard.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return s, s.await()
}

func (s *server) initdb(binary string) error {
	cmd := exec.Command(binary, "-D", filepath.Join(s.dir, "data"), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out.String())
	}
	return nil
}

func (s *server) await() error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.admin(context.Background())
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.stop()
			return fmt.Errorf("the server doesn't answer: %w: %s", err, log)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (s *server) stop() {
	_ = s.alive.Close()
	_ = s.guard.Wait()
}

func (s *server) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s", database, url.QueryEscape(s.dir), superuser)
}

func (s *server) admin(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
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
	pool, err := readmodel.Open(ctx, s.url(template))
	if err != nil {
		return err
	}
	defer pool.Close()
	return readmodel.Migrate(ctx, pool)
}

// folder is one that the server's user may use and reach; its path is short, as a socket's must be.
func folder() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "pgtest-")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if who := credential(); who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return "", fmt.Errorf("give the folder away: %w", err)
		}
	}
	return dir, nil
}

func credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: unprivileged, Gid: unprivileged}
}

// find looks where Debian puts server binaries, newest version first, after PATH.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return "", errNoBinaries
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}
