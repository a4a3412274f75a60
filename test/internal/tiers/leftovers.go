package tiers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// machine is what there is of a platform on this machine: processes, mounts, links, firewall rules and cgroups. It is
// looked at from outside, by means of which the supervisor knows nothing; what others do beside it is no affair of ours.
// Mounts, links and rules are in the sandbox's own namespaces while it runs: one that is seen here got out.
type machine map[string]bool

func lookAround(state string) machine {
	m := machine{}
	cluster := clusterName(state)
	link := "sp-" + strings.TrimPrefix(cluster, clusterPrefix)
	m.addLines("mount", read("/proc/self/mountinfo"), state, cluster)
	m.addProcesses(state)
	if _, err := os.Stat(filepath.Join("/sys/class/net", link)); err == nil {
		m["link "+link] = true
	}
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		cgroups, _ := filepath.Glob(pattern + cluster)
		for _, cgroup := range cgroups {
			m["cgroup "+cgroup] = true
		}
	}
	if rules, err := exec.Command("iptables-save").Output(); err == nil {
		m.addLines("rule", rules, link)
	}
	return m
}

const clusterPrefix = "store-platform-"

// clusterName is the name that the cluster of a state folder has on this machine, by the rule that deploy/local writes of.
func clusterName(state string) string {
	sum := sha256.Sum256([]byte(filepath.Join(state, "kube")))
	return clusterPrefix + hex.EncodeToString(sum[:4])
}

// addLines adds the lines that hold one of the words.
func (m machine) addLines(kind string, text []byte, words ...string) {
	for line := range strings.Lines(string(text)) {
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
			m[kind+" "+strings.TrimSpace(line)] = true
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

// expectSomething makes sure that lookAround sees a platform that runs: else it would see none that is left behind either.
func expectSomething(state string) error {
	seen := lookAround(state)
	for _, kind := range []string{"process ", "cgroup "} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(thing string) bool { return strings.HasPrefix(thing, kind) }) {
			return fmt.Errorf("the platform runs and no %s of it is seen", kind)
		}
	}
	return nil
}

// expectNothingLeft waits until nothing of the platform is there.
func expectNothingLeft(state string) error {
	deadline := time.After(vanishPatience)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		left := slices.Sorted(maps.Keys(lookAround(state)))
		if len(left) == 0 {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("%d things are left:\n%s", len(left), strings.Join(left, "\n"))
		case <-tick.C:
		}
	}
}
