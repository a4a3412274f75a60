package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/api"
	"github.com/store-platform/store-platform/pkg/feed"
)

// What programs in Go are told the bodies are is what the document says, name by name.
func TestTheTypesOfClientsAreTheDocuments(t *testing.T) {
	schemas := mounted().Components.Schemas.Map()
	for _, known := range []any{
		api.CreateStore{}, api.ChangeStore{}, api.Store{}, api.Operation{}, api.Failure{}, api.StoreList{}, api.LinkList{}, api.Link{}, api.CredentialList{},
		api.Credential{}, api.EventList{}, api.Event{}, api.Facts{}, api.Spec{}, api.Problem{}, api.Fault{}, api.Cluster{}, api.Line{}, api.ETA{}, api.At{},
		api.LogLine{},
	} {
		kind := reflect.TypeOf(known)
		schema := schemas[kind.Name()]
		if schema == nil {
			t.Errorf("the document has no %s", kind.Name())
			continue
		}
		names, needed := fieldsOf(kind)
		for name := range schema.Properties {
			if !slices.Contains(names, name) {
				t.Errorf("%s has no %s", kind.Name(), name)
			}
		}
		for _, name := range names {
			if schema.Properties[name] == nil || slices.Contains(schema.Required, name) != slices.Contains(needed, name) {
				t.Errorf("the document has no %s in %s, or says otherwise whether it may be missing", name, kind.Name())
			}
		}
	}
	// The feed's are in no document.
	told, _ := fieldsOf(reflect.TypeFor[feed.Message]())
	if known, _ := fieldsOf(reflect.TypeFor[api.Message]()); !slices.Equal(known, told) {
		t.Errorf("the feed tells %v, and clients know %v", told, known)
	}
}

// fieldsOf are a struct's, as JSON has them, and those of them that are never missing.
func fieldsOf(kind reflect.Type) (names, needed []string) {
	for field := range kind.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
		if !strings.Contains(options, "omit") {
			needed = append(needed, name)
		}
	}
	return names, needed
}
