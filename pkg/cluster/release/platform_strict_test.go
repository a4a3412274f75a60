package release_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	helmlint "helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

// open are the objects of the schema in which a mistyped key can't be told, because somebody else says what they hold.
var open = map[string]string{
	"/properties/global": "Helm's, for charts that have this one below them",
	"/properties/engines/properties/settings/additionalProperties":    "each engine's chart has a schema of its own",
	"/properties/engines/properties/packs":                            "any kind of volume, which Kubernetes knows",
	"/definitions/pod/properties/affinity/properties/nodeAffinity":    "Kubernetes knows",
	"/definitions/pod/properties/affinity/properties/podAffinity":     "Kubernetes knows",
	"/definitions/pod/properties/affinity/properties/podAntiAffinity": "Kubernetes knows",
	"/definitions/pod/properties/extraEnv/items/properties/valueFrom": "Kubernetes knows",
}

// Whatever is mistyped is refused, at every level that the schema describes.
func TestPlatformSchemaIsClosed(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(platformChart, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	objects := 0
	var walk func(at string, node any)
	walk = func(at string, node any) {
		here, _ := node.(map[string]any)
		if here["type"] == "object" {
			objects++
			if _, closed := here["additionalProperties"]; closed == (open[at] != "") {
				t.Errorf("%s: that it takes nothing but what it knows is %v", at, closed)
			}
		}
		for key, below := range here {
			walk(at+"/"+key, below)
		}
	}
	walk("", schema)
	if objects < 40 {
		t.Errorf("only %d objects were found: is the schema read right?", objects)
	}
}

// The error names what was mistyped.
func TestPlatformChartNamesWhatWasMistyped(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(platformChart, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var defaults map[string]any
	if err := yaml.Unmarshal(data, &defaults); err != nil {
		t.Fatal(err)
	}
	tried := 0
	var walk func(at []string, values map[string]any)
	walk = func(at []string, values map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			below, ok := values[key].(map[string]any)
			// What an operator fills with names of their own holds strings or numbers.
			if !ok || slices.Contains([]string{"settings", "packs", "labels"}, key) {
				continue
			}
			path := slices.Concat(at, []string{key, "mistyped"})
			mistaken := production()
			set(mistaken, strings.Join(path, "."), true)
			tried++
			if _, err := renderPlatform(t, mistaken); err == nil || !strings.Contains(err.Error(), "mistyped") {
				t.Errorf("%s: %v", strings.Join(path, "."), err)
			}
			walk(path[:len(path)-1], below)
		}
	}
	walk(nil, defaults)
	if tried < 40 {
		t.Errorf("only %d places were tried", tried)
	}
}

// What the chart sets nobody sets beside it: of two variables of one name Kubernetes takes the later, and an upgrade loses both.
func TestPlatformChartKeepsItsOwnVariables(t *testing.T) {
	own := map[string]bool{}
	for _, values := range []map[string]any{production(), local(t), everythingSet()} {
		for _, variables := range environments(t, rendered(t, values)) {
			for name := range variables {
				own[name] = true
			}
		}
	}
	if len(own) < 40 {
		t.Fatalf("only %d variables were found", len(own))
	}
	for name := range own {
		values := production()
		set(values, "pods.extraEnv", []any{map[string]any{"name": name, "value": "x"}})
		if _, err := renderPlatform(t, values); err == nil || !strings.Contains(err.Error(), "/pods/extraEnv/0/name") {
			t.Errorf("%s beside the chart's own: %v", name, err)
		}
	}
}

// helm lint --strict, with what an operator must at least say and with the values for one's own machine.
func TestPlatformChartIsLinted(t *testing.T) {
	for name, values := range map[string]map[string]any{"production": production(), "local": local(t), "everything set": everythingSet()} {
		for _, message := range helmlint.All(platformChart, values, clustertest.PlatformNamespace, true).Messages {
			if message.Severity >= support.WarningSev {
				t.Errorf("%s: %s", name, fmt.Sprint(message))
			}
		}
	}
}
