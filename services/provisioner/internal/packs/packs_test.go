package packs_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/services/provisioner/engines"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

func TestLoadBuiltIn(t *testing.T) {
	t.Parallel()
	set, err := packs.Load(engines.Packs, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	sample, ok := set.Find("sample", "")
	if !ok || len(sample.Chart) == 0 {
		t.Errorf("the sample engine is carried: %t, with %d chart files", ok, len(sample.Chart))
	}
	if _, ok := set.Find("sample", "0.0.1"); ok {
		t.Error("a version was found that nobody carries")
	}
	if _, ok := set.Find("none", ""); ok {
		t.Error("an engine was found that nobody carries")
	}
}

// versions of one engine, as they come from a source.
func versions(t *testing.T, numbers ...string) fstest.MapFS {
	t.Helper()
	packs := fstest.MapFS{}
	for _, number := range numbers {
		yaml := strings.Replace(bakery, "VERSION", number, 1)
		packs["bakery/"+number+"/engine.yaml"] = &fstest.MapFile{Data: []byte(yaml)}
		packs["bakery/"+number+"/chart/Chart.yaml"] = &fstest.MapFile{Data: []byte("version: " + number)}
	}
	return packs
}

const bakery = `name: bakery
title: Bakery
tier: stable
version: VERSION
description: Bread.
plans: [{name: loaf, title: Loaf, cpu: 100m, memory: 64Mi, storage: 64Mi, default: true}]
links: [{name: storefront, title: Shop, path: /}]
probe: {service: bakery, port: 80, path: /, status: 200, contains: warm}
images: {oven: "bakery:1"}
workloads: [{kind: Deployment, name: bakery}]
`

// An engine's versions may come from several places: those that ship, and those that an operator mounts.
func TestASetHasEveryVersion(t *testing.T) {
	t.Parallel()
	retired := versions(t, "2.0.0")
	retired["bakery/2.0.0/retired"] = &fstest.MapFile{}
	set, err := packs.Load(versions(t, "1.9.0", "1.10.0"), retired)
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"": "1.10.0", "1.9.0": "1.9.0", "1.10.0": "1.10.0", "2.0.0": "2.0.0"} {
		found, ok := set.Find("bakery", asked)
		if !ok || found.Version != want || len(found.Chart) != 1 || string(found.Chart[0].Data) != "version: "+want {
			t.Errorf("of version %q: %s with the chart %v", asked, found.Version, found.Chart)
		}
	}
	if names := set.Names(); !slices.Equal(names, []string{"bakery@", "bakery@1.10.0", "bakery@1.9.0", "bakery@2.0.0"}) {
		t.Errorf("it answers to %q", names)
	}
	if offered := set.Offered(); len(offered) != 1 || offered[0].Version != "1.10.0" {
		t.Errorf("offered: %v", offered)
	}
	if all, of := set.All(), set.Versions("bakery"); len(all) != 3 || len(of) != 3 || len(set.Versions("none")) != 0 {
		t.Errorf("%d packs, %d of the engine", len(all), len(of))
	}
}

func TestLoadRefusesTwoOfOneVersion(t *testing.T) {
	t.Parallel()
	if _, err := packs.Load(versions(t, "1.0.0", "1.1.0"), versions(t, "1.1.0")); err == nil || !strings.Contains(err.Error(), "1.1.0") {
		t.Errorf("which of two packs of one version runs would depend on their order: %v", err)
	}
}

// Stores stand that were made of a released version, and are held against its chart.
func TestReleasedPacksAreAsTheyWereReleased(t *testing.T) {
	t.Parallel()
	shipped := os.DirFS("../../engines")
	packs, err := engine.Load(shipped)
	if err != nil || len(packs) == 0 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	for _, pack := range packs {
		if err := engine.CheckReleased(shipped, pack); err != nil {
			t.Error(err)
		}
	}
}
