package platform

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
