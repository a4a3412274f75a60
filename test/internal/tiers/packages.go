package tiers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const root = "github.com/store-platform/store-platform/"

// module is one of go.work's.
type module struct {
	// dir is relative to the clone.
	dir      string
	packages []testPackage
}

// testPackage is a package with tests.
type testPackage struct {
	path, tier string
	// heavy packages link Kubernetes' client: with the race detector they would take minutes to compile.
	heavy bool
	// executes programs, which aren't among the inputs of a test that the Go tool sees.
	executes bool
}

func findModules(ctx context.Context, repo string) ([]module, error) {
	work := exec.CommandContext(ctx, "go", "work", "edit", "-json")
	work.Dir = repo
	data, err := work.Output()
	if err != nil {
		return nil, fmt.Errorf("read go.work: %w", err)
	}
	var file struct{ Use []struct{ DiskPath string } }
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read go.work: %w", err)
	}
	var modules []module
	for _, use := range file.Use {
		modules = append(modules, module{dir: filepath.Clean(use.DiskPath)})
	}
	return modules, nil
}

// listed is what `go list -test -json` says of a package.
type listed struct {
	ImportPath, Name, Dir     string
	ForTest                   string
	Deps                      []string
	TestGoFiles, XTestGoFiles []string
	Imports                   []string
	TestImports, XTestImports []string
	Error                     *struct{ Err string }
}

// loadModules finds each module's packages with tests and their tiers. A module that can't be read fails the running tier, and
// the others go on.
func (r *shift) loadModules(ctx context.Context) {
	var loading sync.WaitGroup
	for i := range r.modules {
		m := &r.modules[i]
		loading.Go(func() {
			began := time.Now()
			packages, err := r.list(ctx, *m)
			if err != nil {
				r.settle("list "+m.dir, began, "", err)
			}
			m.packages = packages
		})
	}
	loading.Wait()
}

func (r *runner) list(ctx context.Context, m module) ([]testPackage, error) {
	list := r.command(ctx, m.dir, "go", "list", "-e", "-test",
		"-json=ImportPath,Name,Dir,ForTest,Deps,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Error", "./...")
	var complaints strings.Builder
	list.Stderr = &complaints
	data, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s: %w\n%s", m.dir, err, complaints.String())
	}
	sources, binaries := map[string]listed{}, map[string]listed{}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	for {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list the packages of %s: %w", m.dir, err)
		}
		switch {
		case strings.HasSuffix(p.ImportPath, ".test"):
			binaries[strings.TrimSuffix(p.ImportPath, ".test")] = p
		case p.ForTest == "":
			sources[p.ImportPath] = p
		}
	}
	var packages []testPackage
	for path, binary := range binaries {
		p := testPackage{path: path, heavy: links(binary.Deps, "k8s.io/client-go", "helm.sh/helm"), executes: executes(sources[path], binary.Deps)}
		if p.tier, err = tierOf(sources[path], binary.Deps, p.heavy); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, r testPackage) int { return strings.Compare(a.path, r.path) })
	return packages, nil
}

// tierOf tells a package's tier: by its place for those that are tiers of their own, then by what its tests ask for.
func tierOf(source listed, deps []string, heavy bool) (string, error) {
	switch strings.TrimPrefix(source.ImportPath, root) {
	case "test/static":
		return "static", nil
	case "test/cluster", installTests:
		return "cluster", nil
	case "test/compose":
		return "compose", nil
	}
	wantsAPI, err := mentions(source, "TEST_KUBECONFIG")
	switch {
	case err != nil:
		return "", err
	case wantsAPI, links(deps, root+"pkg/cluster/clustertest", root+"test/internal/chaos/chaostest"):
		return "apiserver", nil
	// Not by what is linked: package testing links os/exec itself.
	case links(deps, "github.com/nats-io/nats.go", "github.com/jackc/pgx/v5"),
		!heavy && importsExec(source):
		return "bus", nil
	}
	return "unit", nil
}

// executes tells whether the package's tests start programs: by themselves, or by one of those who do it for tests.
func executes(source listed, deps []string) bool {
	return importsExec(source) || links(deps, root+"test/internal/parts", root+"services/events/internal/pgtest")
}

func importsExec(source listed) bool {
	return slices.Contains(slices.Concat(source.Imports, source.TestImports, source.XTestImports), "os/exec")
}

// links tells whether one of modules is among deps.
func links(deps []string, modules ...string) bool {
	return slices.ContainsFunc(deps, func(path string) bool {
		return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
	})
}

// mentions tells whether one of the package's test files contains word.
func mentions(p listed, word string) (bool, error) {
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		data, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return false, fmt.Errorf("read a test: %w", err)
		}
		if strings.Contains(string(data), word) {
			return true, nil
		}
	}
	return false, nil
}
