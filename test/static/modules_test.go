package static

import (
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// kubernetesModules are those of ours that link client-go.
var kubernetesModules = []string{"pkg/cluster", "services/provisioner", "services/janitor", "deploy/local/edge"}

// TestModulesWithKubernetesAgreeOnVersions keeps a cold start short: with one version of one dependency that differs, most
// of client-go is compiled once more, which is a minute of somebody's waiting.
func TestModulesWithKubernetesAgreeOnVersions(t *testing.T) {
	agreed := map[string]string{}
	for _, module := range kubernetesModules {
		name := filepath.Join(module, "go.mod")
		file, err := modfile.Parse(name, []byte(read(t, name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Require) < 10 {
			t.Errorf("%s: only %d requirements were read", name, len(file.Require))
		}
		for _, require := range file.Require {
			if other, known := agreed[require.Mod.Path]; known && other != require.Mod.Version {
				t.Errorf("%s asks for %s, a module before it for %s", name, require.Mod, other)
			}
			agreed[require.Mod.Path] = require.Mod.Version
		}
	}
}
