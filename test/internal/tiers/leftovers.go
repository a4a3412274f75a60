package tiers

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// machine is what a platform may leave behind on this machine: processes, mounts, links, firewall rules and cgroups.
// It is looked at from outside, by means of which the supervisor knows nothing.
type machine map[string]bool

// counters of chains change by themselves.
var counters = regexp.MustCompile(`\[\d+:\d+\]|^#.*`)

func lookAround(state string) machine {
	m := machine{}
	m.addLines("mount", read("/proc/self/mountinfo"))
	m.addProcesses(state)
	links, _ := filepath.Glob("/sys/class/net/*")
	for _, link := range links {
		m["link "+filepath.Base(link)] = true
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			m["cgroup "+path] = true
		}
		return nil
	})
	if rules, err := exec.Command("iptables-save").Output(); err == nil {
		m.addLines("rule", counters.ReplaceAll(rules, nil))
	}
	return m
}

func (m machine) addLines(kind string, text []byte) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			m[kind+" "+line] = true
		}
	}
}

// addProcesses finds the processes that know the state folder: by an argument, a setting or where they stand.
func (m machine) addProcesses(state string) {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		command := bytes.ReplaceAll(read(filepath.Join(folder, "cmdline")), []byte{0}, []byte{' '})
		place, _ := os.Readlink(filepath.Join(folder, "cwd"))
		known := bytes.Contains(command, []byte(state)) || strings.HasPrefix(place, state) ||
			bytes.Contains(read(filepath.Join(folder, "environ")), []byte(state))
		if known {
			m[fmt.Sprintf("process %s %s", filepath.Base(folder), command)] = true
		}
	}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return data
}

// vanishPatience is how long the kernel may take to tear a sandbox down after its first process was killed: longer than the
// supervisor itself waits for that.
const vanishPatience = time.Minute

// expectNothingLeft compares the machine with what it was before the platform was started.
func expectNothingLeft(before machine, state string) error {
	deadline := time.After(vanishPatience)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		var left []string
		for thing := range lookAround(state) {
			if !before[thing] {
				left = append(left, thing)
			}
		}
		if len(left) == 0 {
			return nil
		}
		select {
		case <-deadline:
			slices.Sort(left)
			return fmt.Errorf("%d things are left:\n%s", len(left), strings.Join(left, "\n"))
		case <-tick.C:
		}
	}
}
