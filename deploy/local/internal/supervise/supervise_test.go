package supervise_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// bundle is a supervisor and everything it has reported.
type bundle struct {
	*supervise.Supervisor
	reports chan supervise.Status
}

func setup(t *testing.T) *bundle {
	t.Helper()
	group, err := guard.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(group.Kill)
	b := &bundle{reports: make(chan supervise.Status, 1000)}
	b.Supervisor = supervise.New(group, t.TempDir(), func(s supervise.Status) { b.reports <- s })
	return b
}

// next waits for the next report of name that is in state.
func (b *bundle) next(t *testing.T, name string, state supervise.State) supervise.Status {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case s := <-b.reports:
			if s.Name == name && s.State == state {
				return s
			}
		case <-deadline:
			t.Fatalf("%s never became %s", name, state)
		}
	}
}

func shell(name, script string) supervise.Program {
	return supervise.Program{Name: name, Make: func() (*exec.Cmd, error) {
		return exec.Command("sh", "-c", script), nil
	}}
}

func TestAKilledProgramComesBack(t *testing.T) {
	b := setup(t)
	b.Start(shell("worker", "exec sleep 1000"))
	first := b.next(t, "worker", supervise.Running)
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if s := b.next(t, "worker", supervise.Pausing); !strings.Contains(s.Ended, "killed") {
		t.Errorf("ended %q, want it to say killed", s.Ended)
	}
	second := b.next(t, "worker", supervise.Running)
	if second.PID == first.PID || second.Starts != 2 {
		t.Errorf("second start is pid %d, start %d", second.PID, second.Starts)
	}
	b.Stop(t.Context(), "worker")
	if syscall.Kill(second.PID, 0) == nil {
		t.Error("stopped, and still there")
	}
}

func TestAProgramThatEndsAtOnceIsPausedLonger(t *testing.T) {
	b := setup(t)
	b.Start(shell("broken", "echo no such address >&2; exit 2"))
	first := b.next(t, "broken", supervise.Pausing)
	second := b.next(t, "broken", supervise.Pausing)
	if second.Pause <= first.Pause {
		t.Errorf("pauses %s, then %s", first.Pause, second.Pause)
	}
	if want := "exit status 2: no such address"; second.Ended != want {
		t.Errorf("ended %q, want %q", second.Ended, want)
	}
	b.Stop(t.Context(), "broken")
	if s := b.next(t, "broken", supervise.Stopped); s.PID != 0 {
		t.Errorf("stopped with pid %d", s.PID)
	}
}

func TestACommandThatCannotBeMadeIsTriedAgain(t *testing.T) {
	b := setup(t)
	b.Start(supervise.Program{Name: "absent", Make: func() (*exec.Cmd, error) {
		return exec.Command(filepath.Join(t.TempDir(), "absent")), nil
	}})
	if s := b.next(t, "absent", supervise.Pausing); !strings.Contains(s.Ended, "no such file") {
		t.Errorf("ended %q", s.Ended)
	}
	b.Stop(t.Context(), "absent")
}

func TestStopIsPoliteFirst(t *testing.T) {
	b := setup(t)
	for _, name := range []string{"gateway", "broker"} {
		script := "trap 'echo bye from " + name + "; exit 0' INT; echo up; while :; do sleep 0.01; done"
		program := shell(name, script)
		program.Signal = syscall.SIGINT
		b.Start(program)
		b.await(t, name, "up")
	}
	var order []string
	for _, name := range []string{"gateway", "broker"} {
		b.Stop(t.Context(), name)
		b.await(t, name, "bye from "+name)
		for _, s := range b.Status() {
			if s.State == supervise.Stopped && !slices.Contains(order, s.Name) {
				order = append(order, s.Name)
			}
		}
	}
	if !slices.Equal(order, []string{"gateway", "broker"}) {
		t.Errorf("stopped in order %v", order)
	}
}

func TestAStubbornProgramIsKilledAfterItsGrace(t *testing.T) {
	b := setup(t)
	program := shell("stubborn", "trap '' TERM; echo up; while :; do sleep 0.01; done")
	program.Grace = 50 * time.Millisecond
	b.Start(program)
	b.await(t, "stubborn", "up")
	b.Stop(t.Context(), "stubborn")
	b.next(t, "stubborn", supervise.Stopped)
}

func TestAnEndedContextKillsAtOnce(t *testing.T) {
	b := setup(t)
	program := shell("stubborn", "trap '' TERM; echo up; while :; do sleep 0.01; done")
	program.Grace = time.Hour
	b.Start(program)
	b.await(t, "stubborn", "up")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Stop(ctx, "stubborn")
	b.next(t, "stubborn", supervise.Stopped)
}

// await polls the log of name until it holds line.
func (b *bundle) await(t *testing.T, name, line string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		log, _ := os.ReadFile(b.Log(name))
		if slices.Contains(strings.Split(string(log), "\n"), line) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never said %q, but %q", name, line, log)
		}
		<-time.After(5 * time.Millisecond)
	}
}
