package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestHostAndOriginAreComparedAsBrowsersWriteThem(t *testing.T) {
	b := setup(t)
	for _, c := range []struct {
		host, origin string
		same         bool
	}{
		{"localhost:80", "http://localhost", true},
		{"localhost", "http://localhost:80", true},
		{"localhost:443", "https://localhost", true},
		{"LocalHost.:8080", "http://localhost:8080", true},
		{"[::1]:80", "http://[::1]", true},
		{"[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080", true},
		{"localhost:80", "https://localhost", false},
		{"localhost:8080", "http://localhost", false},
		{"localhost", "http://localhost:8080", false},
		{"localhost", "http://127.0.0.1", false},
		{"localhost", "ftp://localhost", false},
	} {
		a := b.get("/engines", "Host", c.host, "Origin", c.origin)
		if c.same && a.status != http.StatusOK {
			t.Errorf("%s from %s is answered %d %s", c.host, c.origin, a.status, a.body)
		}
		if !c.same {
			wantProblem(t, a, http.StatusForbidden, problem.ForeignOrigin)
		}
	}
}

func TestJSONComesInUTF8(t *testing.T) {
	b := setup(t)
	for given, taken := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, `Application/JSON;Charset="UTF-8"`: true,
		"application/json; charset=utf-16": false, "application/json; charset=latin1": false,
		"application/json; charset=utf-8; charset=utf-16": false, "application/json, text/plain": false, "json": false,
	} {
		a := b.do("POST", "/stores", `{"plan":"none"}`, "Content-Type", given)
		if taken {
			wantProblem(t, a, http.StatusUnprocessableEntity, problem.InvalidField)
		} else {
			wantProblem(t, a, http.StatusUnsupportedMediaType, problem.UnsupportedMediaType)
		}
	}
}

// A proxy or a monitor asks by HEAD what a browser will ask by GET.
func TestHEADIsAnsweredWhereverGETIs(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	b.answers(query.Logs.Subject, func([]byte) any { return query.LogsReply{Frame: query.LogsFrame{Done: true}} })
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
