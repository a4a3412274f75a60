// Package platform is a running installation as its users meet it: the API, the feed, a store's page, the log and the
// cluster's API, each from outside. Nothing in it belongs to a service: what a test finds with it, a user would find.
package platform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// EndpointsEnv names the endpoints.json of the installation under test.
const EndpointsEnv = "STORE_ENDPOINTS"

// Platform is one installation.
type Platform struct {
	// API is the gateway's URL, Stores the address of the door to the stores, Base what stands behind "store-<id>.".
	API        string `json:"api"`
	Stores     string `json:"stores"`
	Base       string `json:"base"`
	Broker     string `json:"broker"`
	Kubeconfig string `json:"kubeconfig"`
	// State is the installation's folder.
	State string `json:"-"`
}

// Open finds the installation that the tests run against, or skips.
func Open(tb testing.TB) *Platform {
	tb.Helper()
	path := os.Getenv(EndpointsEnv)
	if path == "" {
		tb.Skip("needs a running platform: run through make test")
	}
	p := &Platform{State: filepath.Dir(path)}
	readJSON(tb, path, p)
	return p
}

// Log opens the log as one of the broker's users.
func (p *Platform) Log(tb testing.TB, user string) *storelog.Log {
	tb.Helper()
	nc, err := nats.Connect(p.Broker, config.As(user, p.Passwords(tb)[user])...)
	if err != nil {
		tb.Fatalf("connect to the broker as %s: %v", user, err)
	}
	tb.Cleanup(nc.Close)
	log, err := storelog.Open(tb.Context(), nc)
	if err != nil {
		tb.Fatal(err)
	}
	return log
}

// Passwords are the broker's, by user.
func (p *Platform) Passwords(tb testing.TB) map[string]string {
	tb.Helper()
	var identity struct {
		Passwords map[string]string `json:"passwords"`
	}
	readJSON(tb, filepath.Join(p.State, "installation.json"), &identity)
	return identity.Passwords
}

// PID is the process that runs a service now.
func (p *Platform) PID(service string) (int, error) {
	data, err := os.ReadFile(filepath.Join(p.State, "status.json"))
	if err != nil {
		return 0, fmt.Errorf("read the platform's status: %w", err)
	}
	var status struct {
		Processes []struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
		} `json:"processes"`
	}
	if err := json.Unmarshal(data, &status); err != nil {
		return 0, fmt.Errorf("decode the platform's status: %w", err)
	}
	for _, process := range status.Processes {
		if process.Name == service && process.PID != 0 {
			return process.PID, nil
		}
	}
	return 0, fmt.Errorf("no process runs %s", service)
}

func readJSON(tb testing.TB, path string, into any) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		tb.Fatalf("decode %s: %v", path, err)
	}
}

// FirstStore is the answer to a read of the store that was asked for as soon as the API answered, before there was a
// cluster. Whoever starts the platform records it.
func (p *Platform) FirstStore(tb testing.TB) query.Store {
	tb.Helper()
	var s query.Store
	readJSON(tb, filepath.Join(p.State, FirstStoreFile), &s)
	return s
}

// FirstStoreFile lies in the installation's folder.
const FirstStoreFile = "first-store.json"

// Logs are the lines of all services that name a store.
func (p *Platform) Logs(tb testing.TB, containing string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(p.State, "log", "*.log"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("find the logs: %d files, %v", len(files), err)
	}
	var lines []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, containing) {
				lines = append(lines, filepath.Base(file)+": "+strings.TrimSpace(line))
			}
		}
	}
	return lines
}
