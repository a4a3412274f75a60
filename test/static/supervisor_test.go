package static

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// keptOut are modules and packages that the supervisor never links: they are compiled before a cold machine has a page,
// each for something that can wait. A bucket's name is in deploy/local/internal/broker; what images take has a program of
// its own, deploy/local/cmd/images.
var keptOut = []string{
	"go.opentelemetry.io/", "github.com/prometheus/", "google.golang.org/", "github.com/gogo/",
	"github.com/google/go-containerregistry", "github.com/docker/", "github.com/moby/", "github.com/containerd/", "github.com/opencontainers/",
	"github.com/nats-io/nats-server", "github.com/gofiber/", "github.com/valyala/", "github.com/jackc/", "k8s.io/", "sigs.k8s.io/", "helm.sh/",
	repo.Module + "/pkg/telemetry", repo.Module + "/pkg/storelog",
}

// most is how many packages the supervisor may link. A library that isn't in the list above comes to somebody's notice here.
const most = 270

func TestTheSupervisorLinksWhatItNeedsToServeAPage(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "./cmd/local")
	list.Dir = filepath.Join(root(t), "deploy", "local")
	list.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	output, err := list.Output()
	if err != nil {
		t.Fatalf("list what the supervisor links: %v", err)
	}
	packages := strings.Fields(string(output))
	for _, path := range packages {
		for _, prefix := range keptOut {
			if strings.HasPrefix(path, prefix) {
				t.Errorf("links %s", path)
			}
		}
	}
	if len(packages) < 100 || len(packages) > most {
		t.Errorf("links %d packages, which isn't up to %d", len(packages), most)
	}
}

// TestModulesNameOneVersionOfOurs keeps pkg from being compiled once per module: the version that a module asks for is
// compiled in, although the folder that stands in for it is the same.
func TestModulesNameOneVersionOfOurs(t *testing.T) {
	names, err := repo.Files(root(t), "*go.mod")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, name := range names {
		file, err := modfile.Parse(name, []byte(read(t, name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, require := range file.Require {
			if !strings.HasPrefix(require.Mod.Path, repo.Module+"/") {
				continue
			}
			asked++
			if require.Mod.Version != "v0.0.0" {
				t.Errorf("%s asks for %s", name, require.Mod)
			}
		}
	}
	if asked < 8 {
		t.Errorf("only %d requirements of our own were read", asked)
	}
}
