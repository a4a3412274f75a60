// Package preflight finds out what a start would fail for, before anything is started:
// everything at once, each with the command that mends it. What Debian packages mend
// it can mend itself, as root, after saying so.
package preflight

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/postgres"
	"github.com/store-platform/store-platform/pkg/guard"
)

// Wishes are what a start is to be.
type Wishes struct {
	State string // folder
	Cache string // folder
	// Addresses to listen on, by the name of the setting that chooses each.
	Addresses map[string]string
	// Public allows addresses beyond this machine.
	Public bool
	// Context is the user's own cluster; empty means one of our own.
	Context string
	// Registry takes the images of the user's own cluster; empty means its tool's loader.
	Registry string
	// Install allows to install Debian packages.
	Install bool
}

// MissingError lists what a start lacks.
type MissingError struct{ Lacks []kube.Lack }

func (e *MissingError) Error() string {
	var text strings.Builder
	text.WriteString("something is missing, so nothing was started:")
	for _, lack := range e.Lacks {
		fmt.Fprintf(&text, "\n  - %s\n      %s", lack.What, lack.Mend)
	}
	return text.String()
}

// Check returns nil when a start can go ahead, having installed packages if that was all
// that was missing and it may; else a *MissingError. What it installs it says on out first.
func Check(ctx context.Context, w Wishes, out io.Writer) error {
	lacks, packages := w.look(ctx)
	if len(packages) > 0 && len(lacks) == 0 && w.Install && canInstall() {
		if err := installPackages(ctx, packages, out); err != nil {
			return err
		}
		lacks, packages = w.look(ctx)
	}
	if len(packages) > 0 {
		lacks = append(lacks, packageLack(packages))
	}
	if len(lacks) > 0 {
		return &MissingError{Lacks: lacks}
	}
	return nil
}

// Mend installs Debian packages that only some work needs, when that work is about to begin, if install allows and it
// may; else it answers a *MissingError. Without packages it does nothing.
func Mend(ctx context.Context, packages []string, install bool, out io.Writer) error {
	switch {
	case len(packages) == 0:
		return nil
	case install && canInstall():
		return installPackages(ctx, packages, out)
	}
	return &MissingError{Lacks: []kube.Lack{packageLack(packages)}}
}

func packageLack(packages []string) kube.Lack {
	return kube.Lack{
		What: "programs of these packages: " + strings.Join(packages, ", "),
		Mend: sudo() + installLine(packages),
	}
}

// look finds what is missing: packages that would mend it, and everything else.
func (w Wishes) look(ctx context.Context) (lacks []kube.Lack, packages []string) {
	if _, err := exec.LookPath("go"); err != nil {
		lacks = append(lacks, kube.Lack{What: "Go", Mend: "install it from https://go.dev/dl and put it on the PATH"})
	}
	for _, setting := range sorted(w.Addresses) {
		lacks = append(lacks, w.address(setting, w.Addresses[setting])...)
	}
	if postgres.Programs(w.State) == "" {
		if debian() {
			packages = append(packages, "postgresql")
		} else {
			lacks = append(lacks, kube.Lack{What: "the programs of a PostgreSQL server (14 or newer)", Mend: "install them, for example with: brew install postgresql"})
		}
	}
	if w.Context != "" {
		return append(lacks, w.ownCluster(ctx)...), packages
	}
	covered := kube.MissingPackages()
	for _, lack := range kube.Missing(w.State, w.Cache) {
		if lack.What == "Go" || debian() && slices.ContainsFunc(covered, func(name string) bool { return strings.HasSuffix(lack.Mend, " "+name) }) {
			continue
		}
		lacks = append(lacks, lack)
	}
	if debian() && runtime.GOOS == "linux" {
		packages = append(packages, covered...)
	}
	return lacks, packages
}

// address looks whether one can listen there.
func (w Wishes) address(setting, address string) []kube.Lack {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return []kube.Lack{{What: fmt.Sprintf("%s=%s is no address", setting, address), Mend: setting + "=127.0.0.1:8080 make up"}}
	}
	var lacks []kube.Lack
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !w.Public {
		lacks = append(lacks, kube.Lack{
			What: fmt.Sprintf("%s=%s can be reached from other machines, and nobody signs in", setting, address),
			Mend: fmt.Sprintf("%s=127.0.0.1:%s make up   (or AUTH_OPEN_PUBLIC=yes, if that is what you want)", setting, port),
		})
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return append(lacks, kube.Lack{
			What: fmt.Sprintf("%s=%s can't be listened on: %v", setting, address, err),
			Mend: fmt.Sprintf("%s=%s make up   (see who has it: ss -ltnp 'sport = :%s')", setting, net.JoinHostPort(host, "0"), port),
		})
	}
	_ = listener.Close()
	return lacks
}

// ownCluster looks whether the user's own cluster can be used.
func (w Wishes) ownCluster(ctx context.Context) []kube.Lack {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		return []kube.Lack{{What: "kubectl, which KUBE_CONTEXT needs", Mend: "install it from https://kubernetes.io/docs/tasks/tools"}}
	}
	var lacks []kube.Lack
	if out, err := exec.CommandContext(ctx, kubectl, "config", "get-contexts", w.Context, "-o", "name").CombinedOutput(); err != nil {
		lacks = append(lacks, kube.Lack{
			What: fmt.Sprintf("context %s in your kubeconfig (%s)", w.Context, strings.TrimSpace(string(out))),
			Mend: "kubectl config get-contexts",
		})
	}
	if w.Registry != "" {
		return lacks
	}
	loader := Loader(w.Context)
	if loader == "" {
		return append(lacks, kube.Lack{
			What: fmt.Sprintf("a way for images into %s: it is no cluster of kind, k3d or minikube by its name", w.Context),
			Mend: fmt.Sprintf("KUBE_CONTEXT=%s IMAGE_REGISTRY=registry.example/team make up", w.Context),
		})
	}
	if _, err := exec.LookPath(loader); err != nil {
		lacks = append(lacks, kube.Lack{
			What: loader + ", which loads images into " + w.Context,
			Mend: fmt.Sprintf("install it, or KUBE_CONTEXT=%s IMAGE_REGISTRY=registry.example/team make up", w.Context),
		})
	}
	return lacks
}

// Loader is the tool that loads images into the cluster of a kubeconfig context, by the
// names that kind, k3d and minikube give; empty for others.
func Loader(context string) string {
	switch {
	case strings.HasPrefix(context, "kind-"):
		return "kind"
	case strings.HasPrefix(context, "k3d-"):
		return "k3d"
	case context == "minikube":
		return "minikube"
	}
	return ""
}

func debian() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil
}

func canInstall() bool { return os.Geteuid() == 0 && debian() }

func sudo() string {
	if os.Geteuid() == 0 {
		return ""
	}
	return "sudo "
}

func installLine(packages []string) string {
	return "apt-get install -y --no-install-recommends " + strings.Join(packages, " ")
}

// installPackages runs what it has said. Runlevel 1 keeps packages from starting services of their own
// where there is no systemd.
func installPackages(ctx context.Context, packages []string, out io.Writer) error {
	for _, line := range []string{"apt-get update -q", installLine(packages)} {
		fmt.Fprintln(out, "+", line)
		var said strings.Builder
		command := exec.Command("sh", "-c", "exec "+line)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		command.Stdout, command.Stderr = &said, &said
		if err := guard.Run(ctx, command); err != nil {
			return fmt.Errorf("%s: %w\n%s", line, err, lastLines(said.String(), 10))
		}
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Repository finds the clone that dir lies in.
func Repository(dir string) (string, error) {
	for folder := dir; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "deploy", "local", "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s lies in no clone of the platform", dir)
		}
	}
}

// Places finds the clone that the working folder lies in, and the state folder: state, or the clone's own.
func Places(state string) (repository, path string, err error) {
	here, err := os.Getwd()
	if err != nil {
		return "", "", fmt.Errorf("find the working folder: %w", err)
	}
	if repository, err = Repository(here); err != nil {
		return "", "", err
	}
	if state == "" {
		state = filepath.Join(repository, ".local")
	}
	return repository, state, nil
}
