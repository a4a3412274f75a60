package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Processes are the process ids of a pod's containers, seen from outside the cluster: their control groups are named after
// the pod's UID. It wants to run where the cluster's node does.
func Processes(uid string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	var all []int
	for _, file := range files {
		groups, err := os.ReadFile(file)
		// One that ended meanwhile is no error.
		if err != nil || !bytes.Contains(groups, []byte("pod"+uid)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		all = append(all, pid)
	}
	return all, nil
}

// StandsStill tells whether a process runs no more: stopped, ended, or ended with a parent that is stopped and can't take
// notice.
func StandsStill(pid int) (bool, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for line := range bytes.Lines(status) {
		if state, found := bytes.CutPrefix(line, []byte("State:\t")); found {
			return bytes.ContainsAny(state[:1], "TZX"), nil
		}
	}
	return false, fmt.Errorf("read the state of process %d: no line says", pid)
}

// Resident is how many bytes of memory a process holds, what it shares with others divided among them all. 0 for one that
// has ended.
func Resident(pid int) (int64, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, nil
	}
	for line := range bytes.Lines(rollup) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(string(line), "Pss: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("read what process %d holds: no line says", pid)
}

// RunsAs says what a process may do: its user and groups, by number, and whether it has any capability.
func RunsAs(pid int) (user string, groups []string, capable bool, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", nil, false, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		words := strings.Fields(value)
		switch key {
		case "Uid":
			// Real, effective, saved and the file system's are one, or it could go back.
			user = strings.Join(slices.Compact(words), " ")
		case "Gid":
			groups = append(groups, slices.Compact(words)...)
		case "Groups":
			groups = append(groups, words...)
		case "CapPrm", "CapEff", "CapAmb":
			capable = capable || strings.Trim(value, "\t 0") != ""
		}
	}
	return user, groups, capable, nil
}
