package cluster_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// clone is where that is, seen from this package.
const clone = "../.."

var (
	storeLine = regexp.MustCompile(`(?m)^store ([a-z][a-z0-9]{11}):$`)
	storeID   = regexp.MustCompile(`"id":"([a-z][a-z0-9]{11})"`)
)

// run runs bash in the clone, with the platform under test where a user has `make up`.
func (b *bench) run(args ...string) string {
	b.Helper()
	command := exec.CommandContext(b.Context(), "bash", args...)
	command.Dir = clone
	command.Env = append(os.Environ(), "STORE_API="+b.API, "STORE_DOOR="+b.Stores, fmt.Sprintf("PATIENCE=%.0f", 4*waittest.Patience().Seconds()))
	output, err := command.CombinedOutput()
	if err != nil {
		b.Fatalf("bash %v: %v\n%s", args, err, output)
	}
	return string(output)
}

func TestTheDemoMakesAStoreInWhichOneCanBuy(t *testing.T) {
	b := setup(t)
	found := storeLine.FindStringSubmatch(b.run("scripts/demo.sh", "Demo"))
	if found == nil {
		t.Fatal("the demo names no store")
	}
	id := store.ID(found[1])
	b.Cleanup(func() { b.remove(id) })
	b.run("scripts/order.sh", string(id))
}

func TestTheSmokeTestPasses(t *testing.T) {
	setup(t).run("scripts/smoke.sh")
}

func TestTheScriptsFailWhenTheirStepFails(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"demo.sh", "smoke.sh", "order.sh"} {
		command := exec.CommandContext(t.Context(), "bash", filepath.Join("scripts", script))
		command.Dir = clone
		// A port that refuses: nothing can listen on it.
		command.Env = append(os.Environ(), "STORE_API=http://127.0.0.1:1", "PATIENCE=1")
		if output, err := command.CombinedOutput(); err == nil {
			t.Errorf("%s passed without a platform:\n%s", script, output)
		}
	}
}

// commands are README's that ask the API.
func commands(t *testing.T, accounts bool) []string {
	t.Helper()
	blocks, err := repo.Commands(clone, accounts)
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// README's commands are run in its order, with the addresses of the platform under test. Between them the store that the
// first one made becomes Ready and, as README tells its reader to, $id is set.
func TestTheReadmesCommandsWork(t *testing.T) {
	b := setup(t)
	_, port, err := net.SplitHostPort(b.Stores)
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("http://127.0.0.1:8080", b.API, "http://127.0.0.1:8088", "http://"+b.Stores, "localhost:8088", "localhost:"+port)
	var id store.ID
	for _, block := range commands(t, false) {
		output := b.run("-euo", "pipefail", "-c", "id="+string(id)+"\n"+here.Replace(block))
		if id == "" {
			id = b.followNew(output)
		}
	}
	if id == "" {
		t.Fatal("README's commands make no store")
	}
	if s := b.Get(t, id); s.Status != store.Deleting && s.Status != store.Deleted {
		t.Fatalf("after README's last command the store is %s", s.Status)
	}
}

// followNew waits for the store that curl's output tells of to be Ready.
func (b *bench) followNew(output string) store.ID {
	b.Helper()
	found := storeID.FindStringSubmatch(output)
	if found == nil {
		b.Fatalf("no store in %s", output)
	}
	id := store.ID(found[1])
	b.Cleanup(func() { b.remove(id) })
	b.Follow(b.T, b.before(query.Store{ID: id, Generation: b.Get(b.T, id).Generation}), id).UntilType(b.T, store.BecameReady)
	return id
}
