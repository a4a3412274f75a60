package up

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgramsAreFoundByName(t *testing.T) {
	all, err := Programs()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(programs)+len(forTests) {
		t.Errorf("without names: %v", all)
	}
	for _, program := range all {
		// The module's folder is what makes the key; the package is what is built.
		if _, err := os.Stat(filepath.Join("..", "..", "..", "..", program.Module, program.Package, "main.go")); err != nil {
			t.Error(err)
		}
	}
	asked, err := Programs("store-gateway", "store-broker")
	if err != nil || len(asked) != 2 || asked[0] != programs[gateway] || asked[1] != programs[brokerName] {
		t.Errorf("asked for two: %v, %v", asked, err)
	}
	if _, err := Programs("store-gateway", "store-gate"); err == nil || !strings.Contains(err.Error(), "store-gate: there are apiserver, ") {
		t.Errorf("an unknown one: %v", err)
	}
}
