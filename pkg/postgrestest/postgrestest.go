// Package postgrestest prepares a PostgreSQL server for tests, of the programs that the system has: in a folder of its own, by a
// socket there and no other way. Who uses it runs the server, and says how durable it is.
package postgrestest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// Superuser is who every URL connects as, without a password.
const Superuser = "postgres"

// nobody is who the server runs as when we are root, which PostgreSQL refuses to be.
const nobody = 65534

// ErrNotInstalled is New's where there are no programs.
var ErrNotInstalled = errors.New("no PostgreSQL server here: put initdb and postgres in PATH")

// Server is a database server that nobody has started yet.
type Server struct {
	// Dir is where its data and its socket are.
	Dir string
	// Who owns them, and must run the server; nil is this process' user.
	Who *syscall.Credential
}

// New makes an empty cluster of databases. Close removes it.
func New() (*Server, error) {
	// Not in a folder of the clone, which nobody may not be able to reach, nor in a test's own: a socket's path is short.
	dir, err := os.MkdirTemp("/tmp", "store-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make PostgreSQL's folder: %w", err)
	}
	s := &Server{Dir: dir}
	if err := s.fill(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) fill() error {
	if os.Geteuid() == 0 {
		s.Who = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(s.Dir, nobody, nobody); err != nil {
			return fmt.Errorf("hand PostgreSQL's folder to its user: %w", err)
		}
	}
	initdb, err := s.command("initdb", "-U", Superuser, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if err != nil {
		return err
	}
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	return nil
}

// Command prepares the server's process.
func (s *Server) Command(args ...string) (*exec.Cmd, error) {
	return s.command("postgres", append([]string{"-k", s.Dir, "-c", "listen_addresses="}, args...)...)
}

// URL is where one of its databases is; the first one is called postgres.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s", database, url.QueryEscape(s.Dir), Superuser)
}

// Close removes what the server kept; it has ended by then.
func (s *Server) Close() error { return os.RemoveAll(s.Dir) }

func (s *Server) command(program string, args ...string) (*exec.Cmd, error) {
	// Debian puts them beside each other by version, and none in PATH.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	slices.Sort(found)
	if path, err := exec.LookPath(program); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, ErrNotInstalled
	}
	c := exec.Command(found[len(found)-1], append([]string{"-D", filepath.Join(s.Dir, "data")}, args...)...)
	c.Dir, c.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: s.Who}
	return c, nil
}
