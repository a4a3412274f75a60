package bench

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5"
)

const (
	superuser = "postgres"
	// nobody is who the server runs as when the bench runs as root, which PostgreSQL refuses to be.
	nobody = 65534
)

// newPostgres runs an empty database server until the row ends, as `local up` does: durable, by a socket only. It
// answers the URL of its database.
func (b *bench) newPostgres() string {
	b.Helper()
	// Not in the folder of the run: nobody may not be able to reach a clone.
	dir, err := os.MkdirTemp("/tmp", "store-bench-")
	b.must("make PostgreSQL's folder", err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	var who *syscall.Credential
	if os.Geteuid() == 0 {
		who = &syscall.Credential{Uid: nobody, Gid: nobody}
		b.must("hand PostgreSQL's folder to its user", os.Chown(dir, nobody, nobody))
	}
	command := func(program string, args ...string) *exec.Cmd {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
		if path, err := exec.LookPath(program); err == nil {
			found = append(found, path)
		}
		if len(found) == 0 {
			b.Fatalf("there is no %s here: install PostgreSQL", program)
		}
		c := exec.Command(slices.Max(found), append([]string{"-D", filepath.Join(dir, "data")}, args...)...)
		c.Dir, c.SysProcAttr = dir, &syscall.SysProcAttr{Credential: who}
		return c
	}
	if output, err := command("initdb", "-U", superuser, "-A", "trust", "-E", "UTF8", "--no-locale").CombinedOutput(); err != nil {
		b.Fatalf("initdb: %w\n%s", err, output)
	}
	address := fmt.Sprintf("postgres:///postgres?host=%s&user=%s", url.QueryEscape(dir), superuser)
	server := b.start("postgres", command("postgres", "-k", dir, "-c", "listen_addresses="))
	b.Cleanup(func() { server.stop(syscall.SIGINT, stopPatience) })
	b.await("reach PostgreSQL", server, startPatience, func() error {
		conn, err := pgx.Connect(b.ctx, address)
		if err == nil {
			err = conn.Close(b.ctx)
		}
		return err
	})
	return address
}
