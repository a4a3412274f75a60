package static

import (
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// TestModulesAgreeOnVersions keeps a cold start short: what two modules ask for in two versions is compiled twice, and so is
// everything above it. Most of it is client-go, which Kubernetes, its parts and the workers share: a minute of somebody's
// waiting each time. `go work sync` makes the workspace's modules agree; deploy/local/parts, test/promtool and test/otelcol stand outside it.
func TestModulesAgreeOnVersions(t *testing.T) {
	names, err := repo.Files(root(t), "*go.mod")
	if err != nil {
		t.Fatal(err)
	}
	type pin struct{ version, by string }
	agreed, shared := map[string]pin{}, 0
	for _, name := range names {
		file, err := modfile.Parse(name, []byte(read(t, name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		local := map[string]bool{}
		for _, replace := range file.Replace {
			local[replace.Old.Path] = modfile.IsDirectoryPath(replace.New.Path)
		}
		for _, require := range file.Require {
			path, version := require.Mod.Path, require.Mod.Version
			if local[path] {
				continue
			}
			other, known := agreed[path]
			if !known {
				agreed[path] = pin{version, name}
				continue
			}
			shared++
			if other.version != version {
				t.Errorf("%s: %s asks for %s, %s for %s", path, name, version, other.by, other.version)
			}
		}
	}
	if shared < 300 {
		t.Errorf("only %d shared requirements were compared", shared)
	}
}
