package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// carriers is what packs are published to: by version, and as the releases before did.
type carriers struct {
	t              *testing.T
	packs, catalog jetstream.KeyValue
}

func setup(t *testing.T) *carriers {
	t.Helper()
	js, err := jetstream.New(bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	c := &carriers{t: t}
	for name, kv := range map[string]*jetstream.KeyValue{storelog.BucketPacks: &c.packs, storelog.BucketCatalog: &c.catalog} {
		if *kv, err = js.KeyValue(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// publish is a carrier's start that offers what is newest.
func (c *carriers) publish(rank int, packs ...engine.Pack) []engine.Pack {
	c.t.Helper()
	return c.publishOffering(rank, engine.Offered(packs), packs...)
}

func (c *carriers) publishOffering(rank int, offered []engine.Pack, packs ...engine.Pack) []engine.Pack {
	c.t.Helper()
	stands, err := engine.Publish(c.t.Context(), c.packs, rank, packs, offered)
	if err != nil {
		c.t.Fatal(err)
	}
	return stands
}

// publishBefore is the start of a carrier of the releases before.
func (c *carriers) publishBefore(packs ...engine.Pack) {
	c.t.Helper()
	if err := engine.PublishBefore(c.t.Context(), c.catalog, packs); err != nil {
		c.t.Fatal(err)
	}
}

func (c *carriers) watch() *engine.Catalog {
	c.t.Helper()
	catalog, err := engine.Watch(c.t.Context(), c.packs, c.catalog)
	if err != nil {
		c.t.Fatal(err)
	}
	return catalog
}

// read is what a view that begins now offers.
func (c *carriers) read() []engine.Pack {
	c.t.Helper()
	return c.watch().Engines()
}

func pack(name string, tier engine.Tier, preference int) engine.Pack {
	return engine.Pack{
		Name: name, Title: name, Tier: tier, Version: "1.0.0", Description: "A shop.", Preference: preference,
		Plans:     []engine.Plan{{Name: "small", Title: "Small", CPU: "1", Memory: "1Gi", Storage: "1Gi", Default: true}},
		Options:   []engine.Option{{Name: "size", Title: "Size", Type: engine.TypeInteger, Default: int64(3), Change: engine.ChangeNever}},
		Links:     []engine.Link{{Name: "storefront", Title: "Shop", Path: "/"}},
		Probe:     engine.Probe{Service: "store", Port: 80, Path: "/", Status: 200, Contains: "x"},
		Images:    map[string]string{"shop": "shop:1"},
		Workloads: []engine.Workload{{Kind: "Deployment", Name: "store"}},
	}
}

func names(packs []engine.Pack) string {
	var all []string
	for _, pack := range packs {
		all = append(all, pack.Name)
	}
	return strings.Join(all, " ")
}

func TestPublishAndRead(t *testing.T) {
	t.Parallel()
	c := setup(t)
	if packs := c.read(); len(packs) != 0 {
		t.Fatalf("an empty catalog: %v", packs)
	}
	want := []engine.Pack{pack("bakery", engine.TierStable, 1), pack("corner", engine.TierDemo, 0)}
	if stands := c.publish(1, want[1], want[0]); !reflect.DeepEqual(stands, want) {
		t.Errorf("it stands %+v", stands)
	}
	if got := c.read(); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
	before := c.revisions()
	c.publish(1, want...)
	if after := c.revisions(); !maps.Equal(before, after) {
		t.Errorf("what is the same was written again: %v, %v", before, after)
	}
	c.publish(1, want[1])
	catalog := c.watch()
	if got := names(catalog.Engines()); got != "corner" {
		t.Errorf("after a carrier without one: %q", got)
	}
	if kept, ok := catalog.Version("bakery", "1.0.0"); !ok || kept.Links[0].Title != "Shop" {
		t.Errorf("what stores were made of isn't known any more: %+v", kept)
	}
}

func (c *carriers) revisions() map[string]uint64 {
	c.t.Helper()
	keys, err := c.packs.Keys(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	revisions := map[string]uint64{}
	for _, key := range keys {
		entry, err := c.packs.Get(c.t.Context(), key)
		if err != nil {
			c.t.Fatal(err)
		}
		revisions[key] = entry.Revision()
	}
	return revisions
}

func version(name, version string) engine.Pack {
	p := pack(name, engine.TierStable, 1)
	p.Version, p.Description = version, "Version "+version
	return p
}

// The newest release is right about what is offered and what a version is, whichever is started last.
func TestAnOlderCarrierTakesNothingBack(t *testing.T) {
	t.Parallel()
	c := setup(t)
	older, changed := version("bakery", "1.0.0"), version("bakery", "1.0.0")
	changed.Description = "As the newer release has it"
	c.publish(1, older, version("attic", "1.0.0"))
	c.publish(2, changed, version("bakery", "1.1.0"), version("corner", "0.1.0"))
	catalog := c.watch()
	for range 2 {
		if got := names(catalog.Engines()); got != "bakery corner" {
			t.Errorf("on offer: %q", got)
		}
		if found, _ := catalog.Find("bakery"); found.Version != "1.1.0" {
			t.Errorf("the version on offer is %q", found.Version)
		}
		if found, _ := catalog.Version("bakery", "1.0.0"); found.Description != changed.Description {
			t.Errorf("version 1.0.0 is %q", found.Description)
		}
		if _, ok := catalog.Version("attic", "1.0.0"); !ok {
			t.Error("a version that stores were made of is forgotten")
		}
		// An old carrier is started again.
		if stands := c.publish(1, older, version("attic", "1.0.0")); names(stands) != "bakery corner" {
			t.Errorf("it is told that %q is on offer", names(stands))
		}
		catalog = c.watch()
	}
	// A newer one without 1.1.0 may take it from the offer: that is a decision, and no start of an old pod.
	c.publish(2, changed)
	if found, _ := c.watch().Find("bakery"); found.Version != "1.0.0" {
		t.Errorf("the version on offer is %q", found.Version)
	}
}

func TestManyCarriersStartAtOnce(t *testing.T) {
	t.Parallel()
	c := setup(t)
	var started sync.WaitGroup
	for rank := range 8 {
		started.Go(func() {
			packs := []engine.Pack{version("bakery", "1.0."+strconv.Itoa(rank)), version("corner", "1.0.0")}
			packs[1].Description = strconv.Itoa(rank)
			if _, err := engine.Publish(t.Context(), c.packs, rank, packs, packs); err != nil {
				t.Error(err)
			}
		})
	}
	started.Wait()
	catalog := c.watch()
	bakery, _ := catalog.Find("bakery")
	corner, _ := catalog.Find("corner")
	if bakery.Version != "1.0.7" || corner.Description != "7" {
		t.Errorf("%s and %q stand, not what the highest rank published", bakery.Version, corner.Description)
	}
}

// A gateway is upgraded before or after the provisioners, whose release before knows one version of each engine.
func TestTheCatalogOfTheReleaseBefore(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.publishBefore(version("bakery", "0.9.0"), version("attic", "0.9.0"))
	catalog := c.watch()
	if got := names(catalog.Engines()); got != "attic bakery" {
		t.Errorf("with old carriers alone: %q", got)
	}
	if found, ok := catalog.Version("attic", "0.9.0"); !ok || found.Version != "0.9.0" {
		t.Errorf("a store's version, with old carriers alone: %+v", found)
	}
	if _, ok := catalog.Version("attic", "1.0.0"); ok {
		t.Error("another version stands in for a store's")
	}
	stands := c.publish(1, version("bakery", "1.0.0"))
	await(t, catalog, "bakery")
	c.publishBefore(stands...)
	if entry, err := c.catalog.Get(t.Context(), "bakery"); err != nil || !strings.Contains(string(entry.Value()), `"version":"1.0.0"`) {
		t.Errorf("old gateways read %s (%v)", entry.Value(), err)
	}
	if _, err := c.catalog.Get(t.Context(), "attic"); err == nil {
		t.Error("old gateways offer what isn't on offer")
	}
	// An old carrier is started again: it writes what only old gateways read.
	c.publishBefore(version("bakery", "0.9.0"), version("attic", "0.9.0"))
	if found, _ := c.watch().Find("bakery"); found.Version != "1.0.0" {
		t.Errorf("the version on offer is %q", found.Version)
	}
	if got := names(c.read()); got != "bakery" {
		t.Errorf("on offer: %q", got)
	}
}

func TestWatchFollows(t *testing.T) {
	t.Parallel()
	c := setup(t)
	bakery, corner := pack("bakery", engine.TierStable, 1), pack("corner", engine.TierStable, 2)
	c.publish(1, bakery)
	catalog := c.watch()
	if names(catalog.Engines()) != "bakery" {
		t.Fatalf("at first: %q", names(catalog.Engines()))
	}
	c.publish(1, bakery, corner)
	await(t, catalog, "bakery corner")
	if found, ok := catalog.Find("corner"); !ok || found.Preference != 2 {
		t.Errorf("find: %+v", found)
	}
	if best, ok := catalog.Default(); !ok || best.Name != "corner" {
		t.Errorf("default: %q", best.Name)
	}
	// As where demos aren't wanted any more: it is carried, and not offered.
	c.publishOffering(1, []engine.Pack{bakery}, bakery, corner)
	await(t, catalog, "bakery")
	if _, ok := catalog.Find("corner"); ok {
		t.Error("an engine that isn't offered is found")
	}
	if _, ok := catalog.Version("corner", "1.0.0"); !ok {
		t.Error("an engine that is carried and not offered has stores that nobody knows")
	}
}

func TestWatchLeavesOutWhatItCantRead(t *testing.T) {
	t.Parallel()
	c := setup(t)
	packs := []engine.Pack{pack("bakery", engine.TierStable, 1), pack("corner", engine.TierStable, 1)}
	c.publish(1, packs...)
	catalog := c.watch()
	for _, value := range []string{"{", `{"rank":1,"pack":{"name":"corner"}}`} {
		if _, err := c.packs.PutString(t.Context(), "corner.1.0.0", value); err != nil {
			t.Fatal(err)
		}
		await(t, catalog, "bakery")
		c.publish(1, packs...)
		await(t, catalog, "bakery corner")
	}
	// An offer that can't be read is nobody's.
	if _, err := c.packs.PutString(t.Context(), "offered", "{"); err != nil {
		t.Fatal(err)
	}
	packs[1].Preference = 5
	c.publishOffering(1, nil, packs[1])
	await(t, catalog, "")
}

func TestReaderOlderThanThePack(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.publish(1, pack("bakery", engine.TierStable, 1))
	entry, err := c.packs.Get(t.Context(), "bakery.1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(entry.Value()), `{"name"`, `{"backup":{"command":["dump"]},"name"`, 1)
	if _, err := c.packs.PutString(t.Context(), "bakery.1.0.0", newer); err != nil {
		t.Fatal(err)
	}
	if got := names(c.read()); got != "bakery" {
		t.Errorf("%q", got)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Watch(ctx, c.packs, c.catalog); err == nil {
		t.Error("a watch began after its end")
	}
}

func TestOffered(t *testing.T) {
	t.Parallel()
	retired := version("bakery", "2.0.0")
	retired.Retired = true
	gone := version("attic", "1.0.0")
	gone.Retired = true
	offered := engine.Offered([]engine.Pack{
		version("bakery", "1.9.0"), version("bakery", "1.10.0"), version("bakery", "1.10.0-rc.1"), retired, gone, version("corner", "1"),
	})
	if len(offered) != 2 || offered[0].Version != "1.10.0" || offered[1].Name != "corner" {
		t.Errorf("%+v", offered)
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for _, ordered := range [][]string{
		{"1", "1.0.1", "1.2", "1.10", "2"},
		{"1.0.0-alpha", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1-alpha"},
	} {
		for i, a := range ordered {
			for j, b := range ordered {
				if got := engine.CompareVersions(a, b); got != cmp.Compare(i, j) {
					t.Errorf("%s and %s: %d", a, b, got)
				}
			}
		}
	}
}

// await waits until a view offers these engines.
func await(t *testing.T, catalog *engine.Catalog, want string) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if got := names(catalog.Engines()); got != want {
			return fmt.Errorf("the catalog offers %q instead of %q", got, want)
		}
		return nil
	})
}

func TestDefault(t *testing.T) {
	t.Parallel()
	demo, other := pack("sampler", engine.TierDemo, 99), pack("another", engine.TierDemo, 1)
	low, high := pack("low", engine.TierStable, 1), pack("high", engine.TierStable, 10)
	equal := pack("equal", engine.TierStable, 10)
	for _, test := range []struct {
		packs []engine.Pack
		want  string
	}{
		{nil, ""},
		{[]engine.Pack{demo}, "sampler"},
		{[]engine.Pack{demo, other}, ""},
		{[]engine.Pack{demo, low}, "low"},
		{[]engine.Pack{low, high, demo}, "high"},
		{[]engine.Pack{high, equal}, "equal"},
	} {
		for range 2 {
			if got, ok := engine.Default(test.packs); got.Name != test.want || ok != (test.want != "") {
				t.Errorf("of %q: %q", names(test.packs), got.Name)
			}
			slices.Reverse(test.packs)
		}
	}
}
