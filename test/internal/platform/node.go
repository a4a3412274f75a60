package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// Node is the cluster's node, seen from the machine that it runs on, whose root one has to be.
type Node struct {
	// runtime is the process of its containerd, program the path of that as it sees it.
	runtime int
	program string
}

// runtimeAddress is where containerd listens on the node.
const runtimeAddress = "/run/containerd/containerd.sock"

// Node finds it, once it runs a pod of the cluster's own.
func (k *Kubernetes) Node(tb testing.TB) Node {
	tb.Helper()
	var node Node
	waittest.Eventually(tb, func() (err error) {
		node, err = k.node(tb.Context())
		return err
	})
	return node
}

// node looks for it by those pods: above each pod's processes is one of the node, and beside that is its containerd.
func (k *Kubernetes) node(ctx context.Context) (Node, error) {
	var pods struct {
		Items []struct {
			Metadata struct {
				UID string `json:"uid"`
			} `json:"metadata"`
		} `json:"items"`
	}
	if status, err := k.Do(ctx, http.MethodGet, "/api/v1/namespaces/kube-system/pods", nil, &pods); err != nil || status != http.StatusOK {
		return Node{}, fmt.Errorf("list the cluster's own pods: %d %w", status, err)
	}
	for _, pod := range pods.Items {
		pids, err := Processes(pod.Metadata.UID)
		if err != nil {
			return Node{}, err
		}
		for _, pid := range pids {
			above, err := nodeOf(pid, pod.Metadata.UID)
			if err != nil {
				continue // it has ended
			}
			return runtimeBeside(above)
		}
	}
	return Node{}, errors.New("find the node: none of the cluster's own pods runs on this machine")
}

// nodeOf finds a process of the node above one of a pod: the first that isn't the pod's minds the pod, and ends with it; the one
// above that is the node's.
func nodeOf(pid int, uid string) (int, error) {
	for inside := true; inside; {
		groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil {
			return 0, fmt.Errorf("find the node of process %d: %w", pid, err)
		}
		inside = bytes.Contains(groups, []byte("pod"+uid))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("find the node of process %d: %w", pid, err)
		}
		if _, err := fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %1s %d", new(string), &pid); err != nil {
			return 0, fmt.Errorf("read the parent of a process: %w", err)
		}
	}
	return pid, nil
}

// runtimeBeside finds the containerd that has its mounts in common with a process of the node.
func runtimeBeside(pid int) (Node, error) {
	mounts, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return Node{}, fmt.Errorf("find the node's mounts: %w", err)
	}
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return Node{}, err
	}
	for _, folder := range folders {
		// One that ended meanwhile has neither.
		if its, _ := os.Readlink(filepath.Join(folder, "ns", "mnt")); its != mounts {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		program, _, _ := strings.Cut(string(line), "\x00")
		if filepath.Base(program) != "containerd" {
			continue
		}
		runtime, err := strconv.Atoi(filepath.Base(folder))
		return Node{runtime, program}, err
	}
	return Node{}, errors.New("find the node's containerd: no process beside those that mind its pods is one")
}

// Import loads the images of an archive, under the names that it holds.
func (n Node) Import(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open an image archive: %w", err)
	}
	defer file.Close()
	enter := exec.CommandContext(ctx, "nsenter", "--target", fmt.Sprint(n.runtime), "--mount", "--", n.program, "import", runtimeAddress)
	enter.Stdin = file
	if said, err := enter.CombinedOutput(); err != nil {
		return fmt.Errorf("import %s: %w: %s", archive, err, bytes.TrimSpace(said))
	}
	return nil
}
