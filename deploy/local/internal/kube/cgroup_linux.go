package kube

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// removePatience is how long a cgroup may stay busy after its last process was reaped.
const removePatience = 5 * time.Second

// hierarchies are the roots in which a cgroup has to be made: one with cgroup v2, one
// for each controller with v1, and both kinds on a machine that mixes them.
func hierarchies() []string {
	if isCgroup(cgroupRoot) {
		return []string{cgroupRoot}
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil
	}
	var roots []string
	for _, entry := range entries {
		// Joint controllers (cpu,cpuacct) have links with their single names beside them.
		if path := filepath.Join(cgroupRoot, entry.Name()); entry.IsDir() && isCgroup(path) {
			roots = append(roots, path)
		}
	}
	return roots
}

func isCgroup(path string) bool {
	var info unix.Statfs_t
	if unix.Statfs(path, &info) != nil {
		return false
	}
	return info.Type == unix.CGROUP_SUPER_MAGIC || info.Type == unix.CGROUP2_SUPER_MAGIC
}

// makeCgroups makes the cgroup below which kubelet and runc put pods. It is at the top and
// not below this process's own: kubelet takes paths from the root only.
func makeCgroups(name string) error {
	for _, root := range hierarchies() {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make a cgroup: %w", err)
		}
		// v1: a new cpuset has no processors and no memory, and takes no process until it has.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			wanted, err := os.ReadFile(filepath.Join(root, file))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, file), wanted, 0o644)
			}
			if err != nil {
				return fmt.Errorf("fill the cgroup's %s: %w", file, err)
			}
		}
	}
	if isCgroup(cgroupRoot) {
		delegate(name)
	}
	return nil
}

// delegate hands the v2 controllers down. Written by the book, not yet run on a machine with v2
// alone. An error isn't one yet: where systemd runs it has done
// so, and a controller that kubelet misses is named by kubelet itself.
func delegate(name string) {
	for _, dir := range []string{cgroupRoot, filepath.Join(cgroupRoot, name)} {
		for _, controller := range []string{"+cpuset", "+cpu", "+io", "+memory", "+pids"} {
			_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(controller), 0o644)
		}
	}
}

// removeCgroups removes the cgroup with all below it. Its processes must be gone.
func removeCgroups(name string) error {
	deadline := time.Now().Add(removePatience)
	for {
		var failed error
		for _, root := range hierarchies() {
			failed = errors.Join(failed, removeTree(filepath.Join(root, name)))
		}
		if failed == nil || time.Now().After(deadline) {
			return failed
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// removeTree removes folders from the deepest up: os.RemoveAll would try the control files, which
// can't be removed.
func removeTree(dir string) error {
	var folders []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list a cgroup: %w", err)
	}
	for _, folder := range slices.Backward(folders) {
		if err := unix.Rmdir(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove cgroup %s: %w", folder, err)
		}
	}
	return nil
}
