package compose_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// engine is a Docker engine in process, mount and network namespaces of its own: with its first process, dockerd, the kernel
// ends all that it has started, and its bridges and firewall rules are gone.
type engine struct {
	*testing.T
	process *exec.Cmd
	// dir holds its socket; data, which outlives it, images and what builds keep.
	dir, data string
}

// first is what runs in the namespaces: dockerd, once there are its own /proc and /run and a loopback that is up. Its garbage
// collection bounds what builds keep from one run to the next.
const first = `set -e
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
/bin/busybox ip link set lo up
exec dockerd --config-file "$1/dockerd.json" --data-root "$2" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock"`

const settings = `{"builder": {"gc": {"enabled": true, "defaultKeepStorage": "6GB"}}}`

// startEngine starts one whose data lies in the user's cache: what was built on a base stays built.
func startEngine(t *testing.T) *engine {
	t.Helper()
	// Short, because paths of sockets end at 108 bytes.
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cache := cacheFolder(t)
	e := &engine{T: t, dir: dir, data: filepath.Join(cache, "data")}
	lock, err := os.Create(filepath.Join(cache, "lock"))
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		t.Fatalf("the engine's folder %s is in use: %v", cache, err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if err := os.WriteFile(filepath.Join(dir, "dockerd.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	e.process = exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", first, "sh", dir, e.data)
	var said bytes.Buffer
	e.process.Stdout, e.process.Stderr = &said, &said
	if err := guard.Join(e.process); err != nil {
		t.Fatal(err)
	}
	if err := e.process.Start(); err != nil {
		t.Fatalf("start the engine: %v", err)
	}
	t.Cleanup(func() { e.stop(&said) })
	waittest.Eventually(t, func() error {
		return exec.CommandContext(t.Context(), docker, "--host", e.host(), "version").Run()
	})
	return e
}

// stop ends the engine as its service manager would. What it said is shown where the test failed.
func (e *engine) stop(said *bytes.Buffer) {
	_ = e.inside("kill", "-TERM", "1").Run()
	ended := make(chan error, 1)
	go func() { ended <- e.process.Wait() }()
	select {
	case <-ended:
	case <-time.After(waittest.Patience()):
		_ = e.process.Process.Kill()
		<-ended
	}
	if e.Failed() {
		e.Logf("the engine's last words:\n%s", said.Bytes()[max(0, said.Len()-4<<10):])
	}
}

func (e *engine) host() string { return "unix://" + filepath.Join(e.dir, "docker.sock") }

// namespace is the file that is one of the engine's namespaces, of which the process is in those of network and mounts.
func (e *engine) namespace(name string) string {
	return fmt.Sprintf("/proc/%d/ns/%s", e.process.Process.Pid, name)
}

// inside is a command among the engine's processes, whose numbers it shares.
func (e *engine) inside(words ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--mount=" + e.namespace("mnt"), "--pid=" + e.namespace("pid_for_children"), "--"}, words...)...)
}

// listen listens in the engine's network, on all addresses that its containers may know it by. Who accepts is of this
// machine's network as before.
func (e *engine) listen(port int) net.Listener {
	e.Helper()
	type answer struct {
		listener net.Listener
		err      error
	}
	answers := make(chan answer)
	go func() {
		// Never unlocked: the thread ends with this goroutine instead of being handed to another.
		runtime.LockOSThread()
		file, err := os.Open(e.namespace("net"))
		if err == nil {
			defer file.Close()
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			answers <- answer{err: err}
			return
		}
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", fmt.Sprintf("0.0.0.0:%d", port))
		answers <- answer{listener, err}
	}()
	a := <-answers
	if a.err != nil {
		e.Fatalf("listen on port %d of the engine's network: %v", port, a.err)
	}
	e.Cleanup(func() { _ = a.listener.Close() })
	return a.listener
}

// docker runs Docker's client with the engine and answers what it prints.
func (e *engine) docker(input *bytes.Buffer, words ...string) string {
	e.Helper()
	command := exec.CommandContext(e.Context(), docker, append([]string{"--host", e.host()}, words...)...)
	if input != nil {
		command.Stdin = input
	}
	output, err := command.CombinedOutput()
	if err != nil {
		e.Fatalf("docker %v: %v\n%s", words, err, output)
	}
	return string(output)
}
