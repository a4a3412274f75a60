package compose_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/repo"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// bench is a user's clone, with a daemon to run it on.
type bench struct {
	*daemon
	clone string
}

func setup(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to start Docker's daemon")
	}
	p := platform.Open(t)
	d := startDaemon(t)
	for _, b := range d.bases() {
		d.importBase(b)
	}
	d.openDoors(p)
	d.plug()
	b := &bench{daemon: d, clone: t.TempDir()}
	b.copyClone()
	// What a run that was killed has left, and images of ours: each run builds them, of what builds have kept.
	b.run("scripts/compose-env.sh && docker compose --profile '*' down --volumes && rm .env")
	b.run("docker image ls --quiet 'store-platform/*' | sort --unique | xargs --no-run-if-empty docker image rm --force")
	t.Cleanup(b.end)
	return b
}

// plug puts `docker` first on a path, with `docker compose`.
func (d *daemon) plug() {
	d.Helper()
	bin, plugins := filepath.Join(d.dir, "bin"), filepath.Join(d.dir, "config", "cli-plugins")
	for _, folder := range []string{bin, plugins} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			d.Fatal(err)
		}
	}
	for link, to := range map[string]string{filepath.Join(bin, "docker"): docker, filepath.Join(plugins, "docker-compose"): composePlugin(d.T)} {
		if err := os.Symlink(to, link); err != nil {
			d.Fatal(err)
		}
	}
}

// copyClone copies what git knows of the clone: .env is written beside it, and a developer's own must stay.
func (b *bench) copyClone() {
	b.Helper()
	from := root(b.T)
	names, err := repo.Files(from)
	if err != nil {
		b.Fatal(err)
	}
	list := exec.CommandContext(b.Context(), "cp", "--parents", "--no-dereference", "--preserve=mode", "--target-directory", b.clone, "--")
	list.Args, list.Dir = append(list.Args, names...), from
	if output, err := list.CombinedOutput(); err != nil {
		b.Fatalf("copy the clone: %v\n%s", err, output)
	}
}

// run runs a line of bash as README's reader would: in the clone, on the daemon's machine.
func (b *bench) run(line string) string {
	b.Helper()
	output, err := b.try(line)
	if err != nil {
		b.Fatalf("%s\n%v\n%s", line, err, output[max(0, len(output)-8<<10):])
	}
	return output
}

func (b *bench) try(line string) (string, error) { return b.bash(b.Context(), line) }

func (b *bench) bash(ctx context.Context, line string) (string, error) {
	command := exec.CommandContext(ctx, "nsenter", "--net="+b.namespace("net"), "--", "bash", "-euo", "pipefail", "-c", line)
	command.Dir = b.clone
	command.Env = append(os.Environ(),
		"PATH="+filepath.Join(b.dir, "bin")+":"+os.Getenv("PATH"), "DOCKER_HOST="+b.host(), "DOCKER_CONFIG="+filepath.Join(b.dir, "config"),
		"COMPOSE_FILE=docker-compose.yaml:test/compose/override.yaml", fmt.Sprintf("PATIENCE=%.0f", 4*waittest.Patience().Seconds()))
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return strings.TrimSpace(output.String()), err
}

// end shows what the services said where the test failed, and takes all away but images.
func (b *bench) end() {
	for _, line := range []struct {
		words  string
		failed bool
	}{
		{"docker compose ps --all && docker compose logs --no-color --tail 40", true},
		{"docker compose --profile '*' down --volumes && docker image prune --force", false},
	} {
		if line.failed && !b.Failed() {
			continue
		}
		if output, err := b.bash(context.WithoutCancel(b.Context()), line.words); err != nil || line.failed {
			b.Logf("%s\n%v\n%s", line.words, err, output)
		}
	}
}
