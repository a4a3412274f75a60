package page

import (
	"bytes"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/reason"
)

// The documentation is rendered here and not by a script of somebody else's: those come from a CDN, which the content
// security policy forbids, or weigh more than the gateway.

type docsView struct {
	Title, About string
	Groups       []docsGroup
	// Everywhere are the answers that any operation may give.
	Everywhere []docsResponse
	Schemas    []docsSchema
}

type docsGroup struct {
	Name, About string
	Operations  []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	// Takes says how who asks is known, in any of these ways.
	Takes      []string
	Parameters []docsField
	Body       string
	Responses  []docsResponse
}

type docsResponse struct{ Status, Description, Schema string }

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Place, Type, About string
	Required                 bool
}

func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	return render("docs.html.tmpl", viewOf(doc), template.FuncMap{
		"prose":   prose,
		"isModel": func(name string) bool { return doc.Components.Schemas.Map()[strings.TrimSuffix(name, "[]")] != nil },
		"model":   func(name string) string { return strings.TrimSuffix(name, "[]") },
	})
}

// renderReasons makes the page of reasons, into which explanations of stores lead.
func renderReasons() ([]byte, error) {
	return render("reasons.html.tmpl", reason.All, template.FuncMap{"prose": prose})
}

func render(name string, view any, functions template.FuncMap) ([]byte, error) {
	t, err := template.New(name).Funcs(functions).ParseFS(static, "static/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// prose turns the little Markdown that descriptions use into HTML: `code` and **strong**, by splitting, so that the text
// itself is escaped by the template.
func prose(text string) []docsSpan {
	var spans []docsSpan
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			spans = append(spans, docsSpan{Text: part, Code: true})
			continue
		}
		for j, piece := range strings.Split(part, "**") {
			if piece != "" {
				spans = append(spans, docsSpan{Text: piece, Strong: j%2 == 1})
			}
		}
	}
	return spans
}

type docsSpan struct {
	Text         string
	Code, Strong bool
}

func viewOf(doc *huma.OpenAPI) docsView {
	v := docsView{Title: doc.Info.Title, About: doc.Info.Description}
	groups := map[string][]docsOperation{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{
			item.Post, item.Get, item.Head, item.Put, item.Patch, item.Delete, item.Options, item.Trace,
		} {
			if op != nil && len(op.Tags) > 0 {
				groups[op.Tags[0]] = append(groups[op.Tags[0]], operationOf(doc, op))
			}
		}
	}
	for _, tag := range doc.Tags {
		v.Groups = append(v.Groups, docsGroup{Name: tag.Name, About: tag.Description, Operations: groups[tag.Name]})
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Responses)) {
		if !everywhere(name) {
			continue
		}
		answer := doc.Components.Responses[name]
		v.Everywhere = append(v.Everywhere, docsResponse{Status: name, Description: answer.Description, Schema: contentOf(answer.Content)})
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		v.Schemas = append(v.Schemas, schemaOf(name, schemas[name]))
	}
	return v
}

// everywhere says whether each operation may give a shared answer: others are named by codes of their own.
func everywhere(name string) bool { return !strings.Contains(name, ".") }

func operationOf(doc *huma.OpenAPI, op *huma.Operation) docsOperation {
	o := docsOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description}
	for _, way := range op.Security {
		takes := "nothing, in open mode"
		for scheme := range way {
			takes = scheme
		}
		o.Takes = append(o.Takes, takes)
	}
	for _, p := range op.Parameters {
		o.Parameters = append(o.Parameters, docsField{
			Name: p.Name, Place: p.In, Type: typeOf(p.Schema), About: p.Description, Required: p.Required,
		})
	}
	if op.RequestBody != nil {
		o.Body = contentOf(op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if name, shared := strings.CutPrefix(r.Ref, "#/components/responses/"); shared {
			if everywhere(name) {
				continue
			}
			r = doc.Components.Responses[name]
		}
		o.Responses = append(o.Responses, docsResponse{Status: status, Description: r.Description, Schema: contentOf(r.Content)})
	}
	return o
}

func schemaOf(name string, s *huma.Schema) docsSchema {
	d := docsSchema{Name: name}
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[field]
		d.Fields = append(d.Fields, docsField{
			Name: field, Type: typeOf(p), About: p.Description, Required: slices.Contains(s.Required, field),
		})
	}
	return d
}

func contentOf(content map[string]*huma.MediaType) string {
	for _, media := range content {
		if media.Schema != nil {
			return typeOf(media.Schema)
		}
	}
	return ""
}

func typeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case s.Type == "array":
		return typeOf(s.Items) + "[]"
	case len(s.Enum) > 0:
		var values []string
		for _, value := range s.Enum {
			if text, ok := value.(string); ok {
				values = append(values, text)
			}
		}
		return strings.Join(values, " | ")
	case s.Format == "date-time":
		return "time (RFC 3339)"
	default:
		return s.Type
	}
}
