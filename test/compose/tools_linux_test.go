package compose_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// docker is Debian's client: a newer one on the path would build with a plugin that Debian hasn't got.
const docker = "/usr/bin/docker"

// composeVersion is the newest that Debian's engine and this Go build.
const composeVersion = "v2.40.3"

// cacheFolder keeps the engine's data and what is built for it from one run to the next.
func cacheFolder(t *testing.T) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(base, "store-platform", "docker")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goTool runs the Go tool in a folder of the clone and answers what it prints. Without the workspace, as everything is built.
func goTool(t *testing.T, dir string, words ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", words...)
	command.Dir, command.Env = dir, append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	var said strings.Builder
	command.Stderr = &said
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go %v: %v\n%s", words, err, said.String())
	}
	return strings.TrimSpace(string(output))
}

func goEnv(t *testing.T, name string) string { return goTool(t, ".", "env", name) }

// built is a program of this name and version, from the cache or built in dir.
func built(t *testing.T, name, version, dir string, words ...string) string {
	t.Helper()
	path := filepath.Join(cacheFolder(t), "tools", name+"-"+version+"-"+runtime.Version(), name)
	if _, err := os.Stat(path); err != nil {
		goTool(t, dir, append([]string{"build", "-trimpath", "-buildvcs=false", "-o", path}, words...)...)
	}
	return path
}

// composePlugin is `docker compose`. Its module excludes versions of others and so can't be installed by name: it is built as
// its authors do, in its own folder.
func composePlugin(t *testing.T) string {
	t.Helper()
	const module = "github.com/docker/compose/v2"
	var where struct{ Dir string }
	if err := json.Unmarshal([]byte(goTool(t, ".", "mod", "download", "-json", module+"@"+composeVersion)), &where); err != nil {
		t.Fatal(err)
	}
	return built(t, "docker-compose", composeVersion, where.Dir, "-ldflags=-s -w -X "+module+"/internal.Version="+composeVersion, "./cmd")
}

// natsServer is the broker's own program, of the version that the platform's module links.
func natsServer(t *testing.T) string {
	t.Helper()
	const module = "github.com/nats-io/nats-server/v2"
	dir := filepath.Join(root(t), "pkg")
	return built(t, "nats-server", goTool(t, dir, "list", "-m", "-f", "{{.Version}}", module), dir, "-ldflags=-s -w", module)
}

// kubectl is Kubernetes' own, of the version that `make up` runs. The module that builds that has all of it but a few packages,
// which are added in copies of its go.mod and go.sum.
func kubectl(t *testing.T) string {
	t.Helper()
	const module = "k8s.io/kubernetes"
	dir, copies := filepath.Join(root(t), "deploy", "local", "parts"), t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(copies, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	version := goTool(t, dir, "list", "-m", "-f", "{{.Version}}", module)
	return built(t, "kubectl", version, dir, "-modfile="+filepath.Join(copies, "go.mod"), "-mod=mod", "-ldflags=-s -w", module+"/cmd/kubectl")
}
