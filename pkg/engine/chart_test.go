package engine

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestChart(t *testing.T) {
	files, err := Chart(folder(packYAML), Pack{Name: "corner"})
	if err != nil || len(files) != 2 || files[0].Name != "Chart.yaml" || files[1].Name != "templates/_all.tpl" {
		t.Errorf("%+v, %v", files, err)
	}
	if _, err := Chart(folder(packYAML), Pack{Name: "edge"}); err == nil {
		t.Error("a chart of nothing was read")
	}
}

// sharing is an engine whose chart uses another that lies beside the engines.
func sharing() fstest.MapFS {
	packs := folder(packYAML)
	packs["corner/chart/Chart.yaml"] = &fstest.MapFile{Data: []byte(`name: corner
dependencies:
  - {name: shelves, version: 1.0.0, repository: "file://../../_shelves"}
  - {name: elsewhere, version: 1.0.0, repository: "https://charts.example"}
`)}
	packs["_shelves/Chart.yaml"] = &fstest.MapFile{Data: []byte("name: shelves")}
	packs["_shelves/templates/_labels.tpl"] = &fstest.MapFile{Data: []byte("{{/* */}}")}
	return packs
}

// built is the same with what it uses in charts/, as `helm dependency build` has it.
func built() fstest.MapFS {
	packs := sharing()
	for name, file := range maps.Clone(packs) {
		if inner, is := strings.CutPrefix(name, "_shelves/"); is {
			packs["corner/chart/charts/shelves/"+inner] = file
		}
	}
	return packs
}

func TestAChartHasWhatItUses(t *testing.T) {
	t.Parallel()
	archived := sharing()
	archived["corner/chart/charts/shelves-1.0.0.tgz"] = &fstest.MapFile{Data: []byte("x")}
	for name, c := range map[string]struct {
		packs fstest.MapFS
		want  []string
	}{
		"that lies beside it": {sharing(), []string{"charts/shelves/Chart.yaml", "charts/shelves/templates/_labels.tpl"}},
		"that it has":         {built(), []string{"charts/shelves/Chart.yaml", "charts/shelves/templates/_labels.tpl"}},
		"as an archive":       {archived, []string{"charts/shelves-1.0.0.tgz"}},
		"which is nothing":    {folder(packYAML), nil},
	} {
		if packs, err := Load(c.packs); err != nil || len(packs) != 1 {
			t.Errorf("%s: %d packs, %v", name, len(packs), err)
		}
		files, err := Chart(c.packs, Pack{Name: "corner"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, file := range files {
			if strings.HasPrefix(file.Name, "charts/") {
				got = append(got, file.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAChartThatUsesWhatIsntThere(t *testing.T) {
	t.Parallel()
	for said, names := range map[string]string{
		`dependencies: [{name: shelves, repository: "file://../../_crates"}]`:     "file://../../_crates",
		`dependencies: [{name: shelves, repository: "file://../../../_shelves"}]`: "file://../../../_shelves",
		`dependencies: [`: "Chart.yaml",
	} {
		packs := sharing()
		packs["corner/chart/Chart.yaml"].Data = []byte(said)
		if _, err := Chart(packs, Pack{Name: "corner"}); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: %v", said, err)
		}
	}
}

// What is frozen has its own copy of what it uses: the copy counts as what it was made of, and later changes beside it don't.
func TestTheDigestHasWhatAChartUses(t *testing.T) {
	t.Parallel()
	digest := func(packs fstest.MapFS) string {
		t.Helper()
		of, err := Digest(packs, Pack{Name: "corner"})
		if err != nil {
			t.Fatal(err)
		}
		return of
	}
	shared, frozen := sharing(), built()
	released := digest(shared)
	if got := digest(frozen); got != released {
		t.Errorf("with its own copy %s, was released as %s", got, released)
	}
	changed := &fstest.MapFile{Data: []byte("{{/* more */}}")}
	shared["_shelves/templates/_labels.tpl"], frozen["_shelves/templates/_labels.tpl"] = changed, changed
	if digest(shared) == released {
		t.Error("a change of what it uses wasn't noticed")
	}
	if digest(frozen) != released {
		t.Error("what changes beside it changed a chart that has its own copy")
	}
}
