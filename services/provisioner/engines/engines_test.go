package engines

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
)

// schema is the part of a chart's values.schema.json that the tests look at.
type schema struct {
	Type       any               `json:"type"`
	Required   []string          `json:"required"`
	Properties map[string]schema `json:"properties"`
	Additional any               `json:"additionalProperties"`
	Enum       []string          `json:"enum"`
	Pattern    string            `json:"pattern"`
	Minimum    *int64            `json:"minimum"`
	Maximum    *int64            `json:"maximum"`
	MinLength  *int64            `json:"minLength"`
	MaxLength  *int64            `json:"maxLength"`
}

func carried(t *testing.T) []engine.Pack {
	t.Helper()
	packs, err := engine.Load(Packs)
	if err != nil {
		t.Fatal(err)
	}
	if len(packs) == 0 {
		t.Fatal("no pack is embedded")
	}
	return packs
}

func schemaOf(t *testing.T, pack engine.Pack) schema {
	t.Helper()
	content, err := fs.ReadFile(Packs, path.Join(engine.Folder(Packs, pack), "chart/values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(content, &s); err != nil {
		t.Fatalf("schema of %s: %v", pack.Name, err)
	}
	return s
}

// TestChartsTakeWhatPacksGive holds the two descriptions of a pack's values together: a value that the gateway has
// admitted must not be refused by the chart.
func TestChartsTakeWhatPacksGive(t *testing.T) {
	for _, pack := range carried(t) {
		values, err := pack.Values(engine.Release{Store: "abcdefghijkl", Name: "Shop", Running: true, Secret: "store-credentials"})
		if err != nil {
			t.Fatalf("%s without options: %v", pack.Name, err)
		}
		s := schemaOf(t, pack)
		delete(s.Properties, "library") // Helm's own: every chart that another uses has a key in its values
		if s.Additional != false || !sameKeys(values, s.Properties) {
			t.Errorf("%s: the schema has %v", pack.Name, slices.Sorted(maps.Keys(s.Properties)))
		}
		images := s.Properties["images"].Properties
		if !sameKeys(pack.Images, images) {
			t.Errorf("%s: the schema has the images %v", pack.Name, slices.Sorted(maps.Keys(images)))
		}
		options := s.Properties["options"]
		if options.Additional != false || len(options.Properties) != len(pack.Options) {
			t.Errorf("%s: the schema has the options %v", pack.Name, slices.Sorted(maps.Keys(options.Properties)))
		}
		for _, option := range pack.Options {
			given := option.Required || option.Default != nil
			if given != slices.Contains(options.Required, option.Name) {
				t.Errorf("%s: option %s is always there: %v, the schema says otherwise", pack.Name, option.Name, given)
			}
			if !options.Properties[option.Name].describes(option) {
				t.Errorf("%s: option %s has another schema than engine.yaml", pack.Name, option.Name)
			}
		}
	}
}

func (s schema) describes(option engine.Option) bool {
	same := func(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
	switch option.Type {
	case engine.TypeEnum:
		return slices.Equal(s.Enum, option.Enum)
	case engine.TypeInteger:
		return s.Type == "integer" && same(s.Minimum, option.Min) && same(s.Maximum, option.Max)
	case engine.TypeString:
		return s.Type == "string" && same(s.MinLength, option.Min) && same(s.MaxLength, option.Max) && s.Pattern == option.Pattern
	case engine.TypeBoolean:
		return s.Type == "boolean"
	}
	return false
}

func sameKeys[A, B any](a map[string]A, b map[string]B) bool {
	return slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
}

// TestThePageOfASuspendedStoreIsOne: a merchant with stores of two engines reads the same, and the probe finds its mark.
func TestThePageOfASuspendedStoreIsOne(t *testing.T) {
	page, err := os.ReadFile("sample/image/internal/suspended/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range carried(t) {
		if !pack.CanSuspend() {
			t.Errorf("%s can't be suspended", pack.Name)
		}
		if err := pack.ProbeWhen(false).Check(http.StatusServiceUnavailable, page); err != nil {
			t.Errorf("%s: %v", pack.Name, err)
		}
		for _, word := range []string{pack.Name, pack.Title, "<script"} {
			if strings.Contains(strings.ToLower(string(page)), strings.ToLower(word)) {
				t.Errorf("the page says %q", word)
			}
		}
	}
	if others, err := fs.ReadFile(Packs, "_library/suspended/page.html"); err != nil || !bytes.Equal(others, page) {
		t.Errorf("the library has another page (%v)", err)
	}
}

// TestOptionsSayWhatAChangeComesTo: saying nothing is refusing, which here would be an oversight.
func TestOptionsSayWhatAChangeComesTo(t *testing.T) {
	for _, pack := range carried(t) {
		file, err := fs.ReadFile(Packs, path.Join(pack.Name, "engine.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Count(string(file), "\n    change: "); said != len(pack.Options) {
			t.Errorf("%s says of %d options what a change comes to, and has %d", pack.Name, said, len(pack.Options))
		}
	}
}

// looksAlive is what shops answer that can't sell: as installers, without their plugin or database, or not set up yet.
var looksAlive = map[string]struct {
	status int
	body   string
}{
	"a redirect to an installer": {302, ""},
	"an installer":               {200, "<!DOCTYPE html><title>WordPress &rsaquo; Installation</title>"},
	"a route without its plugin": {404, `{"code":"rest_no_route","data":{"status":404}}`},
	"an error that is no error":  {200, `{"code":"rest_no_route","data":{"status":404}}`},
	"a database that is away":    {500, "<h1>Error establishing a database connection</h1>"},
	"a process that lives":       {200, "OK"},
	"a shop before its set-up":   {503, `{"ready":false}`},
	"one that doesn't say so":    {200, `{"ready":false}`},
}

func TestNoProbePassesWhereNothingIsSold(t *testing.T) {
	for _, pack := range carried(t) {
		for name, answer := range looksAlive {
			if pack.Probe.Check(answer.status, []byte(answer.body)) == nil {
				t.Errorf("%s: the probe passes on %s", pack.Name, name)
			}
		}
	}
}
