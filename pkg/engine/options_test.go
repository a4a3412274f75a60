package engine

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"testing"
)

func TestResolveOptions(t *testing.T) {
	pack := corner(t)
	resolved, err := pack.ResolveOptions(map[string]any{"title": "Äbc", "products": float64(3), "open": nil})
	if err == nil {
		t.Fatalf("a title that doesn't match was taken: %v", resolved)
	}
	resolved, err = pack.ResolveOptions(map[string]any{"title": "Abc", "products": float64(3), "open": nil})
	want := map[string]any{"title": "Abc", "products": int64(3), "open": false, "currency": "EUR"}
	if err != nil || !reflect.DeepEqual(resolved, want) {
		t.Fatalf("%v, %v", resolved, err)
	}
	// As they come back from the log.
	content, err := json.Marshal(resolved)
	if err != nil {
		t.Fatal(err)
	}
	var logged map[string]any
	if err := json.Unmarshal(content, &logged); err != nil {
		t.Fatal(err)
	}
	if again, err := pack.ResolveOptions(logged); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("again: %v, %v", again, err)
	}
}

func TestResolveOptionsNamesTheField(t *testing.T) {
	pack := corner(t)
	for _, test := range []struct {
		field string
		value any
	}{
		{"title", nil}, {"title", ""}, {"title", "A"}, {"title", "Abcdef"}, {"title", "abc"}, {"title", "x\nAb"},
		{"title", 7}, {"title", []any{"Abc"}}, {"title", "A\xff"},
		{"products", 0}, {"products", 21}, {"products", 1.5}, {"products", "3"}, {"products", true},
		{"products", 1e300}, {"products", json.Number("1.0")}, {"products", int64(1) << 60},
		{"open", "true"}, {"open", 1}, {"currency", "GBP"}, {"currency", "eur"}, {"currency", 1},
		{"colour", "red"},
	} {
		given := map[string]any{"title": "Abc", test.field: test.value}
		before := maps.Clone(given)
		_, err := pack.ResolveOptions(given)
		var fault *FieldError
		if !errors.As(err, &fault) || fault.Field != "options."+test.field || fault.Message == "" {
			t.Errorf("%s=%#v: %v", test.field, test.value, err)
		}
		if !reflect.DeepEqual(given, before) {
			t.Errorf("%s=%#v: what was given was changed", test.field, test.value)
		}
	}
}

// What the log holds was admitted once, and its store stands.
func TestATextIsHeldToOneLineWhenItIsNew(t *testing.T) {
	pack := corner(t)
	pack.Options = []Option{{Name: "motto", Title: "Motto", Type: TypeString}}
	for given, want := range map[string]string{" \u00a0Tea\u3000": "Tea", "می\u200cخواهم": "می\u200cخواهم", " \u200d ": "", "": ""} {
		resolved, err := pack.ResolveOptions(map[string]any{"motto": given})
		if err != nil || resolved["motto"] != want {
			t.Errorf("%q becomes %v (%v)", given, resolved["motto"], err)
		}
	}
	logged := func(text string) error {
		_, err := pack.Values(Release{Running: true, Options: map[string]any{"motto": text}})
		return err
	}
	for _, text := range []string{"two\nlines", "turned \u202e around", "hidden\u200b"} {
		var fault *FieldError
		if _, err := pack.ResolveOptions(map[string]any{"motto": text}); !errors.As(err, &fault) || fault.Field != "options.motto" {
			t.Errorf("%q: %v", text, err)
		}
		if err := logged(text); err != nil {
			t.Errorf("%q in the log: %v", text, err)
		}
	}
	if logged("a\x00b") == nil {
		t.Error("a NUL reaches a container")
	}
}

func TestValues(t *testing.T) {
	pack := corner(t)
	values, err := pack.Values(Release{
		Store: "abcdefghijkl", Name: "Ada's", Plan: "large", Options: map[string]any{"title": "Abc"},
		Labels:   map[string]string{"store-platform.io/store": "abcdefghijkl"},
		Registry: "registry.example", Secret: "store-credentials",
		Host: "store-abcdefghijkl.example", URL: "https://store-abcdefghijkl.example", IngressClass: "local", Running: true,
		Installation: map[string]any{"database": map[string]any{"mode": "external"}},
	})
	want := map[string]any{
		"store":   map[string]any{"id": "abcdefghijkl", "name": "Ada's", "url": "https://store-abcdefghijkl.example"},
		"running": true,
		"labels":  map[string]any{"store-platform.io/store": "abcdefghijkl"},
		"plan":    map[string]any{"name": "large", "cpu": "1.5", "memory": "1Gi", "storage": "10Gi"},
		"options": map[string]any{
			"title": "Abc", "products": int64(12), "open": false, "currency": "EUR",
		},
		"images":  map[string]any{"shop": "registry.example/corner/shop:1.2.0"},
		"secret":  map[string]any{"name": "store-credentials"},
		"ingress": map[string]any{"className": "local", "host": "store-abcdefghijkl.example"},

		"installation": map[string]any{"database": map[string]any{"mode": "external"}},
	}
	if err != nil || !reflect.DeepEqual(values, want) {
		t.Errorf("%v, %v", values, err)
	}
	var fault *FieldError
	if _, err := pack.Values(Release{Running: true, Plan: "huge"}); !errors.As(err, &fault) || fault.Field != "plan" {
		t.Errorf("another plan: %v", err)
	}
	if _, err := pack.Values(Release{Running: true}); !errors.As(err, &fault) || fault.Field != "options.title" {
		t.Errorf("without a title: %v", err)
	}
}
