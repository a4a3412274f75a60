package platform

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the kernel's unit of processor time, the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// ProcessorTime is what a process and all that it has started have used, those that have ended since included: whoever waits
// for one is charged with it. So two readings tell what lies between them.
func ProcessorTime(root int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	parent, used := map[int]int{}, map[int]time.Duration{}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			// It has ended meanwhile.
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return 0, err
		}
		// Behind the name, which may hold anything: state, parent, …, and the times of its own and of those waited for.
		fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
		var numbers [5]int
		for i, place := range []int{1, 11, 12, 13, 14} {
			if numbers[i], err = strconv.Atoi(string(fields[place])); err != nil {
				return 0, fmt.Errorf("read %s: %w", file, err)
			}
		}
		parent[pid], used[pid] = numbers[0], time.Duration(numbers[1]+numbers[2]+numbers[3]+numbers[4])*tick
	}
	var total time.Duration
	for pid := range used {
		above := pid
		for above != root && above > 1 {
			above = parent[above]
		}
		if above == root {
			total += used[pid]
		}
	}
	return total, nil
}
