package kube

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Arguments that make this program the watchdog or the first process of a sandbox.
const (
	watchdogArgument = "watch-a-sandbox"
	initArgument     = "be-first-in-a-sandbox"
)

// plan is what the watchdog and the first process need to know.
type plan struct {
	State string // host path
	Tools string // host path
	Name  string // clusterName(State)
}

// sandbox is a running one, seen by the program that asked for it.
//
// There are three processes. This program holds the writing end of a pipe. The watchdog,
// in a session of its own, reads it: when it ends, because this program closed it or
// was killed at any moment, the watchdog ends the sandbox's first process, waits, and
// removes the cgroups, which alone survive their processes. The first process reads a
// pipe of the watchdog in turn, so it goes even when the watchdog is killed. With the
// first process of a process namespace the kernel kills every other one in it, and with
// the last process the namespaces' mounts, links and firewall rules are gone.
type sandbox struct {
	held     *os.File
	watchdog *exec.Cmd
	firstPID int
	exited   chan struct{}
	once     sync.Once
}

// Main turns this process into a sandbox's first process or its watchdog and never
// returns when it was started as one; otherwise it does nothing.
func Main() {
	if len(os.Args) != 3 {
		return
	}
	var run func(plan) error
	switch os.Args[1] {
	case watchdogArgument:
		run = watch
	case initArgument:
		run = beFirst
	default:
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	var p plan
	err := json.Unmarshal([]byte(os.Args[2]), &p)
	if err == nil {
		err = run(p)
	}
	if err != nil {
		fmt.Printf("error %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
	os.Exit(0)
}

// startSandbox starts an empty sandbox, after clearing what a killed watchdog may have
// left of the one before. The watchdog inherits lock, so that who waits for the state
// folder waits for the watchdog's cleaning too.
func startSandbox(p plan, log, lock *os.File) (*sandbox, error) {
	encoded, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	read, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the watchdog's pipe: %w", err)
	}
	watchdog := again(watchdogArgument, string(encoded), p)
	watchdog.Stdin = read
	watchdog.Stderr = log
	watchdog.ExtraFiles = []*os.File{lock}
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := watchdog.StdoutPipe()
	if err == nil {
		err = watchdog.Start()
	}
	_ = read.Close()
	if err != nil {
		_ = held.Close()
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	s := &sandbox{held: held, watchdog: watchdog, exited: make(chan struct{})}
	err = s.await(output)
	go func() {
		_, _ = io.Copy(io.Discard, output)
		_ = watchdog.Wait()
		close(s.exited)
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the sandbox: %w", err), s.stop(p.Name))
	}
	return s, nil
}

// await reads what watchdog and first process say until the sandbox is ready.
func (s *sandbox) await(output io.Reader) error {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "pid":
			if _, err := fmt.Sscan(rest, &s.firstPID); err != nil {
				return fmt.Errorf("read the watchdog's answer: %w", err)
			}
		case "error":
			return errors.New(rest)
		case "ready":
			return nil
		}
	}
	return errors.New("it ended before it was ready")
}

// stop ends everything in the sandbox and waits until nothing is left of it. The watchdog
// has removed the cgroups of the cluster called name, unless it was killed itself.
func (s *sandbox) stop(name string) error {
	s.once.Do(func() { _ = s.held.Close() })
	select {
	case <-s.exited:
		return removeCgroups(name)
	case <-time.After(endGrace):
		return fmt.Errorf("end the sandbox: the kernel hasn't ended its processes in %s", endGrace)
	}
}

// again is this program with other arguments.
func again(argument, encoded string, p plan) *exec.Cmd {
	command := exec.Command("/proc/self/exe", argument, encoded)
	command.Args[0] = filepath.Base(os.Args[0])
	command.Dir = "/"
	command.Env = []string{"PATH=" + toolPath, ownerVariable + "=" + p.Name}
	return command
}

// watch is the watchdog: it starts the first process, and when its pipe ends, ends it.
func watch(p plan) error {
	if err := removeCgroups(p.Name); err != nil {
		return err
	}
	if err := makeCgroups(p.Name); err != nil {
		return errors.Join(err, removeCgroups(p.Name))
	}
	read, held, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the first process's pipe: %w", err)
	}
	encoded, err := json.Marshal(p)
	if err != nil {
		return err
	}
	first := again(initArgument, string(encoded), p)
	first.Stdin, first.Stdout, first.Stderr = read, os.Stdout, os.Stderr
	first.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	err = first.Start()
	_ = read.Close()
	if err != nil {
		return errors.Join(fmt.Errorf("make the namespaces: %w", err), removeCgroups(p.Name))
	}
	fmt.Printf("pid %d\n", first.Process.Pid)
	ended := make(chan struct{})
	go func() {
		_ = first.Wait()
		close(ended)
	}()
	orphaned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(orphaned)
	}()
	select {
	case <-orphaned:
		_ = held.Close()
		_ = first.Process.Kill()
		<-ended
	case <-ended:
	}
	return removeCgroups(p.Name)
}
