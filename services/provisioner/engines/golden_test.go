package engines

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rendered is what a store of the plan consists of, as the chart writes it and in the order in which it is made.
func rendered(t *testing.T, pack engine.Pack, plan engine.Plan, running bool) []byte {
	t.Helper()
	files, err := engine.Chart(Packs, pack)
	if err != nil {
		t.Fatal(err)
	}
	const id = store.ID("sabcdefghijk")
	values, err := pack.Values(engine.Release{
		Store: string(id), Name: "Amber Harbour", Plan: plan.Name, Labels: map[string]string{"store-platform.io/store": string(id)},
		Secret: "store-credentials", Host: id.Namespace() + ".example.org", URL: "https://" + id.Namespace() + ".example.org",
		IngressClass: "example", Running: running,
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
			golden = append(golden, holdAgainstGolden(t, pack, plan, true), holdAgainstGolden(t, pack, plan, false))
		}
	}
	kept, err := filepath.Glob(filepath.Join("testdata", "golden", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kept {
		if !slices.Contains(golden, name) {
			t.Errorf("%s belongs to no pack and plan", name)
		}
	}
}

// holdAgainstGolden names the file. Of a suspended store it holds what differs from the one that runs.
func holdAgainstGolden(t *testing.T, pack engine.Pack, plan engine.Plan, running bool) string {
	t.Helper()
	got := rendered(t, pack, plan, running)
	if again := rendered(t, pack, plan, running); !bytes.Equal(got, again) {
		t.Errorf("%s in plan %s renders in two ways:\n%s", pack.Name, plan.Name, cmp.Diff(string(got), string(again)))
	}
	name := filepath.Join("testdata", "golden", pack.Name+"-"+plan.Name+".yaml")
	if !running {
		got = changed(rendered(t, pack, plan, true), got)
		name = filepath.Join("testdata", "golden", pack.Name+"-"+plan.Name+"-suspended.diff")
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
	return name
}

// changed are the lines of after that aren't as in before, by object; an object whose lines don't pair up stands there whole.
func changed(before, after []byte) []byte {
	const separator = "---\n"
	stood, stands := strings.Split(string(before), separator), strings.Split(string(after), separator)
	var all strings.Builder
	for i, object := range stands {
		now := strings.Split(object, "\n")
		old := make([]string, len(now))
		if i < len(stood) {
			if lines := strings.Split(stood[i], "\n"); len(lines) == len(now) {
				old = lines
			}
		}
		if slices.Equal(old, now) {
			continue
		}
		var about struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := yaml.Unmarshal([]byte(object), &about); err == nil {
			fmt.Fprintf(&all, "%s %s\n", about.Kind, about.Metadata.Name)
		}
		for j, line := range now {
			if line != old[j] {
				fmt.Fprintf(&all, "- %s\n+ %s\n", old[j], line)
			}
		}
	}
	return []byte(all.String())
}
