package compose_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// docker is Debian's client: a newer one on the path would build with a plugin that Debian hasn't got.
const docker = "/usr/bin/docker"

// composeVersion is the newest that Debian's daemon and this Go build.
const composeVersion = "v2.40.3"

// cacheFolder keeps the daemon's data and what is built for it from one run to the next.
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
	command := exec.Command("go", words...)
	command.Dir, command.Env = dir, append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	var output, said strings.Builder
	command.Stdout, command.Stderr = &output, &said
	if err := guard.Run(t.Context(), command); err != nil {
		t.Fatalf("go %v: %v\n%s", words, err, said.String())
	}
	return strings.TrimSpace(output.String())
}

func goEnv(t *testing.T, name string) string { return goTool(t, ".", "env", name) }

// program is somebody else's, built once per machine.
func program(t *testing.T, of tool.Tool) string {
	t.Helper()
	path, err := of.Path(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
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
	path := filepath.Join(cacheFolder(t), "tools", "docker-compose-"+composeVersion+"-"+runtime.Version(), "docker-compose")
	if _, err := os.Stat(path); err != nil {
		goTool(t, where.Dir, "build", "-trimpath", "-buildvcs=false", "-o", path, "-ldflags=-s -w -X "+module+"/internal.Version="+composeVersion, "./cmd")
	}
	return path
}
