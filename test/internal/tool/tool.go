// Package tool has other people's programs that the tests run, each built of its module once per machine: in a folder of the
// cache that is named by program, version and compiler, and of what is put together here by its source, and renamed into place.
package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// Tool is a program in a version that is pinned: another one finds, and does, other things.
type Tool struct {
	// Name is the program's, Package the path of its main package.
	Name, Package string
	// Version is the module's, as in v1.2.3, for one that is built by itself.
	Version string
	// Module is the folder of a module of the clone that links the tool's own module, for one that is built with that one's
	// dependencies, and in its version: what both are made of is compiled once.
	Module string
	// Own: the program is Module's own, put together of what others have made, of which Package gives it the version.
	Own bool
	// Tags are what it is built with.
	Tags string
}

// Helm is what operators install the chart with, as the provisioner links it.
var Helm = Tool{Name: "helm", Package: "helm.sh/helm/v3/cmd/helm", Module: "services/provisioner"}

// Nats is upstream's own server, as tests and make up link it.
var Nats = Tool{Name: "nats-server", Package: "github.com/nats-io/nats-server/v2", Module: "deploy/local"}

// NatsBefore is of the version that the chart of the release before names.
var NatsBefore = Tool{Name: "nats-server", Package: "github.com/nats-io/nats-server/v2", Version: "v2.12.15"}

// Promtool is Prometheus's own judge of rules. It would link the SDKs of a dozen clouds, to find there what to scrape.
var Promtool = Tool{Name: "promtool", Package: "github.com/prometheus/prometheus/cmd/promtool", Module: "test/promtool", Tags: "remove_all_sd"}

// Otelcol is the OpenTelemetry Collector.
var Otelcol = Tool{Name: "otelcol", Package: "go.opentelemetry.io/collector/otelcol", Module: "test/otelcol", Own: true}

// OpenID is zitadel's OpenID Connect provider, with people of a file.
var OpenID = Tool{Name: "openid", Package: "github.com/zitadel/oidc/v3/example/server", Module: "services/gateway"}

// Kubectl is Kubernetes' own, of the version that make up runs.
var Kubectl = Tool{Name: "kubectl", Package: "k8s.io/kubernetes/cmd/kubectl", Module: "deploy/local/parts"}

// Path is where the program is. Where it isn't built yet that takes as long as building it, and out is told.
func (t Tool) Path(ctx context.Context, out io.Writer) (string, error) {
	version, err := t.Pinned()
	if err == nil && t.Own {
		version, err = t.withSource(version)
	}
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	folder := filepath.Join(cache, "store-platform", "tools", strings.Join([]string{t.Name, version, runtime.Version() + t.Tags}, "-"))
	return inPlace(folder, t.Name, func(temporary string) error {
		fmt.Fprintf(out, "building %s %s (once per machine, up to some minutes)\n", t.Name, version)
		return t.build(ctx, temporary)
	})
}

// inPlace is where in a folder of the cache a program is, which is made in another and put there where it isn't yet.
func inPlace(folder, program string, make func(folder string) error) (string, error) {
	name, path := filepath.Base(program), filepath.Join(folder, program)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of tools: %w", err)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(folder), name)
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	if err := make(temporary); err != nil {
		return "", errors.Join(fmt.Errorf("make %s: %w", name, err), os.RemoveAll(temporary))
	}
	// Who makes it at the same time makes the same.
	err = os.Rename(temporary, folder)
	if errors.Is(err, fs.ErrExist) {
		return path, os.RemoveAll(temporary)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("put %s in place: %w", name, err), os.RemoveAll(temporary))
	}
	return path, nil
}

// Pinned is the version, as in v1.2.3.
func (t Tool) Pinned() (string, error) {
	if t.Module == "" {
		return t.Version, nil
	}
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, t.Module, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return "", err
	}
	for _, required := range file.Require {
		if t.Package == required.Mod.Path || strings.HasPrefix(t.Package, required.Mod.Path+"/") {
			return required.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s links no module of %s", t.Module, t.Name)
}

// withSource tells a version from the same one put together in another way.
func (t Tool) withSource(version string) (string, error) {
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	source := crc32.NewIEEE()
	for _, name := range []string{"go.mod", "main.go"} {
		text, err := os.ReadFile(filepath.Join(root, t.Module, name))
		if err != nil {
			return "", err
		}
		_, _ = source.Write(text)
	}
	return fmt.Sprintf("%s-%08x", version, source.Sum32()), nil
}

func (t Tool) build(ctx context.Context, folder string) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	words := []string{"install", t.Package + "@" + t.Version}
	dir := folder
	what := t.Package
	if t.Own {
		what = "."
	}
	if t.Module != "" {
		dir = filepath.Join(root, t.Module)
		// The program is made of more than what the module links of it: what is missing in go.sum is added to a copy.
		words = []string{"build", "-mod=mod", "-modfile=" + filepath.Join(folder, "go.mod"), "-ldflags=-s -w", "-tags=" + t.Tags, "-o", filepath.Join(folder, t.Name), what}
		for _, name := range []string{"go.mod", "go.sum"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, name), text, 0o644)
			}
			if err != nil {
				return err
			}
		}
	}
	build := exec.Command("nice", append([]string{"-n", "5", "go"}, words...)...)
	build.Dir, build.Env = dir, append(parts.GoEnvironment(), "GOBIN="+folder)
	var said bytes.Buffer
	build.Stdout, build.Stderr = &said, &said
	if err := guard.Run(ctx, build); err != nil {
		return fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	return nil
}
