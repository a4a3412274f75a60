package hostile

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// document is what of an OpenAPI document says what a request may hold.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Method, Path string
	Parameters   []parameter
	RequestBody  struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]any
}

// takesAccounts says whether it is about what this gateway, which is one of open mode, answers 404 however it is asked.
func (op operation) takesAccounts() bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(op.Path, "/"), "/")
	return slices.Contains([]string{"accounts", "auth", "invites", "tenants"}, first) || op.Path == "/feed/tickets"
}

type parameter struct {
	Name, In string
	Schema   schema
}

type schema struct {
	Ref              string `json:"$ref"`
	Type             any
	Enum             []any
	Minimum, Maximum *float64
	Properties       map[string]schema
	Required         []string
	Examples         []any
}

// option is one that the catalog offers.
type option struct {
	Name, Type string
	Min, Max   *float64
	Enum       []any
	Default    any
}

type engine struct {
	Name    string
	Options []option
}

// is says whether the schema is of a type; a type may be a list of them.
func (s schema) is(kind string) bool {
	list, ok := s.Type.([]any)
	return s.Type == kind || ok && slices.Contains(list, any(kind))
}

// place is where a request says something: a parameter, or a property of the body.
type place struct {
	operation
	// in is path, query, header or body; name is what problems call the place.
	in, name string
	schema   schema
	// body is what a body must hold besides; option says that the place is further in.
	body   map[string]string
	option bool
}

// operations are all of the document, in an order.
func (d document) operations() []operation {
	var all []operation
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			op := d.Paths[path][method]
			op.Method, op.Path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	return all
}

// places are all where the operation can be told something. Options are those of all engines, where it takes some.
func (d document) places(t *testing.T, op operation, engines []engine) []place {
	body := d.bodyOf(op)
	// An operation without any is still asked, as it is.
	all := []place{{operation: op, in: "nowhere", body: body.without("")}}
	for _, p := range op.Parameters {
		// It is of accounts, and nobody reads it in open mode.
		if p.Name == "X-Tenant" {
			continue
		}
		all = append(all, place{operation: op, in: p.In, name: p.Name, schema: p.Schema, body: body.without("")})
	}
	for _, name := range slices.Sorted(maps.Keys(body.Properties)) {
		property, around := body.Properties[name], body.without(name)
		if name != "options" {
			if property.is("object") || property.is("array") {
				t.Errorf("%s %s: this test doesn't know what to put into %s", op.Method, op.Path, name)
			}
			all = append(all, place{operation: op, in: "body", name: name, schema: property, body: around})
			continue
		}
		_, chosen := body.Properties["engine"]
		for _, e := range engines {
			if !chosen && e.Name != ofTrial {
				continue
			}
			for _, o := range e.Options {
				around := maps.Clone(around)
				if chosen {
					around["engine"] = e.Name
				}
				all = append(all, place{
					operation: op, in: "body", name: "options." + o.Name, schema: o.schema(), body: around, option: true,
				})
			}
		}
	}
	return all
}

func (d document) bodyOf(op operation) schema {
	body := op.RequestBody.Content["application/json"].Schema
	if body.Ref != "" {
		body = d.Components.Schemas[body.Ref[strings.LastIndex(body.Ref, "/")+1:]]
	}
	return body
}

// without is the least that a body of the schema holds besides a property.
func (s schema) without(name string) map[string]string {
	least := map[string]string{}
	for _, required := range s.Required {
		if required == name {
			continue
		}
		least[required] = "x"
		if examples := s.Properties[required].Examples; len(examples) > 0 {
			least[required] = fmt.Sprint(examples[0])
		}
	}
	return least
}

func (o option) schema() schema {
	s := schema{Type: o.Type, Enum: o.Enum}
	if o.Type == "enum" {
		s.Type = "string"
	}
	if o.Type == "integer" {
		s.Minimum, s.Maximum = o.Min, o.Max
	}
	if o.Default != nil {
		s.Examples = []any{o.Default}
	}
	return s
}

// good is a value that the place takes, as JSON.
func (p place) good() string {
	value := any("x")
	switch {
	case len(p.schema.Enum) > 0:
		value = p.schema.Enum[0]
	case len(p.schema.Examples) > 0:
		value = p.schema.Examples[0]
	case p.schema.is("boolean"):
		value = true
	case p.schema.is("integer"):
		value = 1
	case p.name == "engine":
		value = "sample"
	case p.name == "plan":
		value = "small"
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// beyond are values that the place mustn't take, as they stand in JSON, beginning where its numbers and lists end.
func (p place) beyond() []string {
	s := p.schema
	var all []string
	end := func(limit *float64, step float64) {
		// Further out a float64 has no neighbours.
		if limit != nil && math.Abs(*limit) <= 1<<53 {
			all = append(all, strconv.FormatFloat(*limit+step, 'f', -1, 64))
		}
	}
	switch {
	case s.is("integer"), s.is("number"):
		end(s.Minimum, -1)
		end(s.Maximum, 1)
		all = append(all, "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1e400", "-1e400", "1.5", `"x"`, "true")
	case s.is("boolean"):
		all = append(all, `"x"`, "2")
	case len(s.Enum) > 0:
		all = append(all, `"no such thing"`)
	}
	if p.in == "body" {
		all = append(all, "[]", "{}")
	}
	return all
}
