package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

// disk is a filesystem of its own in a file: what it hasn't been made to write isn't in the file.
type disk struct{ image, dir string }

// newDisk makes an ext4 filesystem of so many MiB. Mounting it takes root.
func newDisk(t *testing.T, size int) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a filesystem takes root")
	}
	d := &disk{image: filepath.Join(t.TempDir(), "disk.img")}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, int64(size)<<20); err != nil {
		t.Fatal(err)
	}
	command(t, "mkfs.ext4", "-q", "-F", d.image)
	d.mount(t)
	return d
}

// mount replays the journal, as after a power cut. Nothing is written to the disk by the passing of time: only what a
// program insists on (fsync) gets there.
//
// It is mounted for a process of its own only, which ends with this one, and the mount with it, however that ends. Others
// reach it by that process's view of the file system.
func (d *disk) mount(t *testing.T) {
	t.Helper()
	place := t.TempDir()
	holder := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount -o loop,commit=3600 "$1" "$2" && echo mounted && exec cat`, "sh", d.image, place)
	var said bytes.Buffer
	holder.Stderr = &said
	output, err := holder.StdoutPipe()
	if err == nil {
		_, err = holder.StdinPipe()
	}
	if err == nil {
		err = guard.Join(holder)
	}
	if err == nil {
		err = holder.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		t.Fatalf("mount %s: %v after %q\n%s", d.image, err, line, said.Bytes())
	}
	d.dir = filepath.Join("/proc", strconv.Itoa(holder.Process.Pid), "root", place)
}

// cut answers the disk as it is on the device this moment, without what the page cache holds.
func (d *disk) cut(t *testing.T) *disk {
	t.Helper()
	copied := &disk{image: filepath.Join(t.TempDir(), "cut.img")}
	command(t, "cp", "--sparse=always", d.image, copied.image)
	copied.mount(t)
	return copied
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if output, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, output)
	}
}

// process is the broker as it runs on a user's machine: the program, with the configuration that package broker writes.
type process struct {
	t       *testing.T
	command *exec.Cmd
	url     string
	ended   chan struct{}
}

func program(t *testing.T) string {
	t.Helper()
	path, err := programtest.Path(t.Context(), "store-broker")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// launch runs the program on a folder until the test ends. change edits the configuration.
func launch(t *testing.T, program, dir string, change ...func([]byte) []byte) *process {
	t.Helper()
	address := freeAddress(t)
	text, err := broker.Config(broker.Settings{Address: address, Store: filepath.Join(dir, "log"), Passwords: passwords()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		text = c(text)
	}
	path := filepath.Join(t.TempDir(), "broker.conf")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, command: exec.Command(program, path), url: "nats://" + address, ended: make(chan struct{})}
	var output bytes.Buffer
	p.command.Stdout, p.command.Stderr = &output, &output
	if err := guard.Join(p.command); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.command.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the broker said:\n%s", output.Bytes())
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// connect waits for the broker and answers a connection that comes back by itself.
func (p *process) connect(user string) *nats.Conn {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		nc, err := nats.Connect(p.url, append(config.As(user, passwords()[user]), nats.MaxReconnects(-1))...)
		if err == nil {
			p.t.Cleanup(nc.Close)
			return nc
		}
		if time.Now().After(deadline) {
			p.t.Fatal(err)
		}
		select {
		case <-p.ended:
			p.t.Fatal("the broker ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *process) log(user string) *storelog.Log {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	log, err := storelog.Open(ctx, p.connect(user))
	if err != nil {
		p.t.Fatal(err)
	}
	return log
}

func (p *process) makeLog() {
	p.t.Helper()
	if err := storelog.Ensure(p.t.Context(), p.connect(broker.Gateway), storelog.Settings{Replicas: 1, Installation: "one"}); err != nil {
		p.t.Fatal(err)
	}
}

// available is how many bytes a disk has left.
func available(t *testing.T, dir string) uint64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return s.Bavail * uint64(s.Bsize)
}
