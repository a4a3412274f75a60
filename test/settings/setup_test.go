// Package settings starts the programs as an operator does, to read what they say of their settings: in --help, at the start, and
// where one is wrong. It holds tests only.
package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/settings"
)

func TestMain(m *testing.M) {
	guard.Main()
	for _, program := range programs {
		path, err := programtest.Path(context.Background(), "store-"+program)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		found[program] = path
	}
	os.Exit(m.Run())
}

// found are the programs' paths.
var found = map[string]string{}

var programs = []string{"gateway", "events", "provisioner", "janitor", "backup"}

// marker is in every secret that a program is given, and nowhere in what it says.
const marker = "hunter2"

// closed is a port of this machine where nobody listens: services wait for the broker there.
const closed = "127.0.0.1:1"

// secrets are the settings with something in them that nobody may read, as one sets them. Every program takes those of them that
// it has.
var secrets = map[string]string{
	"NATS_URL": "nats://user:" + marker + "@" + closed, "NATS_USER": "somebody", "NATS_PASSWORD": marker,
	"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:" + marker + "@" + closed + "/?" + marker,
	"OTEL_EXPORTER_OTLP_HEADERS":  "authorization=Bearer%20" + marker,
	"DATABASE_URL":                "postgres://user:" + marker + "@" + closed + "/db?sslpassword=" + marker,
	"ADMIN_API_KEY":               marker, "ADMIN_EMAILS": marker + "@example.com," + marker + "@example.org",
	"SMTP_URL": "smtp://user:" + marker + "@" + closed + "?" + marker, "MAIL_FROM": "Stores <stores@example.com>",
	"PUBLIC_URL":  "https://stores.example",
	"EVENTS_URL":  "http://user:" + marker + "@" + closed + "/?" + marker + "#" + marker,
	"BACKUP_KEYS": strings.Repeat(marker, 4) + "," + strings.Repeat(marker, 5),
}

// all are a program's settings by their variables.
func all(t *testing.T, program string) map[string]settings.Setting {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := settings.Of(root, program)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// given is a whole environment of a program that starts, secrets in it, with what is changed.
func given(t *testing.T, program string, changed map[string]string) []string {
	t.Helper()
	told := map[string]string{
		"PATH": os.Getenv("PATH"), "INSTALLATION": "test", "AUTH": "accounts", "LISTEN": "127.0.0.1:0", "BACKUP_URL": "file://" + t.TempDir(),
		"KUBECONFIG": filepath.Join(t.TempDir(), "none"),
	}
	maps.Copy(told, secrets)
	maps.Copy(told, changed)
	taken := all(t, program)
	var env []string
	for variable, value := range told {
		if _, takes := taken[variable]; takes || variable == "PATH" || strings.HasPrefix(variable, "OTEL_") {
			env = append(env, variable+"="+value)
		}
	}
	return env
}

// run is a program that has been started.
type run struct {
	said    said
	ended   chan error
	command *exec.Cmd
}

// said is what it has written so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func start(t *testing.T, program string, env []string, words ...string) *run {
	t.Helper()
	return startIn(t, t.TempDir(), program, env, words...)
}

// startIn is start in a folder.
func startIn(t *testing.T, dir, program string, env []string, words ...string) *run {
	t.Helper()
	path := found[program]
	if program == "backup" && len(words) == 0 {
		words = []string{"take"}
	}
	r := &run{command: exec.Command(path, words...), ended: make(chan error, 1)}
	r.command.Env, r.command.Dir, r.command.Stdout, r.command.Stderr = env, dir, &r.said, &r.said
	if err := errors.Join(guard.Join(r.command), r.command.Start()); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.command.Wait() }()
	t.Cleanup(func() { _ = r.command.Process.Kill() })
	return r
}

// fails waits until it has ended with an error, and answers what it said.
func (r *run) fails(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waittest.Patience())
	defer cancel()
	select {
	case err := <-r.ended:
		if err == nil {
			t.Error("it ended as if nothing were wrong")
		}
	case <-ctx.Done():
		t.Errorf("it goes on: %s", r.said.String())
	}
	return r.said.String()
}

// settles waits until it has said a line with these words, stops it, and answers all that it said.
func (r *run) settles(t *testing.T, words string) string {
	t.Helper()
	waittest.Eventually(t, func() error {
		if !strings.Contains(r.said.String(), words) {
			return fmt.Errorf("it hasn't said %s: %s", words, r.said.String())
		}
		return nil
	})
	if err := r.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	return r.said.String()
}

func sorted(taken map[string]settings.Setting) []string { return slices.Sorted(maps.Keys(taken)) }
