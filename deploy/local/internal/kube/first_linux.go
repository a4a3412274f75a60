package kube

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// machineWide are settings that kubelet insists on and that have no namespace. It is
// shown files with the values it wants, so that the machine's own stay as they are.
var machineWide = map[string]string{
	"vm/overcommit_memory":     "1",
	"vm/panic_on_oom":          "0",
	"kernel/panic":             "10",
	"kernel/panic_on_oops":     "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// beFirst is process 1 of the sandbox: it furnishes it, says so, and then buries the dead
// until its pipe ends.
func beFirst(p plan) error {
	if err := furnish(p); err != nil {
		return err
	}
	dead := make(chan os.Signal, 1)
	signal.Notify(dead, syscall.SIGCHLD)
	go func() {
		for range dead {
			for {
				if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 && !errors.Is(err, unix.EINTR) {
					break
				}
			}
		}
	}()
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func furnish(p plan) error {
	if err := unix.Sethostname([]byte(nodeName)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := mounts(p); err != nil {
		return err
	}
	if err := network(linkName(p.Name)); err != nil {
		return err
	}
	folder := "/run/settings"
	if err := os.Mkdir(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of settings: %w", err)
	}
	for name, value := range machineWide {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue
		}
		file := filepath.Join(folder, strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("write setting %s: %w", name, err)
		}
		if err := unix.Mount(file, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("show setting %s: %w", name, err)
		}
	}
	return nil
}

// mounts hides the machine's /run and /var behind empty ones: the parts write to fixed
// places there (/var/log/containers, /var/lib/cni, /run/containerd), and what is written to
// memory of this namespace is gone with it, a killed runtime's stale sockets and locks too.
func mounts(p plan) error {
	// Private first, or what follows would show on the machine; shared again at the end, or
	// volumes mounted by kubelet would not show in containers.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	state, err := unix.Open(p.State, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the state folder: %w", err)
	}
	tools, err := unix.Open(p.Tools, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the cache folder: %w", err)
	}
	for _, m := range []struct{ source, target, kind string }{
		{"proc", "/proc", "proc"},
		{"tmpfs", "/run", "tmpfs"},
		{fmt.Sprintf("/proc/self/fd/%d", state), insideState, ""},
		{fmt.Sprintf("/proc/self/fd/%d", tools), insideTools, ""},
		{"tmpfs", "/var", "tmpfs"},
	} {
		flags := uintptr(unix.MS_BIND)
		if m.kind != "" {
			flags = unix.MS_NOSUID | unix.MS_NODEV
		} else if err := os.MkdirAll(m.target, 0o755); err != nil {
			return fmt.Errorf("make a folder in the sandbox: %w", err)
		}
		if err := unix.Mount(m.source, m.target, m.kind, flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	for _, folder := range []string{"/var/log", "/var/lib", "/var/tmp", "/run/tmp"} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("make a folder in the sandbox: %w", err)
		}
	}
	if err := os.Symlink("/run", "/var/run"); err != nil {
		return fmt.Errorf("link /var/run: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share the mounts in the sandbox: %w", err)
	}
	return nil
}

// network makes the node's link. It leads nowhere: no packet leaves the sandbox.
func network(link string) error {
	for _, arguments := range []string{
		"link set lo up",
		"link add " + link + " type bridge",
		"addr add " + nodeIP + "/24 dev " + link,
		"link set " + link + " up",
		// Nobody answers there: nothing can leave, and those who look up "the default
		// interface" to find the node's address still find one.
		"route add default via 172.31.255.254 dev " + link,
	} {
		output, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("run ip %s: %w: %s", arguments, err, strings.TrimSpace(string(output)))
		}
	}
	for name, value := range map[string]string{
		"net/ipv4/ip_forward":              "1",
		"net/ipv4/conf/all/route_localnet": "1",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}
