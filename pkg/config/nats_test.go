package config_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// guarded is a broker that lets one user in, by a password that can be changed under way.
type guarded struct {
	*server.Server
	options *server.Options
}

func startGuarded(t *testing.T, password string) guarded {
	t.Helper()
	options := &server.Options{Users: []*server.User{{Username: "gateway", Password: password}}}
	return guarded{bustest.StartServer(t, options), options}
}

// rotate has the broker know another password. Whoever is connected by the old one is sent away.
func (g guarded) rotate(t *testing.T, password string) {
	t.Helper()
	next := g.options.Clone()
	next.Port = g.Addr().(*net.TCPAddr).Port
	next.Users = []*server.User{{Username: "gateway", Password: password}}
	if err := g.ReloadOptions(next); err != nil {
		t.Fatal(err)
	}
}

// awaitRefused outlives the second refusal, behind which the client would by itself never ask again. Each is a connection
// that was opened.
func awaitRefused(t *testing.T, nc *nats.Conn) {
	t.Helper()
	before := nc.Stats().Reconnects
	waittest.Eventually(t, func() error {
		tries := nc.Stats().Reconnects - before
		if err := config.Reachable(nc); tries < 3 || !errors.Is(err, config.ErrRefused) {
			return fmt.Errorf("%s after %d tries, and what is said of it is %w", nc.Status(), tries, err)
		}
		return nil
	})
}

func awaitReached(t *testing.T, nc *nats.Conn) {
	t.Helper()
	waittest.Eventually(t, func() error { return config.Reachable(nc) })
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func connect(t *testing.T, n config.NATS) *nats.Conn {
	t.Helper()
	nc, err := n.Connect(t.Context(), "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// A password is changed in two places, one after the other, and nobody needs to be started again for that.
func TestAPasswordIsRotatedUnderAConnection(t *testing.T) {
	t.Parallel()
	broker, file := startGuarded(t, "old"), write(t, filepath.Join(t.TempDir(), "password"), "old\n")
	byFile := connect(t, config.NATS{URL: broker.ClientURL(), User: "gateway", PasswordFile: file})
	byValue := connect(t, config.NATS{URL: broker.ClientURL(), User: "gateway", Password: "old"})
	broker.rotate(t, "new")
	awaitRefused(t, byFile)
	awaitRefused(t, byValue)
	write(t, file, "new")
	awaitReached(t, byFile)
	if _, err := byFile.Request("nobody.listens", nil, waittest.Patience()); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("it is connected again, and a request ends with %v", err)
	}
	broker.rotate(t, "old")
	awaitReached(t, byValue)
}

// Who starts between the two changes waits as well.
func TestABrokerThatRefusesIsWaitedFor(t *testing.T) {
	t.Parallel()
	broker, file := startGuarded(t, "new"), write(t, filepath.Join(t.TempDir(), "password"), "old")
	n := config.NATS{URL: broker.ClientURL(), User: "gateway", PasswordFile: file}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := n.Connect(over, "test", nil); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("who is stopped while it waits is told %v", err)
	}
	connected, told := make(chan error, 1), make(chan error, 8)
	go func() {
		nc, err := n.Connect(t.Context(), "test", func(err error) { told <- err })
		if err == nil {
			nc.Close()
		}
		connected <- err
	}()
	waittest.Eventually(t, func() error {
		if about, err := broker.Varz(nil); err != nil || about.TotalConnections < 2 {
			return errors.New("the broker hasn't refused it yet")
		}
		return nil
	})
	if err := <-told; !errors.Is(err, config.ErrRefused) {
		t.Errorf("while it waits it says %v", err)
	}
	write(t, file, "new")
	if err := <-connected; err != nil {
		t.Error(err)
	}
}

// mentions counts the lines of a log that hold a text.
type mentions struct {
	text  []byte
	lines atomic.Int32
}

func (m *mentions) Write(line []byte) (int, error) {
	if bytes.Contains(line, m.text) {
		m.lines.Add(1)
	}
	return len(line), nil
}

// It is looked for twice a second.
func TestAPasswordThatCannotBeReadIsToldOnce(t *testing.T) {
	before, said := slog.Default(), &mentions{text: []byte("NATS_PASSWORD_FILE")}
	slog.SetDefault(slog.New(slog.NewTextHandler(said, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	broker, file := startGuarded(t, "old"), write(t, filepath.Join(t.TempDir(), "password"), "old")
	nc := connect(t, config.NATS{URL: broker.ClientURL(), User: "gateway", PasswordFile: file})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	broker.rotate(t, "new")
	awaitRefused(t, nc)
	if lines := said.lines.Load(); lines != 1 {
		t.Errorf("told %d times", lines)
	}
}

func TestSettingsOfTheBrokerThatAreWrongAreNamed(t *testing.T) {
	none, empty := filepath.Join(t.TempDir(), "none"), write(t, filepath.Join(t.TempDir(), "empty"), "")
	for names, n := range map[string]config.NATS{
		"NATS_PASSWORD_FILE":                    {User: "gateway", PasswordFile: none},
		"NATS_PASSWORD and NATS_PASSWORD_FILE":  {User: "gateway", Password: "x", PasswordFile: empty},
		"NATS_USER":                             {PasswordFile: empty},
		"NATS_CERT_FILE and NATS_KEY_FILE":      {CertFile: empty},
		"NATS_CA_FILE":                          {CAFile: empty},
		"NATS_CA_FILE, NATS_CERT_FILE and NATS": {CertFile: none, KeyFile: none},
	} {
		if _, err := n.Connect(t.Context(), "test", nil); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("the error %v doesn't name %s", err, names)
		}
	}
}
