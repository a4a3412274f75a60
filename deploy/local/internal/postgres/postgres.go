// Package postgres runs the PostgreSQL that this machine has installed, for one user and
// one program: no TCP, a socket in a folder that nobody else may enter, data in the state
// folder. Started by root, it lets that program's group come as far as the socket.
//
// PostgreSQL refuses to run as root. Started by root it runs as the user postgres (or
// nobody), and where that user can't reach the state folder (a clone below /root), its
// data lies below /var/lib/store-platform instead.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/store-platform/store-platform/pkg/guard"
)

// database is the name of the one database and of its owner.
const database = "store"

// Server is one data folder and the programs that serve it. Made by New.
type Server struct {
	home     string // holds data, and the socket's folder unless its path would be too long
	socket   string // the folder of the socket
	programs string
	user     *syscall.Credential // nil: the user of this process
	clients  int                 // the group that may reach the socket; below zero, none
}

// Programs finds the folder of the server's programs: the newest installed that can serve
// the data in state, any when there is none yet. It is empty when there is none.
func Programs(state string) string {
	version, _ := os.ReadFile(filepath.Join(home(state), "data", "PG_VERSION"))
	wanted := strings.TrimSpace(string(version))
	found := ""
	newest := -1
	for _, folder := range candidates() {
		out, err := exec.Command(filepath.Join(folder, "postgres"), "--version").Output()
		if err != nil {
			continue
		}
		fields := strings.Fields(string(out))
		if len(fields) < 3 {
			continue
		}
		major, _, _ := strings.Cut(fields[2], ".")
		number, err := strconv.Atoi(major)
		if err != nil || wanted != "" && wanted != major || number <= newest {
			continue
		}
		found, newest = folder, number
	}
	return found
}

func candidates() []string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, pattern := range []string{"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/usr/pgsql-*/bin"} {
		more, _ := filepath.Glob(pattern)
		folders = append(folders, more...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	return slices.DeleteFunc(folders, func(folder string) bool {
		_, err := os.Stat(filepath.Join(folder, "initdb"))
		return err != nil
	})
}

// New prepares a server for the state folder at state with the given programs. The group clients may reach its socket;
// below zero nobody may but who runs it, and root.
func New(state, programs string, clients int) (*Server, error) {
	s := &Server{home: home(state), socket: socket(state), programs: programs, clients: clients}
	if os.Geteuid() == 0 {
		who, err := unprivileged()
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(s.data()); err == nil {
			if owner, ok := info.Sys().(*syscall.Stat_t); ok {
				who = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
			}
		}
		s.user = who
	}
	for _, folder := range []string{s.home, s.socket} {
		if err := s.folder(folder); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// folder makes a folder that only the server's user, root, and who has to reach the socket may enter.
func (s *Server) folder(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder above PostgreSQL's: %w", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make PostgreSQL's folder: %w", err)
	}
	if s.user == nil {
		return nil
	}
	group, mode := int(s.user.Gid), fs.FileMode(0o700)
	if s.clients >= 0 {
		group, mode = s.clients, 0o710
	}
	if err := errors.Join(os.Chown(path, int(s.user.Uid), group), os.Chmod(path, mode)); err != nil {
		return fmt.Errorf("hand PostgreSQL's folder to its user: %w", err)
	}
	return nil
}

// Init makes data and database when they aren't there yet. They appear as a whole.
func (s *Server) Init(ctx context.Context) error {
	if _, err := os.Stat(s.data()); err == nil {
		return s.settle()
	}
	temporary := s.data() + ".partial"
	if err := os.RemoveAll(temporary); err != nil {
		return fmt.Errorf("remove what a killed initdb left: %w", err)
	}
	initdb := s.command("initdb", "-D", temporary, "-U", database, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions")
	if err := run(ctx, initdb); err != nil {
		return fmt.Errorf("make PostgreSQL's data folder: %w", err)
	}
	create := s.command("postgres", "--single", "-D", temporary, "postgres")
	create.Stdin = strings.NewReader("create database " + database + "\n")
	if err := run(ctx, create); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return os.Rename(temporary, s.data())
}

func run(ctx context.Context, command *exec.Cmd) error {
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	if err := guard.Run(ctx, command); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// settle deals with the lock files of a server that was killed. PostgreSQL does so itself
// unless the number in them belongs to a process: to another by now, or to what is left of
// its own where nobody has buried it. And a server that did survive its supervisor would
// keep the data for itself.
func (s *Server) settle() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	for _, path := range []string{filepath.Join(s.data(), "postmaster.pid"), s.address() + ".lock"} {
		if err := s.unlock(path); err != nil {
			return fmt.Errorf("take PostgreSQL's lock %s: %w", path, err)
		}
	}
	return nil
}

// unlock removes a lock file, unless a server of these data has it: that one is told to end.
func (s *Server) unlock(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(line), s.data()) {
			return syscall.Kill(pid, syscall.SIGQUIT)
		}
	}
	return os.Remove(path)
}

// Command is the server in the foreground. SIGINT stops it: it then doesn't wait for its
// clients.
func (s *Server) Command() *exec.Cmd {
	return s.command("postgres", "-D", s.data(),
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+s.socket,
		"-c", "shared_buffers=32MB", "-c", "max_connections=60", "-c", "logging_collector=off")
}

// URL is where clients find the database.
func (s *Server) URL() string {
	u := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: url.Values{"host": {s.socket}, "user": {database}}.Encode()}
	return u.String()
}

func (s *Server) data() string { return filepath.Join(s.home, "data") }

// address is the socket. Its name is PostgreSQL's, made of the default port.
func (s *Server) address() string { return filepath.Join(s.socket, ".s.PGSQL.5432") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(s.programs, program), args...)
	command.Dir = s.home
	command.Env = []string{"PATH=" + s.programs + ":/usr/bin:/bin", "HOME=" + s.home, "LC_ALL=C", "TZ=UTC"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	return command
}
