package engine_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func bucket(t *testing.T) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), storelog.BucketCatalog)
	if err != nil {
		t.Fatal(err)
	}
	return kv
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

func publish(t *testing.T, kv jetstream.KeyValue, packs ...engine.Pack) {
	t.Helper()
	if err := engine.Publish(t.Context(), kv, packs); err != nil {
		t.Fatal(err)
	}
}

// await waits until the view is as wanted.
// await waits until a view holds these engines.
func await(t *testing.T, catalog *engine.Catalog, want string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for names(catalog.Engines()) != want {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the catalog holds %q instead of %q", names(catalog.Engines()), want)
		}
	}
}

// read is what a view that begins now holds.
func read(t *testing.T, kv jetstream.KeyValue) []engine.Pack {
	t.Helper()
	catalog, err := engine.Watch(t.Context(), kv)
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Engines()
}

func TestPublishAndRead(t *testing.T) {
	kv := bucket(t)
	if packs := read(t, kv); len(packs) != 0 {
		t.Fatalf("an empty catalog: %v", packs)
	}
	want := []engine.Pack{pack("bakery", engine.TierStable, 1), pack("corner", engine.TierDemo, 0)}
	publish(t, kv, want[1], want[0])
	if got := read(t, kv); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
	before, err := kv.Get(t.Context(), "corner")
	if err != nil {
		t.Fatal(err)
	}
	publish(t, kv, want[1])
	after, err := kv.Get(t.Context(), "corner")
	if err != nil || before.Revision() != after.Revision() {
		t.Errorf("what is the same was written again: %v", err)
	}
	if got := names(read(t, kv)); got != "corner" {
		t.Errorf("after removing one: %q", got)
	}
}

func TestWatchFollows(t *testing.T) {
	kv := bucket(t)
	publish(t, kv, pack("bakery", engine.TierStable, 1))
	catalog, err := engine.Watch(t.Context(), kv)
	if err != nil {
		t.Fatal(err)
	}
	if names(catalog.Engines()) != "bakery" {
		t.Fatalf("at first: %q", names(catalog.Engines()))
	}
	publish(t, kv, pack("bakery", engine.TierStable, 1), pack("corner", engine.TierStable, 2))
	await(t, catalog, "bakery corner")
	if found, ok := catalog.Find("corner"); !ok || found.Preference != 2 {
		t.Errorf("find: %+v", found)
	}
	if best, ok := catalog.Default(); !ok || best.Name != "corner" {
		t.Errorf("default: %q", best.Name)
	}
	publish(t, kv, pack("bakery", engine.TierStable, 1))
	await(t, catalog, "bakery")
	if _, ok := catalog.Find("corner"); ok {
		t.Error("a removed engine is found")
	}
}

func TestWatchLeavesOutWhatItCantRead(t *testing.T) {
	kv := bucket(t)
	publish(t, kv, pack("bakery", engine.TierStable, 1), pack("corner", engine.TierStable, 1))
	catalog, err := engine.Watch(t.Context(), kv)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"{", `{"name":"corner"}`} {
		if _, err := kv.PutString(t.Context(), "corner", value); err != nil {
			t.Fatal(err)
		}
		await(t, catalog, "bakery")
		publish(t, kv, pack("bakery", engine.TierStable, 1), pack("corner", engine.TierStable, 1))
		await(t, catalog, "bakery corner")
	}
}

func TestReaderOlderThanThePack(t *testing.T) {
	kv := bucket(t)
	content, err := json.Marshal(pack("bakery", engine.TierStable, 1))
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(content), `{"name"`, `{"backup":{"command":["dump"]},"name"`, 1)
	if _, err := kv.PutString(t.Context(), "bakery", newer); err != nil {
		t.Fatal(err)
	}
	if got := names(read(t, kv)); got != "bakery" {
		t.Errorf("%q", got)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	kv := bucket(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Watch(ctx, kv); err == nil {
		t.Error("a watch began after its end")
	}
}

func TestDefault(t *testing.T) {
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
