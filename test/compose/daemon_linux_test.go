package compose_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// daemon is Docker's in process, mount and network namespaces of its own: with its first process, dockerd, the kernel
// ends all that it has started, and its bridges and firewall rules are gone.
type daemon struct {
	*testing.T
	process *exec.Cmd
	// dir holds its socket; data, which outlives it, images and what builds keep.
	dir, data string
}

// first is what runs in the namespaces: dockerd, once there are its own /proc, /run and /etc/docker, where it puts a key, and a
// loopback that is up. Its garbage collection bounds what builds keep from one run to the next.
const first = `set -e
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /etc/docker
mount -t tmpfs tmpfs /etc/docker
/bin/busybox ip link set lo up
exec dockerd --config-file "$1/dockerd.json" --data-root "$2" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock"`

const settings = `{"builder": {"gc": {"enabled": true, "defaultKeepStorage": "6GB"}}}`

// startDaemon starts one whose data lies in the user's cache: what was built on a base stays built.
func startDaemon(t *testing.T) *daemon {
	t.Helper()
	// Short, because paths of sockets end at 108 bytes.
	dir, err := os.MkdirTemp("", "dockerd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cache := cacheFolder(t)
	d := &daemon{T: t, dir: dir, data: filepath.Join(cache, "data")}
	lock, err := os.Create(filepath.Join(cache, "lock"))
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		t.Fatalf("the daemon's folder %s is in use: %v", cache, err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if err := os.WriteFile(filepath.Join(dir, "dockerd.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	d.process = exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", first, "sh", dir, d.data)
	var said bytes.Buffer
	d.process.Stdout, d.process.Stderr = &said, &said
	if err := guard.Join(d.process); err != nil {
		t.Fatal(err)
	}
	if err := d.process.Start(); err != nil {
		t.Fatalf("start dockerd: %v", err)
	}
	t.Cleanup(func() { d.stop(&said) })
	waittest.Eventually(t, func() error {
		return exec.CommandContext(t.Context(), docker, "--host", d.host(), "version").Run()
	})
	return d
}

// stop ends the daemon as its service manager would. What it said is shown where the test failed.
func (d *daemon) stop(said *bytes.Buffer) {
	if output, err := d.inside("kill", "-TERM", "1").CombinedOutput(); err != nil {
		d.Errorf("tell dockerd to end: %v %s", err, output)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.process.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			d.Errorf("dockerd ended: %v", err)
		}
	case <-time.After(waittest.Patience()):
		d.Error("dockerd goes on when it is told to end")
		_ = d.process.Process.Kill()
		<-ended
	}
	if d.Failed() {
		d.Logf("the daemon's last words:\n%s", said.Bytes()[max(0, said.Len()-4<<10):])
	}
}

func (d *daemon) host() string { return "unix://" + filepath.Join(d.dir, "docker.sock") }

// namespace is the file that is one of the daemon's namespaces, of which the process is in those of network and mounts.
func (d *daemon) namespace(name string) string {
	return fmt.Sprintf("/proc/%d/ns/%s", d.process.Process.Pid, name)
}

// inside is a command among the daemon's processes, whose numbers it shares.
func (d *daemon) inside(words ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--mount=" + d.namespace("mnt"), "--pid=" + d.namespace("pid_for_children"), "--"}, words...)...)
}

// listen listens in the daemon's network, on all addresses that its containers may know it by. Who accepts is of this
// machine's network as before.
func (d *daemon) listen(port int) net.Listener {
	d.Helper()
	listener, err := platform.ListenIn(d.Context(), d.process.Process.Pid, "tcp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		d.Fatalf("listen on port %d of the daemon's network: %v", port, err)
	}
	d.Cleanup(func() { _ = listener.Close() })
	return listener
}

// docker runs Docker's client with the daemon and answers what it prints.
func (d *daemon) docker(words ...string) string {
	d.Helper()
	command := exec.CommandContext(d.Context(), docker, append([]string{"--host", d.host()}, words...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		d.Fatalf("docker %v: %v\n%s", words, err, output)
	}
	return string(output)
}
