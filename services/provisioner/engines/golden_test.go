package engines

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rendered is what a store of the plan consists of, as the chart writes it and in the order in which it is made.
func rendered(t *testing.T, pack engine.Pack, plan engine.Plan) []byte {
	t.Helper()
	files, err := engine.Chart(Packs, pack.Name)
	if err != nil {
		t.Fatal(err)
	}
	const id = store.ID("sabcdefghijk")
	values, err := pack.Values(engine.Release{
		Store: string(id), Name: "Amber Harbour", Plan: plan.Name, Labels: map[string]string{"store-platform.io/store": string(id)},
		Secret: "store-credentials", Host: id.Namespace() + ".example.org", URL: "https://" + id.Namespace() + ".example.org",
		IngressClass: "example", Running: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := release.Spec{Store: id, Chart: files, Values: values}.Objects()
	if err != nil {
		t.Fatalf("render %s in plan %s: %v", pack.Name, plan.Name, err)
	}
	var all bytes.Buffer
	for _, object := range objects {
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n")
		all.Write(text)
	}
	return all.Bytes()
}

// TestRendersAreTheGoldenOnes shows in a diff what a change of a chart does to stores, and that nothing in it is random: a
// worker that takes over renders the same. Write them anew with -update, and read the diff.
func TestRendersAreTheGoldenOnes(t *testing.T) {
	var golden []string
	for _, pack := range carried(t) {
		for _, plan := range pack.Plans {
			name := filepath.Join("testdata", "golden", pack.Name+"-"+plan.Name+".yaml")
			golden = append(golden, name)
			got := rendered(t, pack, plan)
			if again := rendered(t, pack, plan); !bytes.Equal(got, again) {
				t.Errorf("%s in plan %s renders in two ways:\n%s", pack.Name, plan.Name, cmp.Diff(string(got), string(again)))
			}
			if *update {
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (golden -, rendered +):\n%s", name, diff)
			}
		}
	}
	kept, err := filepath.Glob(filepath.Join("testdata", "golden", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kept {
		if !slices.Contains(golden, name) {
			t.Errorf("%s belongs to no pack and plan", name)
		}
	}
}
