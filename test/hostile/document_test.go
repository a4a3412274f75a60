package hostile

import (
	"encoding/json"
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

type parameter struct {
	Name, In string
	Schema   schema
}

type schema struct {
	Ref              string `json:"$ref"`
	Type             any
	Enum             []any
	Minimum, Maximum *float64
	MinItems         int
	Items            *schema
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
	// body is what a body must hold besides, as JSON.
	body map[string]string
}

// element ends the name of a list's first element.
const element = "[0]"

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
		// The first is of accounts, and nobody reads it in open mode. Of the second what is odd is no preference, and is no error (RFC 7240, 2).
		if p.Name == "X-Tenant" || p.Name == "Prefer" {
			continue
		}
		all = append(all, place{operation: op, in: p.In, name: p.Name, schema: p.Schema, body: body.without("")})
	}
	for _, name := range slices.Sorted(maps.Keys(body.Properties)) {
		property, around := d.resolve(body.Properties[name]), body.without(name)
		at := func(name string, s schema) {
			all = append(all, place{operation: op, in: "body", name: name, schema: s, body: around})
		}
		switch {
		case name == "options":
			all = append(all, optionsOf(op, body, engines)...)
			continue
		case property.Items != nil:
			at(name+element, d.resolve(*property.Items))
		case property.is("object") && len(property.Properties) == 0:
			t.Errorf("%s %s: this test doesn't know what to put into %s", op.Method, op.Path, name)
		}
		at(name, property)
		for inner, s := range property.Properties {
			at(name+"."+inner, d.resolve(s))
		}
	}
	return all
}

// optionsOf are the places of the engines' options in a body: of all of them where it chooses one.
func optionsOf(op operation, body schema, engines []engine) (all []place) {
	_, chosen := body.Properties["engine"]
	for _, e := range engines {
		if !chosen && e.Name != ofTrial {
			continue
		}
		for _, o := range e.Options {
			around := body.without("options")
			if chosen {
				around["engine"] = strconv.Quote(e.Name)
			}
			all = append(all, place{operation: op, in: "body", name: "options." + o.Name, schema: o.schema(), body: around})
		}
	}
	return all
}

func (d document) bodyOf(op operation) schema {
	return d.resolve(op.RequestBody.Content["application/json"].Schema)
}

func (d document) resolve(s schema) schema {
	if s.Ref != "" {
		return d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// without is the least that a body of the schema holds besides a property.
func (s schema) without(name string) map[string]string {
	least := map[string]string{}
	for _, required := range s.Required {
		if required != name {
			least[required] = s.Properties[required].good(required)
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

// What good says of an address, a link and a tenant, in whose places such are put as there are.
const (
	anAddress = "maria@example.com"
	aLink     = "a link"
	aTenant   = "t-4kq7wmzc3e"
)

// good is a value that the place takes, as JSON.
func (p place) good() string { return p.schema.good(p.name) }

func (s schema) good(name string) string {
	value := any("x")
	switch {
	case s.Items != nil:
		return "[" + s.Items.good(name) + "]"
	case len(s.Enum) > 0:
		value = s.Enum[0]
	case len(s.Examples) > 0:
		value = s.Examples[0]
	case s.is("object"):
		value = struct{}{}
	case s.is("boolean"):
		value = true
	case s.is("integer"):
		value = 1
	default:
		if known, is := map[string]string{"engine": ofTrial, "plan": "small", "email": anAddress, "password": password, "link": aLink}[name]; is {
			value = known
		}
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
	if p.in == "body" && !s.is("object") {
		all = append(all, "{}")
	}
	if p.in == "body" && (s.Items == nil || s.MinItems > 0) {
		all = append(all, "[]")
	}
	return all
}
