package backup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
)

// The user that deployments give it is enough for the whole course.
func TestTheDeployedUserTakesAndRestores(t *testing.T) {
	for _, user := range []string{"GATEWAY", "PROVISIONER", "JANITOR", "EVENTS", "BACKUP"} {
		t.Setenv("NATS_PASSWORD_"+user, "p"+user)
	}
	nc, empty, dir := deployed(t), deployed(t), t.TempDir()
	as := func(c *Config) { c.NATS.User, c.NATS.Password = "backup", "pBACKUP" }
	peopled(t, nc)
	erase(t, nc, "a-one")
	if _, err := do(t, nc, dir, "take", as); err != nil {
		t.Fatal(err)
	}
	if _, err := do(t, empty, dir, "restore", as); err != nil {
		t.Fatal(err)
	}
	if head, err := openLog(t, empty).Head(t.Context()); err != nil || head != 1 {
		t.Errorf("restored up to message %d, %v", head, err)
	}
}

// deployed is a connection of the gateway's to a broker without a log, with the users of chart and compose.
func deployed(t *testing.T) *nats.Conn {
	t.Helper()
	users, err := os.ReadFile("../../deploy/k8s/files/users.conf")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "users.conf")
	if err := os.WriteFile(path, users, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(bustest.StartServer(t, options).ClientURL(), append(config.As("gateway", "pGATEWAY"), bustest.Patient)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
