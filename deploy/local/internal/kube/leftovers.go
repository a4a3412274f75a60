package kube

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Leftovers lists what there is of the cluster of stateDir on this machine outside of
// stateDir itself: processes, mounts, network links, cgroups. After Stop, and a few
// seconds after this program was killed, it must be empty; while the cluster runs it isn't.
func Leftovers(stateDir string) []string {
	name := clusterName(stateDir)
	if absolute, err := filepath.Abs(stateDir); err == nil {
		stateDir = absolute
	}
	found := leftProcesses(name)
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		for line := range strings.Lines(string(mounts)) {
			if strings.Contains(line, stateDir+"/") || strings.Contains(line, stateDir+" ") {
				found = append(found, "mount "+strings.TrimSpace(line))
			}
		}
	}
	if link, err := net.InterfaceByName(linkName(name)); err == nil {
		found = append(found, "link "+link.Name)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/" + name, "/sys/fs/cgroup/*/" + name} {
		cgroups, _ := filepath.Glob(pattern)
		for _, cgroup := range cgroups {
			found = append(found, "cgroup "+cgroup)
		}
	}
	return found
}

// leftProcesses finds the parts by their mark in the environment, which they hand down, and
// pods by their cgroup, because a container's environment is its own.
func leftProcesses(name string) []string {
	var found []string
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		environment, _ := os.ReadFile(filepath.Join(folder, "environ"))
		cgroup, _ := os.ReadFile(filepath.Join(folder, "cgroup"))
		marked := bytes.Contains(append([]byte{0}, environment...), []byte("\x00"+ownerVariable+"="+name))
		if !marked && !bytes.Contains(cgroup, []byte("/"+name)) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		command := string(bytes.ReplaceAll(bytes.TrimRight(line, "\x00"), []byte{0}, []byte{' '}))
		found = append(found, fmt.Sprintf("process %s %s", filepath.Base(folder), command))
	}
	return found
}
