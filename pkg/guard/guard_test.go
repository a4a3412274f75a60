package guard_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
)

// family is the argument that makes the test binary a starter: it starts a shell with a
// child in a guarded group, prints their pids, and waits to be killed.
const family = "start-a-guarded-family"

// script ignores the polite signals, as a stuck compiler might, and has a child that does so too.
const script = `trap '' TERM INT HUP; sleep 1000 & echo $$ $!; wait`

func TestMain(m *testing.M) {
	guard.Main()
	if len(os.Args) == 2 && os.Args[1] == family {
		startFamily()
	}
	os.Exit(m.Run())
}

func startFamily() {
	group, err := guard.New()
	if err != nil {
		panic(err)
	}
	command := exec.Command("sh", "-c", script)
	command.Stdout = os.Stdout
	group.Join(command)
	if err := command.Start(); err != nil {
		panic(err)
	}
	select {}
}

func pids(t *testing.T, out io.Reader) []int {
	t.Helper()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read the pids: %v", err)
	}
	var found []int
	for word := range strings.FieldsSeq(line) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, pid)
	}
	return found
}

// gone waits until none of the processes runs. A killed one that nobody has reaped yet
// counts as gone: where the test runs, pid 1 may be slow to reap.
func gone(t *testing.T, pids []int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for _, pid := range pids {
		for running(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d still runs", pid)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
}

func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func TestAGroupEndsWithItsKilledStarter(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	starter := exec.Command(self, family)
	out, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	members := pids(t, out)
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	gone(t, members)
}

func TestKillEndsTheWholeGroup(t *testing.T) {
	group, err := guard.New()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sh", "-c", script)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	group.Join(command)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	members := pids(t, out)
	group.Kill()
	_ = command.Wait()
	gone(t, members)
	group.Kill()
}

func TestRunKillsWhatACancelledCommandStarted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	command := exec.Command("sh", "-c", script)
	command.Stdout = write
	ran := make(chan error, 1)
	go func() { ran <- guard.Run(ctx, command) }()
	members := pids(t, read)
	cancel()
	if err := <-ran; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	gone(t, members)
}

func TestRunAnswersTheCommandsOwnError(t *testing.T) {
	var exit *exec.ExitError
	if err := guard.Run(t.Context(), exec.Command("sh", "-c", "exit 3")); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("error %v, want exit status 3", err)
	}
}
