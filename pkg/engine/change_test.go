package engine

import (
	"errors"
	"strings"
	"testing"
)

func TestOptionsChangeAsThePackSays(t *testing.T) {
	pack := corner(t)
	// As the log gives them back.
	stands := map[string]any{"title": "Abc", "products": float64(12), "open": false, "currency": "EUR"}
	for name, test := range map[string]struct {
		to    map[string]any
		field string
	}{
		"nothing":              {map[string]any{"title": "Abc", "products": int64(12), "open": false, "currency": "EUR"}, ""},
		"what is read live":    {map[string]any{"title": "Abc", "products": int64(12), "open": false, "currency": "EUR", "slogan": "Hi"}, ""},
		"what takes a restart": {map[string]any{"title": "Abc", "products": int64(12), "open": false, "currency": "USD"}, ""},
		"a default left out":   {map[string]any{"title": "Abc"}, ""},
		"what never changes":   {map[string]any{"title": "Abc", "products": int64(11), "open": false, "currency": "EUR"}, "options.products"},
		"what says nothing":    {map[string]any{"title": "Abd", "products": int64(12), "open": false, "currency": "EUR"}, "options.title"},
		"what is turned on":    {map[string]any{"title": "Abc", "open": true}, "options.open"},
	} {
		err := pack.CheckChange(stands, test.to)
		var fault *FieldError
		if test.field == "" && err != nil || test.field != "" && (!errors.As(err, &fault) || fault.Field != test.field || fault.Message == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A pack that comes from elsewhere than a file or the catalog says nothing at all.
	pack.Options[1].Change = ""
	if pack.CheckChange(stands, map[string]any{"title": "Abc", "products": int64(11)}) == nil {
		t.Error("an option without a word on its change was changed")
	}
}

func TestVolumesNeverShrink(t *testing.T) {
	pack := corner(t)
	pack.Plans = append(pack.Plans, Plan{Name: "same", Storage: "1024Mi"}, Plan{Name: "decimal", Storage: "1G"}, Plan{Name: "half", Storage: "0.5Gi"})
	for _, test := range []struct {
		from, to string
		well     bool
	}{
		{"small", "small", true}, {"small", "large", true}, {"", "large", true}, {"small", "same", true}, {"same", "small", true},
		{"half", "decimal", true}, {"decimal", "small", true},
		{"large", "small", false}, {"large", "", false}, {"small", "decimal", false}, {"decimal", "half", false},
		{"small", "huge", false}, {"huge", "small", false},
	} {
		err := pack.CheckPlanChange(test.from, test.to)
		var fault *FieldError
		if (err == nil) != test.well || err != nil && (!errors.As(err, &fault) || fault.Field != "plan") {
			t.Errorf("from %q to %q: %v", test.from, test.to, err)
		}
	}
	if err := pack.CheckPlanChange("large", "small"); !strings.Contains(err.Error(), "volumes never shrink") {
		t.Error(err)
	}
}

func TestQuantity(t *testing.T) {
	for text, want := range map[string]string{
		"250m": "1/4", "0.5": "1/2", "2": "2/1", "1k": "1000/1", "1Ki": "1024/1", "1.5Gi": "1610612736/1", "3T": "3000000000000/1",
		"1M": "1000000/1", "1Mi": "1048576/1", "2G": "2000000000/1", "1Ti": "1099511627776/1",
	} {
		if !quantityGrammar.MatchString(text) {
			t.Errorf("%s isn't one", text)
		}
		if got, err := quantity(text); err != nil || got.String() != want {
			t.Errorf("%s is %v (%v), want %s", text, got, err, want)
		}
	}
}
