package provisioner

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
)

func TestLoadSettings(t *testing.T) {
	set, err := loadPacks("")
	if err != nil {
		t.Fatal(err)
	}
	known := set.Offered()[0].Name
	file := filepath.Join(t.TempDir(), "settings.yaml")
	read := func(text string) (map[string]map[string]any, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return loadSettings(file, set)
	}
	settings, err := read(known + ":\n  database: {mode: external, host: 192.0.2.7}\n")
	want := map[string]map[string]any{known: {"database": map[string]any{"mode": "external", "host": "192.0.2.7"}}}
	if err != nil || !reflect.DeepEqual(settings, want) {
		t.Errorf("%v, %v", settings, err)
	}
	if settings, err := read(""); err != nil || len(settings) != 0 {
		t.Errorf("an empty file: %v, %v", settings, err)
	}
	for text, names := range map[string]string{
		"nobody: {}": "nobody", known + ": 5": file, known + ": {database: {mode: external}}": "host",
		known + ": {database: {mode: external, host: db.example}}": "cidr", known + ": {databse: {}}": "databse",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A wrong setting stops the start, before anything is connected, and says which it is.
func TestAWrongSettingOfStoresStopsTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stores.yaml")
	if err := os.WriteFile(file, []byte("dns: [{network: 10.0.0.1}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Config{Installation: "x", Slots: 1, HelmSlots: 1, StoresSettings: file})
	if err == nil || !strings.Contains(err.Error(), "STORES_SETTINGS "+file) || !strings.Contains(err.Error(), "dns[0].network") {
		t.Errorf("it says %v", err)
	}
}

func TestDemosAreOfferedWhereTheyAreWanted(t *testing.T) {
	carried := []engine.Pack{{Name: "corner", Tier: engine.TierStable}, {Name: "toy", Tier: engine.TierDemo}}
	if offered := (Config{DemoEngines: true}).offered(carried); len(offered) != 2 {
		t.Errorf("%v with demos", offered)
	}
	if offered := (Config{}).offered(carried); len(offered) != 1 || offered[0].Name != "corner" {
		t.Errorf("%v without demos", offered)
	}
	if carried[1].Name != "toy" {
		t.Error("what is carried was changed")
	}
}
