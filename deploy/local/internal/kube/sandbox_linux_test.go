package kube

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownerArgument makes this test program a process that owns a sandbox until it is killed.
const ownerArgument = "own-a-sandbox"

// TestSandboxEndsWithItsOwner kills the program that holds a sandbox: whatever runs in there, and
// the cgroups, are gone soon. Without root there is no sandbox, and a refusal leaves as little.
func TestSandboxEndsWithItsOwner(t *testing.T) {
	state := t.TempDir()
	p := plan{State: state, Tools: t.TempDir(), Name: clusterName(state)}
	if os.Geteuid() != 0 {
		if _, err := startSandbox(p, os.Stderr, os.Stdin); err == nil {
			t.Error("a sandbox without root")
		}
		mustBeGone(t, state)
		return
	}
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.Command(os.Args[0], "-test.run=^TestOwner$", ownerArgument, string(encoded))
	output, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.StdinPipe(); err != nil { // it ends with this test, come what may
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	running := ""
	for running == "" && lines.Scan() {
		running, _ = strings.CutPrefix(lines.Text(), "running ")
	}
	if running == "" {
		t.Fatal("the owner didn't start its sandbox")
	}
	if len(Leftovers(state)) == 0 {
		t.Error("Leftovers doesn't see a running sandbox")
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	mustBeGone(t, state)
	if _, err := os.Stat(filepath.Join("/proc", running)); err == nil {
		t.Errorf("process %s of the sandbox still runs", running)
	}
}

// TestOwner is the owner's side of the test above; on its own it does nothing.
func TestOwner(t *testing.T) {
	if len(os.Args) < 2 || os.Args[len(os.Args)-2] != ownerArgument {
		return
	}
	var p plan
	if err := json.Unmarshal([]byte(os.Args[len(os.Args)-1]), &p); err != nil {
		t.Fatal(err)
	}
	s, err := startSandbox(p, os.Stderr, os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := newThread(func() error { return join(s.firstPID) })
	if err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "1000")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := inside.start(sleeper); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("running %d\n", sleeper.Process.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = sleeper.Wait()
}

// TestThreadJoins starts a process in a sandbox and asks it where it is.
func TestThreadJoins(t *testing.T) {
	if os.Geteuid() != 0 {
		return // refused, which is tested above
	}
	state := t.TempDir()
	s, err := startSandbox(plan{State: state, Tools: t.TempDir(), Name: clusterName(state)}, os.Stderr, os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := newThread(func() error { return join(s.firstPID) })
	if err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	command := exec.Command("sh", "-c", "hostname; ls "+insideState+"; ls /var/lib; sysctl -n vm.overcommit_memory; ip -o link | grep -c .")
	command.Stdout = &output
	if err := os.WriteFile(filepath.Join(state, "kept"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := inside.start(command); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := nodeName + "\nkept\n1\n2\n"; output.String() != want {
		t.Errorf("inside says %q, want %q", output.String(), want)
	}
	inside.end()
	if err := s.stop(clusterName(state)); err != nil {
		t.Error(err)
	}
	mustBeGone(t, state)
	if host, _ := os.Hostname(); host == nodeName {
		t.Error("the machine was renamed")
	}
}

func mustBeGone(t *testing.T, state string) {
	t.Helper()
	deadline := time.NewTimer(endGrace)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		left := Leftovers(state)
		if len(left) == 0 {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("left: %v", left)
		case <-tick.C:
		}
	}
}
