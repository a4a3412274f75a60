package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
)

// Versions of what isn't a Go module's own affair. The rest stands in deploy/local/parts/go.mod, which is the only place
// that decides.
const (
	kubernetesVersion = "v1.37.2"
	containerdVersion = "v2.4.2"
	runcVersion       = "1.5.2"
	corednsVersion    = "v1.15.0"
	localPathVersion  = "v0.0.30"
	kubeRouterVersion = "v2.2.1"
)

// Names of parts, as in Builder.Only, Toolbox and progress.
const (
	partHyper      = "hyper"
	partContainerd = "containerd"
	partRunc       = "runc"
	partCoreDNS    = "coredns"
	partLocalPath  = "localpath"
	partKubeRouter = "kuberouter"
	partPause      = "pause"
	partImages     = "images"
)

// Part is one thing that Build makes.
type Part struct {
	Name    string // as in progress messages
	Title   string // for people
	Version string // of the upstream project; empty for what is our own
}

// recipe is how a part is made of the module in deploy/local/parts. That is one module, so that parts that link the same
// package link the same version of it and a cold machine compiles it once; and it is outside go.work because
// k8s.io/kubernetes needs a replace line for each of its staging modules.
type recipe struct {
	Part
	cgo     string
	tags    string
	ldflags string
	// alone are packages, as patterns, that hardly any other program compiles. They do without debugging information, which
	// is a seventh of the work; what others share must be as those want it.
	alone   []string
	targets []string
}

// recipes are in the order of building. The combined Kubernetes binary is first: tests of the API server need it alone, and
// the smaller parts find their share compiled. Tags that change files below client-go (upstream builds Kubernetes with
// `notest`) would have it compiled once more than the workers have it.
var recipes = []recipe{
	{
		// Without the stamp the version is v0.0.0-master, and kubelet refuses the skew.
		Part: Part{partHyper, "Kubernetes and etcd", kubernetesVersion},
		cgo:  "0", ldflags: versionStamp(kubernetesVersion), targets: []string{"./hyper"},
		alone: []string{
			"k8s.io/kubernetes/...", "k8s.io/apiserver/...", "k8s.io/kube-aggregator/...", "go.etcd.io/etcd/...",
			"k8s.io/client-go/kubernetes/typed/.../fake", // Kubernetes links what it tests itself with.
		},
	},
	{
		Part:    Part{partContainerd, "containerd", containerdVersion},
		cgo:     "0",
		ldflags: "-X github.com/containerd/containerd/v2/version.Version=" + containerdVersion,
		alone:   []string{"github.com/containerd/containerd/v2/...", "github.com/containerd/nri/...", "github.com/tetratelabs/..."},
		targets: []string{"./containerd", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"},
	},
	{
		Part: Part{partRunc, "runc", "v" + runcVersion},
		cgo:  "1", tags: "seccomp", ldflags: "-X main.version=" + runcVersion,
		targets: []string{"github.com/opencontainers/runc"},
	},
	{
		Part: Part{partCoreDNS, "CoreDNS", corednsVersion},
		cgo:  "0", targets: []string{"./coredns"},
	},
	{
		Part: Part{partLocalPath, "local-path volumes", localPathVersion},
		cgo:  "0", ldflags: "-X main.VERSION=" + localPathVersion,
		targets: []string{"github.com/rancher/local-path-provisioner"},
	},
	{
		Part: Part{partKubeRouter, "network policies (kube-router)", kubeRouterVersion},
		cgo:  "0", targets: []string{"./kube-router"},
	},
	{
		Part: Part{partPause, "pause image", ""},
		cgo:  "0", targets: []string{"./pause"},
	},
}

// Parts lists what Build makes, in its order.
func Parts() []Part {
	parts := make([]Part, 0, len(recipes)+1)
	for _, r := range recipes {
		parts = append(parts, r.Part)
	}
	return append(parts, Part{Name: partImages, Title: "images of the cluster's own pods"})
}

// APIParts are the names of the parts that StartAPI needs, for Builder.Only.
func APIParts() []string { return []string{partHyper} }

func versionStamp(version string) string {
	numbers := strings.Split(strings.TrimPrefix(version, "v"), ".")
	var flags []string
	for _, module := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, pair := range []string{
			"gitVersion=" + version, "gitMajor=" + numbers[0], "gitMinor=" + numbers[1],
			"gitCommit=unknown", "gitTreeState=clean", "buildDate=1970-01-01T00:00:00Z",
		} {
			flags = append(flags, "-X "+module+"."+pair)
		}
	}
	return strings.Join(flags, " ")
}

// flags are those of every go command on r: the compiled packages that one command finds are those that another made.
func (r recipe) flags() []string {
	flags := []string{
		"-mod=readonly", "-trimpath", "-buildvcs=false",
		"-tags", r.tags, "-ldflags", strings.TrimSpace("-s -w " + r.ldflags),
	}
	for _, pattern := range r.alone {
		flags = append(flags, "-gcflags="+pattern+"=-dwarf=false")
	}
	return flags
}

// arguments are those of `go` that build r into dir.
func (r recipe) arguments(dir string) []string {
	arguments := append([]string{"build", "-v", "-o", dir + string(filepath.Separator)}, r.flags()...)
	return append(arguments, r.targets...)
}

// source is the folder of the parts' module.
func source(repo string) string {
	return filepath.Join(repo, "deploy", "local", "parts")
}

// key names the build of r: the module's files (go.sum pins the rest), how it is built, and by what.
func (r recipe) key(repo string) (string, error) {
	words := append([]string{runtime.Version(), runtime.GOOS, runtime.GOARCH, "CGO_ENABLED=" + r.cgo}, r.arguments("")...)
	return buildcache.NewKey(words...).Tree(source(repo), false).String()
}

// Toolbox is where the built parts are.
type Toolbox struct {
	cache string
	dirs  map[string]string
}

// file is the path of a built file as this machine sees it.
func (t *Toolbox) file(part, name string) string {
	return filepath.Join(t.dirs[part], name)
}

// check answers an error when a part isn't in the toolbox, or was removed since.
func (t *Toolbox) check(parts ...string) error {
	if t == nil {
		return fmt.Errorf("find the built parts: there is no toolbox; call Build first")
	}
	for _, part := range parts {
		dir, ok := t.dirs[part]
		if !ok {
			return fmt.Errorf("find the built part %s: it wasn't asked for", part)
		}
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("find the built part %s: %w", part, err)
		}
	}
	return nil
}
