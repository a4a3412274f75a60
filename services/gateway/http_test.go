package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// A proxy or a monitor asks by HEAD what a browser will ask by GET.
func TestHEADIsAnsweredWhereverGETIs(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	named := strings.NewReplacer("{id}", string(s.ID), "{n}", "1")
	paths := []string{"/", "/docs", "/openapi.json", "/assets/app.js", "/stores/sabcdefghijk"}
	for path, item := range b.document().Paths {
		if _, gets := item["get"]; gets && path != "/feed" {
			paths = append(paths, named.Replace(path))
		}
	}
	for _, path := range paths {
		got, head := b.get(path), b.do(http.MethodHead, path, "")
		if head.status != got.status || len(head.body) > 0 {
			t.Errorf("HEAD %s is answered %d with %d bytes, GET %d", path, head.status, len(head.body), got.status)
		}
		for name := range maps.Keys(got.header) {
			// The second answer may come later, and of a metric or a head that has moved.
			if name != "Date" && name != "Content-Length" && !slices.Equal(head.header[name], got.header[name]) {
				t.Errorf("HEAD %s has %s %q, GET %q", path, name, head.header[name], got.header[name])
			}
		}
	}
	for _, method := range []string{http.MethodOptions, http.MethodPut} {
		a := b.do(method, "/stores", "")
		wantProblem(t, a, http.StatusMethodNotAllowed, problem.MethodNotAllowed)
		if allow := a.header.Get("Allow"); allow != "GET, HEAD, POST" {
			t.Errorf("%s of /stores is told %q", method, allow)
		}
	}
	// There is no WebSocket without a body, and a ticket isn't to be spent on nothing.
	if a := b.do(http.MethodHead, "/feed", ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET" {
		t.Errorf("HEAD of /feed is answered %d, told %q", a.status, a.header.Get("Allow"))
	}
}
