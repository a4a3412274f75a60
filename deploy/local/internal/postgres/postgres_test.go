package postgres_test

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/postgres"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// setup makes a server whose state folder the unprivileged user can or can't reach.
func setup(t *testing.T, mode os.FileMode) (*postgres.Server, string) {
	t.Helper()
	return setupFor(t, mode, -1)
}

func setupFor(t *testing.T, mode os.FileMode, clients int) (*postgres.Server, string) {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "postgres-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, mode); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(root, ".local")
	programs := postgres.Programs(state)
	if programs == "" {
		t.Skip("no PostgreSQL server is installed")
	}
	s, err := postgres.New(state, programs, clients)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := postgres.Remove(state); err != nil {
			t.Error(err)
		}
	})
	return s, state
}

// serve runs the server until the returned function stops it.
func serve(t *testing.T, s *postgres.Server) (kill, stop func()) {
	t.Helper()
	if err := s.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	group, err := guard.New()
	if err != nil {
		t.Fatal(err)
	}
	command := s.Command()
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	group.Join(command)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); !answers(t, s); {
		if time.Now().After(deadline) {
			group.Kill()
			_ = command.Wait()
			t.Fatalf("it never took connections: %s", said.String())
		}
		<-time.After(20 * time.Millisecond)
	}
	kill = func() { group.Kill(); _ = command.Wait() }
	stop = func() {
		if err := command.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("stop: %v: %s", err, said.String())
		}
		group.Kill()
	}
	return kill, stop
}

// patience bounds every wait on a server.
const patience = time.Minute

// ended waits until nobody works in the data folder. A killed server's own processes end when they next look for it, and
// until then a new one is refused.
func ended(t *testing.T, state string) {
	t.Helper()
	data, err := os.Stat(filepath.Join(state, "postgres", "data"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); worksIn(t, data); {
		if time.Now().After(deadline) {
			t.Fatal("a killed server's processes never ended")
		}
		<-time.After(20 * time.Millisecond)
	}
}

// worksIn tells whether any process has the folder as its own: those of PostgreSQL have their data's. Elsewhere than on
// Linux nobody can tell.
func worksIn(t *testing.T, folder os.FileInfo) bool {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(cwd string) bool {
		at, err := os.Stat(cwd)
		return err == nil && os.SameFile(at, folder)
	})
}

// answers tells whether the server takes connections.
func answers(t *testing.T, s *postgres.Server) bool {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(socketFolder(t, s), ".s.PGSQL.5432"))
	return err == nil && conn.Close() == nil
}

// Whose group is let in reaches the socket, wherever that lies, and neither lists the folder nor is anybody else let in.
func TestItsClientsReachTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		return // all are one user
	}
	const group, stranger = 1_900_000_001, 1_900_000_002
	for _, mode := range []os.FileMode{0o755, 0o700} {
		s, _ := setupFor(t, mode, group)
		socket := filepath.Join(socketFolder(t, s), ".s.PGSQL.5432")
		if err := os.WriteFile(socket, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			id   uint32
			path string
			may  bool
		}{{group, socket, true}, {group, filepath.Dir(socket), false}, {stranger, socket, false}} {
			command := exec.Command("ls", c.path)
			command.Dir = "/"
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.id, Gid: c.id}}
			if said, err := command.CombinedOutput(); (err == nil) != c.may {
				t.Errorf("%d at %s, want it let in: %v; %v, %s", c.id, c.path, c.may, err, said)
			}
		}
	}
}

func TestItServesAndComesBackAfterAKill(t *testing.T) {
	s, state := setup(t, 0o755)
	kill, _ := serve(t, s)
	kill()
	ended(t, state)
	_, stop := serve(t, s)
	stop()
}

func TestAnUnreachableStateFolderIsNoObstacle(t *testing.T) {
	s, state := setup(t, 0o700)
	_, stop := serve(t, s)
	stop()
	folder := socketFolder(t, s)
	inside := strings.HasPrefix(folder, state)
	if root := os.Geteuid() == 0; inside == root {
		t.Errorf("as root: %v, and the socket is in %s", root, folder)
	}
}

func TestLocksOfAnotherProcessAreNoObstacle(t *testing.T) {
	s, state := setup(t, 0o755)
	_, stop := serve(t, s)
	stop()
	for _, lock := range []string{filepath.Join(state, "postgres", "data", "postmaster.pid"), filepath.Join(socketFolder(t, s), ".s.PGSQL.5432.lock")} {
		// Process 1 is always there, and is never PostgreSQL.
		if err := os.WriteFile(lock, []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, stop = serve(t, s)
		stop()
	}
}

func socketFolder(t *testing.T, s *postgres.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}
