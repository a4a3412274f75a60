package parts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// Superuser is PostgreSQL's, who needs no password.
const Superuser = "postgres"

// nobody is who the server runs as when we are root, which PostgreSQL refuses to be.
const nobody = 65534

// Postgres is a database server in a folder of its own, durable as `local up` runs it.
type Postgres struct {
	// Dir is where its socket would be.
	Dir string
	who *syscall.Credential
}

// NewPostgres makes an empty cluster of databases. Close removes it.
func NewPostgres() (*Postgres, error) {
	// Not in a folder of the clone: nobody may not be able to reach that.
	dir, err := os.MkdirTemp("/tmp", "store-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make PostgreSQL's folder: %w", err)
	}
	p := &Postgres{Dir: dir}
	if os.Geteuid() == 0 {
		p.who = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			return nil, errors.Join(fmt.Errorf("hand PostgreSQL's folder to its user: %w", err), p.Close())
		}
	}
	initdb, err := p.command("initdb", "-U", Superuser, "-A", "trust", "-E", "UTF8", "--no-locale")
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, output), p.Close())
	}
	return p, nil
}

// Command prepares the server's process.
func (p *Postgres) Command(args ...string) (*exec.Cmd, error) { return p.command("postgres", args...) }

// Close removes what the server kept; it has ended by then.
func (p *Postgres) Close() error { return os.RemoveAll(p.Dir) }

func (p *Postgres) command(program string, args ...string) (*exec.Cmd, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	if path, err := exec.LookPath(program); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("find %s: PostgreSQL isn't installed: %w", program, fs.ErrNotExist)
	}
	c := exec.Command(slices.Max(found), append([]string{"-D", filepath.Join(p.Dir, "data")}, args...)...)
	c.Dir, c.SysProcAttr = p.Dir, &syscall.SysProcAttr{Credential: p.who}
	return c, nil
}
