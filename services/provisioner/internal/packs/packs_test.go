package packs_test

import (
	"testing"
	"testing/fstest"

	"github.com/store-platform/store-platform/services/provisioner/engines"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

func TestLoadBuiltIn(t *testing.T) {
	set, err := packs.Load(engines.Packs, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	sample, ok := set.Find("sample")
	if !ok || len(sample.Chart) == 0 {
		t.Errorf("the sample engine is carried: %t, with %d chart files", ok, len(sample.Chart))
	}
	if _, ok := set.Find("none"); ok {
		t.Error("an engine was found that nobody carries")
	}
}

func TestLoadRefusesTwoOfOneName(t *testing.T) {
	if _, err := packs.Load(engines.Packs, engines.Packs); err == nil {
		t.Error("which of two packs of one name runs would depend on their order")
	}
}
