// Package supervise keeps programs running: each has a log file of its own, is started
// again with a growing pause when it ends by itself, and is stopped politely first and
// by force after a bound. All of them are members of one guarded group, so they end with
// the supervisor however it ends.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
)

// Bounds of the pause before a program that ended is started again. It doubles with each
// end and starts over once the program has lived for healthy.
const (
	firstPause = 250 * time.Millisecond
	longPause  = 10 * time.Second
	healthy    = 30 * time.Second
)

// grace is how long a program has to end when it doesn't say otherwise.
const grace = 10 * time.Second

// Program is what is to be kept running.
type Program struct {
	Name string
	// Make makes a fresh command for each start. Its output is taken over; its environment
	// is what Make says and nothing else.
	Make func() (*exec.Cmd, error)
	// Signal asks it to end; zero is SIGTERM.
	Signal syscall.Signal
	// Grace is how long it has to follow; zero is ten seconds.
	Grace time.Duration
}

// State is where a program stands.
type State string

// Each state says who moves a program on.
const (
	Starting State = "starting" // the supervisor, as soon as the operating system has started it
	Running  State = "running"  // the program, by ending, or Stop
	Pausing  State = "pausing"  // the supervisor, after the pause, or Stop
	Stopping State = "stopping" // the program, by ending, or the supervisor, by force
	Stopped  State = "stopped"  // nobody
)

// Status describes one program at one moment. It is written for `local status` too.
type Status struct {
	Name   string    `json:"name"`
	State  State     `json:"state"`
	PID    int       `json:"pid,omitempty"`
	Since  time.Time `json:"since"`
	Starts int       `json:"starts"`
	// Ended is how the last run ended, in words, with the last line of the log.
	Ended string        `json:"ended,omitempty"`
	Pause time.Duration `json:"-"`
}

// Supervisor holds the programs. Made by New; safe for concurrent use.
type Supervisor struct {
	group  *guard.Group
	logs   string
	report func(Status)

	mu        sync.Mutex
	processes []*process
}

// New makes a supervisor whose programs join group and log to files in logs, a folder
// that exists. report is called with each change, from many goroutines; it must not call
// back.
func New(group *guard.Group, logs string, report func(Status)) *Supervisor {
	return &Supervisor{group: group, logs: logs, report: report}
}

// Log is the path of the log of the program called name.
func (s *Supervisor) Log(name string) string {
	return filepath.Join(s.logs, name+".log")
}

// Start starts a program and keeps it running until Stop. It returns at once. One of the
// same name must have been stopped before.
func (s *Supervisor) Start(program Program) {
	if program.Signal == 0 {
		program.Signal = syscall.SIGTERM
	}
	if program.Grace == 0 {
		program.Grace = grace
	}
	p := &process{
		supervisor: s,
		program:    program,
		stop:       make(chan struct{}),
		force:      make(chan struct{}),
		stopped:    make(chan struct{}),
		status:     Status{Name: program.Name, State: Starting, Since: time.Now()},
	}
	s.mu.Lock()
	s.processes = append(slices.DeleteFunc(s.processes, func(old *process) bool {
		return old.program.Name == program.Name
	}), p)
	s.mu.Unlock()
	go p.run()
}

// Stop ends the program called name and returns when it is gone. When ctx ends first, it
// is killed. A name that was never started is nothing to stop.
func (s *Supervisor) Stop(ctx context.Context, name string) {
	s.mu.Lock()
	var found *process
	for _, p := range s.processes {
		if p.program.Name == name {
			found = p
		}
	}
	s.mu.Unlock()
	if found == nil {
		return
	}
	found.asked.Do(func() { close(found.stop) })
	select {
	case <-found.stopped:
	case <-ctx.Done():
		found.forced.Do(func() { close(found.force) })
		<-found.stopped
	}
}

// Status describes all programs, in the order in which they were started.
func (s *Supervisor) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, 0, len(s.processes))
	for _, p := range s.processes {
		all = append(all, p.status)
	}
	return all
}

// process is one program and its present run.
type process struct {
	supervisor *Supervisor
	program    Program

	stop, force, stopped chan struct{}
	asked, forced        sync.Once

	status Status // guarded by the supervisor's mu
}

// run starts the program again and again until it is asked to stop.
func (p *process) run() {
	defer close(p.stopped)
	pause := firstPause
	for {
		began := time.Now()
		err := p.once()
		select {
		case <-p.stop:
			p.change(func(s *Status) { s.State, s.PID, s.Ended = Stopped, 0, "" })
			return
		default:
		}
		if time.Since(began) >= healthy {
			pause = firstPause
		}
		p.change(func(s *Status) { s.State, s.PID, s.Ended, s.Pause = Pausing, 0, p.words(err), pause })
		select {
		case <-p.stop:
			p.change(func(s *Status) { s.State, s.Ended = Stopped, "" })
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

// once runs the program from its start to its end.
func (p *process) once() error {
	command, err := p.program.Make()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.supervisor.Log(p.program.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	p.supervisor.group.Join(command)
	if err := command.Start(); err != nil {
		return err
	}
	p.change(func(s *Status) {
		s.State, s.PID, s.Starts, s.Pause = Running, command.Process.Pid, s.Starts+1, 0
	})
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-p.stop:
	}
	p.change(func(s *Status) { s.State = Stopping })
	return p.end(command.Process, ended)
}

// end asks the process to go and makes it go after the grace, or when it is to be forced.
func (p *process) end(running *os.Process, ended <-chan error) error {
	_ = running.Signal(p.program.Signal)
	select {
	case err := <-ended:
		return err
	case <-time.After(p.program.Grace):
	case <-p.force:
	}
	_ = running.Kill()
	return <-ended
}

func (p *process) change(edit func(*Status)) {
	p.supervisor.mu.Lock()
	edit(&p.status)
	p.status.Since = time.Now()
	status := p.status
	p.supervisor.mu.Unlock()
	p.supervisor.report(status)
}

// words says how a run ended and, unless it was killed from outside, what it said last.
func (p *process) words(err error) string {
	if err == nil {
		err = errors.New("exit status 0")
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 {
		return err.Error()
	}
	if line := lastLine(p.supervisor.Log(p.program.Name)); line != "" {
		return err.Error() + ": " + line
	}
	return err.Error()
}
