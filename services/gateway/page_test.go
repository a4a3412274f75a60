package gateway

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The document is what clients are generated from: a change to it is a decision, so it shows in a diff.
func TestOpenAPIIsStable(t *testing.T) {
	b := &testBundle{t: t}
	b.start()
	a := b.get("/openapi.json")
	if got := a.header.Get("Content-Type"); got != "application/openapi+json" {
		t.Errorf("content type %q", got)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, a.body, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile("testdata/openapi.json", pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(pretty.Bytes(), readGolden(t, "openapi.json")) {
		t.Error("the OpenAPI document has changed; if that is meant, run go test . -run OpenAPI -update")
	}
}

// document is the OpenAPI document, as far as tests read it: operations by path and method.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Responses map[string]response }
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Security    []map[string][]string
	Responses   map[string]response
}

type response struct {
	Ref         string `json:"$ref"`
	Description string
	Headers     map[string]any
	Content     map[string]struct {
		Examples map[string]any
		Schema   struct {
			Ref string `json:"$ref"`
		}
	}
}

// says whether an answer is described as that of a problem.
func (r response) says(code problem.Code) bool {
	return strings.Contains(r.Description, "`"+string(code)+"`")
}

func (b *testBundle) document() document {
	b.t.Helper()
	return decoded[document](b.t, b.get("/openapi.json"))
}

func TestEveryOperationIsInTheDocumentation(t *testing.T) {
	b := &testBundle{t: t}
	b.start()
	docs := string(b.get("/docs").body)
	for path, item := range b.document().Paths {
		for method, operation := range item {
			section := `<section class="operation" id="` + operation.OperationID + `"`
			entry := strings.ToUpper(method) + `</span> ` + path + `</a>`
			if !strings.Contains(docs, section) || !strings.Contains(docs, entry) {
				t.Errorf("%s %s (%s) is not on the page", method, path, operation.Summary)
			}
		}
	}
}

// Explanations of stores lead here.
func TestEveryReasonHasItsSection(t *testing.T) {
	b := &testBundle{t: t}
	b.start()
	page := string(b.get(reason.Page).body)
	for _, e := range reason.All {
		_, anchor, _ := strings.Cut(e.Runbook(), "#")
		begin := strings.Index(page, `<section class="operation" id="`+anchor+`"`)
		if begin < 0 {
			t.Errorf("%s has no section", e.Name)
			continue
		}
		section, _, _ := strings.Cut(page[begin:], "</section>")
		for _, must := range []string{">" + e.Name + "</h2>", e.For.Begins()} {
			if !strings.Contains(section, must) {
				t.Errorf("%s is explained by %s, without %q", e.Name, section, must)
			}
		}
	}
}

// The dashboard has words for every status, and a filter that finds it; deleted stores it lists only while they are open.
func TestThePageKnowsEveryStatus(t *testing.T) {
	index, words := static(t, "index.html"), static(t, "words.js")
	for _, status := range store.Statuses {
		if status == store.Deleted {
			continue
		}
		if !strings.Contains(words, "case '"+string(status)+"':") {
			t.Errorf("no words for %s", status)
		}
		if name := string(status); !strings.Contains(index, `<option value="`+name+`">`+name+`<`) {
			t.Errorf("no filter finds %s by its name", status)
		}
	}
}

// Operators have words for all that may wait for them, and all that a sweep may find.
func TestThePageKnowsWhatOperatorsAreShown(t *testing.T) {
	for _, kind := range query.DeadLetterKinds {
		if !strings.Contains(static(t, "words.js"), "case '"+string(kind)+"':") {
			t.Errorf("no words for letters of kind %s", kind)
		}
	}
	for _, kind := range platform.FindingKinds {
		if !strings.Contains(static(t, "sweeps.js"), "\n  "+string(kind)+": '") {
			t.Errorf("no words for findings of kind %s", kind)
		}
	}
}

func static(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("internal/page/static/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPagesBringEverythingThemselves(t *testing.T) {
	b := &testBundle{t: t}
	b.start()
	reference := regexp.MustCompile(`(?:src|href)="([^"#]+)"|from '\./([^']+)'`)
	seen := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		a := b.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s is answered %d", path, a.status)
			return
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s has policy %q", path, policy)
		}
		for _, match := range reference.FindAllSubmatch(a.body, -1) {
			next := string(match[1])
			if next == "" {
				next = "/assets/" + string(match[2])
			}
			if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") {
				t.Errorf("%s refers to %s", path, next)
				continue
			}
			visit(next)
		}
	}
	visit("/")
	visit("/docs")
	for _, must := range []string{"/assets/app.js", "/assets/feed.js", "/assets/app.css", "/assets/docs.css"} {
		if !seen[must] {
			t.Errorf("nothing refers to %s", must)
		}
	}
}

// Markup is only ever made by elements and text.
func TestScriptsTakeNoMarkup(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|setInterval`)
	entries, err := os.ReadDir("internal/page/static")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile("internal/page/static/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(entry.Name(), ".js") && forbidden.Match(data) {
			t.Errorf("%s uses %s", entry.Name(), forbidden.Find(data))
		}
		if strings.HasSuffix(entry.Name(), ".html") && regexp.MustCompile(`<script>|style="| on[a-z]+="`).Match(data) {
			t.Errorf("%s has inline code, which the policy forbids", entry.Name())
		}
	}
}

func TestAPageIsNotSentTwice(t *testing.T) {
	b := &testBundle{t: t}
	b.start()
	tag := b.get("/assets/app.js").header.Get("ETag")
	if a := b.get("/assets/app.js", "If-None-Match", tag); a.status != http.StatusNotModified || len(a.body) != 0 {
		t.Errorf("answered %d with %d bytes", a.status, len(a.body))
	}
}

func TestMetricsCountRoutesNotPaths(t *testing.T) {
	b := setup(t)
	b.get("/stores/sabcdefghijk")
	if a := b.get("/metrics"); a.status != http.StatusOK || bytes.Contains(a.body, []byte("sabcdefghijk")) {
		t.Errorf("/metrics is answered %d", a.status)
	}
}

// alone is how many gateways serve a log that has one.
func alone() int { return 1 }
