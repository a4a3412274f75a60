package tiers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// runner is what the tiers work on and with.
type runner struct {
	options     Options
	repo, cache string
	out         io.Writer
	modules     []module
	// loaded is done when the modules' packages are known.
	loaded  sync.Once
	skips   skips
	cluster *cluster
	// programs answers the paths of the platform's programs, which it builds when it is first asked.
	programs func() (map[string]string, error)
	// mu keeps apart what is told by those that run at once, batches and what goes on in the background.
	mu sync.Mutex
}

// shift is one tier's turn: what it works with, and what came of it.
type shift struct {
	*runner
	tally tally
	bill  bill
}

func newRunner(ctx context.Context, out io.Writer, o Options) (*runner, error) {
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return nil, fmt.Errorf("find the clone: %w", err)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the cache folder: %w", err)
	}
	r := &runner{repo: strings.TrimSpace(string(top)), cache: filepath.Join(base, "store-platform"), out: out, options: o}
	r.programs = sync.OnceValues(func() (map[string]string, error) { return r.buildPrograms(ctx) })
	if r.skips, err = readSkips(filepath.Join(r.repo, "test", "skips.txt")); err != nil {
		return nil, err
	}
	if r.modules, err = findModules(ctx, r.repo); err != nil {
		return nil, err
	}
	return r, nil
}

// killGrace is how long an interrupted command gets to end by itself.
const killGrace = 20 * time.Second

// command prepares a command in dir of the clone. It gets a process group of its own, which ctx's end interrupts: a
// Ctrl-C reaches the tests once, by us, and not a second time by the terminal.
func (r *runner) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = filepath.Join(r.repo, dir)
	c.Env = append(os.Environ(), buildFlags()...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) }
	c.WaitDelay = killGrace
	return c
}

// buildFlags are the ones that deploy/local builds with. With others the same packages would be compiled once more:
// three minutes for Kubernetes' client alone. GOWORK=off because a workspace hides what a go.mod lacks.
func buildFlags() []string {
	return []string{"GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=" + strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath")}
}

// check runs a command that says nothing when all is well, and counts as one test. What it says is shown when it fails.
func (r *shift) check(name string, command *exec.Cmd) {
	began := time.Now()
	output, err := command.CombinedOutput()
	r.spent(command)
	r.settle(name, began, string(output), err)
}

// spent adds what a command cost that has ended, and what that has started; nil was never started.
func (r *shift) spent(command *exec.Cmd) {
	if command == nil || command.ProcessState == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bill.CPU += (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds()
}

func (r *shift) settle(name string, began time.Time, output string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cost := testCost{Name: name, Wall: time.Since(began).Seconds(), check: true}
	took := time.Since(began).Round(100 * time.Millisecond)
	if err != nil {
		cost.Error = fmt.Sprintf("%v\n%s", err, output)
	}
	r.bill.Tests = append(r.bill.Tests, cost)
	if err != nil {
		fmt.Fprintf(r.out, "✖  %s (%s): %v\n%s\n", name, took, err, strings.TrimSpace(output))
		r.tally.fail(name)
		return
	}
	fmt.Fprintf(r.out, "✓  %s (%s)\n", name, took)
	r.tally.passed++
}
