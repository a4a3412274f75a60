package admission

import (
	"encoding/binary"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestMadeUpNamesAreFitAndVaried(t *testing.T) {
	seen := map[string]bool{}
	for i := range uint64(2000) {
		id := store.NewID(binary.BigEndian.AppendUint64(nil, i*0x9e3779b97f4a7c15))
		name := MadeUpName(id)
		if name != MadeUpName(id) {
			t.Fatal("a name depends on more than the id")
		}
		if err := checkName(name); err != nil {
			t.Fatal(err)
		}
		seen[name] = true
	}
	if len(seen) < 700 {
		t.Errorf("2000 ids share %d names", len(seen))
	}
}

func TestADigestTellsWishesApart(t *testing.T) {
	digests := map[string]Wish{}
	for _, w := range []Wish{
		{}, {Name: "a"}, {Engine: "a"}, {Plan: "a"}, {Options: map[string]any{"a": 1.0}}, {Options: map[string]any{"a": "1"}},
	} {
		digest, err := w.digest()
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := digests[digest]; taken {
			t.Errorf("%+v and %+v have one digest", w, other)
		}
		digests[digest] = w
	}
	empty, err := Wish{Options: map[string]any{}}.digest()
	if err != nil {
		t.Fatal(err)
	}
	if _, same := digests[empty]; !same {
		t.Error("no options and empty options are the same wish")
	}
}
