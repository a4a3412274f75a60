package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/deploy/local/internal/state"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
)

func hold(t *testing.T, path string) *state.Dir {
	t.Helper()
	dir, err := state.Hold(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOneSupervisorHoldsTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".local")
	first := hold(t, path)
	_, err := state.Hold(path)
	var running *state.RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Fatalf("error %v, want that this process runs here", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := hold(t, path).Release(); err != nil {
		t.Fatal(err)
	}
}

func TestAnIdentityIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".local")
	dir := hold(t, path)
	first, err := dir.Identity([]string{"gateway"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := dir.Identity([]string{"gateway", "events"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Installation != second.Installation || first.Passwords["gateway"] != second.Passwords["gateway"] {
		t.Errorf("first %v, then %v", first, second)
	}
	if second.Passwords["events"] == "" || second.Passwords["events"] == second.Passwords["gateway"] {
		t.Error("a new user has no password of its own")
	}
	info, err := os.Stat(dir.Path("installation.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("passwords are readable: mode %v", info.Mode())
	}
}

func TestLookTellsWhatRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".local")
	if pid, _, _, err := state.Look(path); pid != 0 || err != nil {
		t.Fatalf("an absent folder: pid %d, %v", pid, err)
	}
	if state.IsState(path) {
		t.Error("an absent folder is a state folder")
	}
	dir := hold(t, path)
	endpoints := state.Endpoints{API: "http://127.0.0.1:1"}
	status := state.Status{Cluster: "ready", Processes: []supervise.Status{{Name: "gateway", State: supervise.Running, PID: 7}}}
	if err := errors.Join(dir.Announce(endpoints), dir.Report(status)); err != nil {
		t.Fatal(err)
	}
	pid, gotEndpoints, gotStatus, err := state.Look(path)
	if err != nil || pid != os.Getpid() {
		t.Fatalf("pid %d, %v", pid, err)
	}
	if diff := cmp.Diff(endpoints, gotEndpoints) + cmp.Diff(status, gotStatus); diff != "" {
		t.Error(diff)
	}
	if err := dir.Release(); err != nil {
		t.Fatal(err)
	}
	if pid, _, _, err := state.Look(path); pid != 0 || err != nil {
		t.Errorf("after release: pid %d, %v", pid, err)
	}
	if !state.IsState(path) {
		t.Error("the folder isn't known as one that may be removed")
	}
}
