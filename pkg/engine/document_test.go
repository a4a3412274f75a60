package engine

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// The page is what people write packs by; the decoder refuses what isn't in the struct, and nothing else would notice
// what isn't on the page.
func TestThePageNamesEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/engine-packs.md")
	if err != nil {
		t.Fatal(err)
	}
	var names func(reflect.Type)
	names = func(structure reflect.Type) {
		for i := range structure.NumField() {
			field := structure.Field(i)
			if name := field.Tag.Get("yaml"); name != "-" && !strings.Contains(string(page), "`"+name) {
				t.Errorf("%s.%s: the page has no `%s`", structure.Name(), field.Name, name)
			}
			inner := field.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				names(inner)
			}
		}
	}
	names(reflect.TypeFor[Pack]())
}
