package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/guard"
)

// mounted is the document of an API that nobody asks anything.
func mounted() *huma.OpenAPI {
	app := fiber.New()
	return Mount(app, guard.New(app, true), "https://stores.example/", nil, nil, nil, nil, nil)
}

func TestEveryBodyHasAnExampleThatFitsItsSchema(t *testing.T) {
	doc, held := mounted(), 0
	for _, op := range operationsOf(doc) {
		hold := func(where string, mode huma.ValidateMode, content map[string]*huma.MediaType) {
			for mediaType, media := range content {
				if mediaType == "text/plain" {
					continue
				}
				examples := []any{media.Example}
				if len(media.Examples) > 0 {
					examples = nil
				}
				for name := range media.Examples {
					examples = append(examples, doc.Components.Examples[name].Value)
				}
				for _, example := range examples {
					held++
					if why := unfit(t, doc, mode, media.Schema, example); why != "" {
						t.Errorf("%s, %s: %s", op.OperationID, where, why)
					}
				}
			}
		}
		if op.RequestBody != nil {
			hold("its request", huma.ModeWriteToServer, op.RequestBody.Content)
		}
		for status, answer := range op.Responses {
			if _, name, shared := strings.Cut(answer.Ref, "#/components/responses/"); shared {
				answer = doc.Components.Responses[name]
			}
			hold(status, huma.ModeReadFromServer, answer.Content)
		}
	}
	if held < 500 {
		t.Errorf("%d examples were held against their schemas", held)
	}
}

// unfit says why an example isn't what the schema says; empty where it is.
func unfit(t *testing.T, doc *huma.OpenAPI, mode huma.ValidateMode, schema *huma.Schema, example any) string {
	t.Helper()
	if example == nil {
		return "there is no example"
	}
	data, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	result := &huma.ValidateResult{}
	huma.Validate(doc.Components.Schemas, schema, huma.NewPathBuffer(nil, 0), mode, value, result)
	if len(result.Errors) > 0 {
		return result.Errors[0].Error()
	}
	return ""
}

func TestEverythingThatIsSaidIsDescribed(t *testing.T) {
	doc := mounted()
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		for field, property := range schemas[name].Properties {
			if property.Description == "" {
				t.Errorf("%s: nobody hears what %s is", name, field)
			}
		}
	}
	for _, op := range operationsOf(doc) {
		if op.Summary == "" || op.Description == "" {
			t.Errorf("%s isn't described", op.OperationID)
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s: nobody hears what %s is", op.OperationID, p.Name)
			}
		}
	}
	if url := doc.Servers[0].URL; url != "https://stores.example" {
		t.Errorf("it is served at %q", url)
	}
}
