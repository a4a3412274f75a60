package engine

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// versions are two of one engine, and an engine of the other layout beside them.
func versions() fstest.MapFS {
	packs := fstest.MapFS{}
	for _, version := range []string{"1.2.0", "1.10.0"} {
		yaml := strings.Replace(packYAML, "version: 1.2.0", "version: "+version, 1)
		packs["corner/"+version+"/engine.yaml"] = &fstest.MapFile{Data: []byte(yaml)}
		packs["corner/"+version+"/chart/Chart.yaml"] = &fstest.MapFile{Data: []byte("name: corner\nversion: " + version)}
	}
	packs["bakery/engine.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(packYAML, "name: corner", "name: bakery", 1))}
	packs["bakery/chart/Chart.yaml"] = &fstest.MapFile{Data: []byte("name: bakery")}
	packs["corner/README.md"] = &fstest.MapFile{Data: []byte("x")}
	packs["corner/testdata/x"] = &fstest.MapFile{Data: []byte("x")}
	return packs
}

func TestLoadTakesVersionsOfAnEngine(t *testing.T) {
	t.Parallel()
	source := versions()
	source["corner/1.10.0/retired"] = &fstest.MapFile{Data: []byte("It loses orders.")}
	packs, err := Load(source)
	if err != nil || len(packs) != 3 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	for i, want := range []struct {
		version, folder string
		retired         bool
	}{{"1.2.0", "bakery", false}, {"1.2.0", "corner/1.2.0", false}, {"1.10.0", "corner/1.10.0", true}} {
		pack := packs[i]
		if folder := Folder(source, pack); pack.Version != want.version || folder != want.folder || pack.Retired != want.retired {
			t.Errorf("version %s in %s, retired: %t; want %+v", pack.Version, folder, pack.Retired, want)
		}
		chart, err := Chart(source, pack)
		if err != nil || len(chart) != 1 || pack.Name == "corner" && !bytes.Contains(chart[0].Data, []byte(pack.Version)) {
			t.Errorf("the chart of version %s is %s, %v", pack.Version, chart, err)
		}
	}
	offered := Offered(packs)
	if len(offered) != 2 || offered[1].Version != "1.2.0" {
		t.Errorf("offered: %+v", offered)
	}
}

func TestLoadRefusesVersions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(fstest.MapFS)
		names string
	}{
		"in another version's folder": {func(packs fstest.MapFS) {
			packs["corner/1.3.0/engine.yaml"] = packs["corner/1.2.0/engine.yaml"]
		}, "1.3.0"},
		"without engine.yaml": {func(packs fstest.MapFS) { delete(packs, "corner/1.2.0/engine.yaml") }, "corner/1.2.0/engine.yaml"},
		"all without engine.yaml": {func(packs fstest.MapFS) {
			delete(packs, "corner/1.2.0/engine.yaml")
			delete(packs, "corner/1.10.0/engine.yaml")
		}, "corner/engine.yaml"},
	} {
		packs := versions()
		c.spoil(packs)
		if _, err := Load(packs); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is released is frozen: stores stand that were made of it.
func TestAReleasedPackDoesNotChange(t *testing.T) {
	t.Parallel()
	const chart, about = "corner/1.2.0/chart/Chart.yaml", "corner/1.2.0/engine.yaml"
	pack := corner(t)
	digest, err := Digest(versions(), pack)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change  func(fstest.MapFS)
		refused bool
	}{
		"as it was":          {func(fstest.MapFS) {}, false},
		"its image":          {func(packs fstest.MapFS) { packs["corner/1.2.0/image/Dockerfile"] = &fstest.MapFile{} }, false},
		"another version":    {func(packs fstest.MapFS) { packs["corner/1.10.0/chart/new.yaml"] = &fstest.MapFile{} }, false},
		"retired":            {func(packs fstest.MapFS) { packs["corner/1.2.0/retired"] = &fstest.MapFile{} }, false},
		"no release":         {func(packs fstest.MapFS) { delete(packs, "corner/1.2.0/released"); delete(packs, chart) }, false},
		"a file removed":     {func(packs fstest.MapFS) { delete(packs, chart) }, true},
		"a file added":       {func(packs fstest.MapFS) { packs["corner/1.2.0/chart/new.yaml"] = &fstest.MapFile{} }, true},
		"a template changed": {func(packs fstest.MapFS) { packs[chart] = &fstest.MapFile{Data: []byte("name: corner\nversion: 1.2")} }, true},
		"engine.yaml": {func(packs fstest.MapFS) {
			packs[about] = &fstest.MapFile{Data: append([]byte("# \n"), packs[about].Data...)}
		}, true},
		"an empty mark": {func(packs fstest.MapFS) { packs["corner/1.2.0/released"] = &fstest.MapFile{} }, true},
	} {
		packs := versions()
		packs["corner/1.2.0/released"] = &fstest.MapFile{Data: []byte(digest + "\n")}
		c.change(packs)
		if err := CheckReleased(packs, pack); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckReleased(fstest.MapFS{"corner/1.2.0/released": {Mode: fs.ModeDir}}, pack); err == nil {
		t.Error("a mark that can't be read is none")
	}
}
