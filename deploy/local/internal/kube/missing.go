package kube

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// Lack is something that this machine lacks, with the command or the way that mends it.
type Lack struct {
	What string
	Mend string
}

// tool is what a Debian package is needed for: found is nil for what is on the path.
type tool struct {
	name, pack string
	found      func() bool
}

// tools are asked for in the order of a start: what the build needs, then what the node needs.
var tools = []tool{
	{name: "gcc", pack: "gcc"},
	{name: "the C library's headers", pack: "libc6-dev", found: hasAny("/usr/include/stdlib.h")},
	{name: "pkg-config", pack: "pkg-config"},
	{name: "libseccomp's headers", pack: "libseccomp-dev", found: hasAny("/usr/include/seccomp.h")},
	{name: "a static busybox", pack: "busybox-static", found: func() bool { return isStatic(busyboxPath) }},
	{name: "ip", pack: "iproute2"},
	{name: "iptables", pack: "iptables"},
	{name: "ipset", pack: "ipset"},
	{name: "conntrack", pack: "conntrack"},
	{name: "the CNI plugins", pack: "containernetworking-plugins", found: func() bool { _, err := pluginFolder(); return err == nil }},
	{name: "mount", pack: "mount"},
	{name: "nsenter", pack: "util-linux"},
}

// diskBuild is what the sources, the compile cache and the parts of a cold build take, in
// bytes; diskRun is what a cluster with a few stores takes.
const (
	diskBuild = 8 << 30
	diskRun   = 2 << 30
)

// place is a folder and the free bytes that its disk must have.
type place struct {
	dir   string
	bytes uint64
}

// MissingPackages are the Debian packages for building and running a cluster that this machine has nothing of. What is asked is
// whether the file is there, not who installed it: other distributions name packages otherwise.
func MissingPackages() []string {
	var missing []string
	for _, t := range tools {
		if !t.here() {
			missing = append(missing, t.pack)
		}
	}
	return missing
}

// Missing lists everything that keeps a cluster with this state folder and cache from being
// built and started here, packages included; it is empty when nothing does. It starts nothing that stays.
func Missing(stateDir, cache string) []Lack {
	if runtime.GOOS != "linux" {
		return []Lack{{"Linux: a node of Kubernetes runs on nothing else", "KUBE_CONTEXT=name make up"}}
	}
	var lacks []Lack
	if _, err := exec.LookPath("go"); err != nil {
		lacks = append(lacks, Lack{"Go", "install it from https://go.dev/dl and put it on the PATH"})
	}
	for _, t := range tools {
		if !t.here() {
			lacks = append(lacks, Lack{t.name, "apt-get install -y --no-install-recommends " + t.pack})
		}
	}
	places := []place{{stateDir, diskRun}}
	if built, _ := filepath.Glob(filepath.Join(cache, partHyper+"-*", "hyper")); len(built) == 0 {
		places = append(places, place{cache, diskBuild})
	}
	for _, place := range places {
		if free, ok := freeBytes(place.dir); ok && free < place.bytes {
			what := fmt.Sprintf("%d GB of free disk for %s (%d GB are free)", place.bytes>>30, place.dir, free>>30)
			lacks = append(lacks, Lack{what, "free some, for example with: go clean -cache"})
		}
	}
	return append(lacks, missingPrivileges()...)
}

func (t tool) here() bool {
	if t.found != nil {
		return t.found()
	}
	for _, folder := range filepath.SplitList(toolPath + ":" + os.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(folder, t.name)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

func hasAny(paths ...string) func() bool {
	return func() bool {
		for _, path := range paths {
			if _, err := os.Stat(path); err == nil {
				return true
			}
		}
		return false
	}
}

// freeBytes is the room on the disk of dir, or of what there is of the path to it.
func freeBytes(dir string) (uint64, bool) {
	for {
		var info syscall.Statfs_t
		err := syscall.Statfs(dir, &info)
		if err == nil {
			return info.Bavail * uint64(info.Bsize), true
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, syscall.ENOENT) || parent == dir {
			return 0, false
		}
		dir = parent
	}
}
