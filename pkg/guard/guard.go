// Package guard makes sure that processes end with the one that started them, even when
// that one is killed without a chance to say anything.
//
// A Group is a process group led by a guard: this program again, doing nothing but
// waiting for the end of a pipe whose other end only the starter holds. When the
// starter is gone, for whatever reason, the pipe ends and the guard kills its group,
// itself included. Nothing is registered, so there is no moment in which a process
// runs unregistered: a process joins the group between fork and exec, and until its
// exec it holds a copy of the pipe's end, so the pipe can't end before it has joined.
//
// Why not the parent-death signal of Linux: it reaches children only, not the compilers
// below `go build`, belongs to a thread rather than to a process, and exists nowhere
// else. Why not one group per process: what is supervised for hours can share one.
// A process that leaves the group (PostgreSQL's backends do) must notice its parent's
// end by itself.
package guard

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// Argument is what this program is started with to be a guard. Whoever uses this package
// calls Main first thing in main.
const Argument = "guard-a-process-group"

// Group is a process group that ends with this process. Made by New.
type Group struct {
	command *exec.Cmd
	held    *os.File
	ended   chan struct{}
	once    sync.Once
}

// Main turns this process into a guard and never returns when it was started as one;
// otherwise it does nothing.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != Argument {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = syscall.Kill(0, syscall.SIGKILL)
	os.Exit(1)
}

// New starts a guard and with it an empty group.
func New() (*Group, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	read, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	command := exec.Command(self, Argument)
	command.Dir = "/"
	command.Env = []string{}
	command.Stdin = read
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = command.Start()
	_ = read.Close()
	if err != nil {
		_ = held.Close()
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	g := &Group{command: command, held: held, ended: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(g.ended)
	}()
	return g, nil
}

// Join makes command, which isn't started yet, a member of the group. It keeps what else
// stands in its attributes.
func (g *Group) Join(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	command.SysProcAttr.Pgid = g.command.Process.Pid
}

// shared is the group of everything that ends with this process and with nothing before it.
var shared = sync.OnceValues(New)

// Join makes command, which isn't started yet, end with this process however that ends: a test's by a time-out, say.
// What calls it shares one group.
func Join(command *exec.Cmd) error {
	group, err := shared()
	if err != nil {
		return err
	}
	group.Join(command)
	return nil
}

// Ended is closed once the guard is gone. When nobody called Kill, somebody else killed
// it, and the group's processes live unguarded.
func (g *Group) Ended() <-chan struct{} { return g.ended }

// Kill ends every process of the group at once. It may be called more than once.
func (g *Group) Kill() {
	g.once.Do(func() {
		_ = g.held.Close()
		select {
		case <-g.ended:
			_ = syscall.Kill(-g.command.Process.Pid, syscall.SIGKILL)
		default:
		}
	})
	<-g.ended
}

// Run runs command in a group of its own and waits for it. When ctx ends first the whole
// group is killed, so nothing that command started survives it, and ctx's error is
// returned. What command left running when it ended by itself is killed too.
func Run(ctx context.Context, command *exec.Cmd) error {
	group, err := New()
	if err != nil {
		return err
	}
	defer group.Kill()
	group.Join(command)
	if err := command.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, group.Kill)
	defer stop()
	err = command.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
