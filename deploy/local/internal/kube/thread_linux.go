package kube

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespaces are those of the sandbox, in the order of joining them: the mount namespace
// comes last because the files that name the others are found by the old one.
var namespaces = []struct {
	name string
	flag int
}{
	{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"net", unix.CLONE_NEWNET},
	{"pid", unix.CLONE_NEWPID}, {"mnt", unix.CLONE_NEWNS},
}

var errThreadEnded = errors.New("the cluster is stopped")

// thread runs functions on one operating system thread of its own, which first joined
// some namespaces. A process started there is born inside the sandbox and is still a
// child of this program: Wait and Kill work on it, which they don't through nsenter,
// because nsenter forks to enter a process namespace.
type thread struct {
	calls chan func()
	quit  chan struct{}
}

// newThread starts a thread and runs enter on it first.
func newThread(enter func() error) (*thread, error) {
	t := &thread{calls: make(chan func()), quit: make(chan struct{})}
	entered := make(chan error, 1)
	go t.occupy(enter, entered)
	if err := <-entered; err != nil {
		return nil, err
	}
	return t, nil
}

// occupy locks a thread and never unlocks it, so that the runtime ends it with this goroutine
// instead of handing a thread that lives elsewhere to other goroutines. The main thread
// can't be ended like that and would keep the namespaces alive: when this goroutine happens
// to run there, it blocks that thread until another goroutine has found another one.
func (t *thread) occupy(enter func() error, entered chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		passed := make(chan error, 1)
		go t.occupy(enter, passed)
		err := <-passed
		runtime.UnlockOSThread()
		entered <- err
		return
	}
	err := enter()
	entered <- err
	if err != nil {
		return
	}
	for {
		select {
		case call := <-t.calls:
			call()
		case <-t.quit:
			return
		}
	}
}

// do runs call on the thread and waits for it.
func (t *thread) do(call func() error) error {
	result := make(chan error, 1)
	select {
	case t.calls <- func() { result <- call() }:
		return <-result
	case <-t.quit:
		return errThreadEnded
	}
}

// start starts command on the thread.
func (t *thread) start(command *exec.Cmd) error { return t.do(command.Start) }

// end lets the thread go, and with it its hold on the namespaces.
func (t *thread) end() { close(t.quit) }

// join moves the calling thread into namespaces of the process pid: all, or only those named.
func join(pid int, only ...string) error {
	// A thread that shares its root and working folder with others can't change its
	// mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare the working folder: %w", err)
	}
	for _, namespace := range namespaces {
		if len(only) > 0 && only[0] != namespace.name {
			continue
		}
		path := fmt.Sprintf("/proc/%d/ns/%s", pid, namespace.name)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open namespace %s: %w", path, err)
		}
		err = unix.Setns(fd, namespace.flag)
		_ = unix.Close(fd)
		if err != nil {
			return fmt.Errorf("join namespace %s: %w", path, err)
		}
	}
	return nil
}
