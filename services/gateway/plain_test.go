package gateway

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// A few packed bytes can hold gigabytes, and are unpacked by whoever asks the framework for the body.
func TestAPackedBodyIsRefusedOnEveryRoute(t *testing.T) {
	b := setup(t)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write([]byte(`{"name":"Tea"}`)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for _, route := range []struct{ method, path string }{
		{"POST", "/stores"}, {"POST", "/stores/sabcdefghijk/retry"}, {"DELETE", "/stores/sabcdefghijk"}, {"GET", "/stores"},
		{"POST", "/dead-letters/1/discard"}, {"POST", "/dead-letters/1/redrive"}, {"POST", "/sweeps/resume"},
		{"GET", "/engines"}, {"GET", "/feed"}, {"GET", "/healthz"}, {"GET", "/"}, {"POST", "/nope"},
	} {
		for _, encoding := range []string{"gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "gzip, identity", "x-unheard-of"} {
			a := b.do(route.method, route.path, packed.String(), "Content-Encoding", encoding)
			if p := wantProblem(t, a, http.StatusUnsupportedMediaType, problem.UnsupportedEncoding); p.Field != "Content-Encoding" {
				t.Errorf("%s %s in %s: names field %q", route.method, route.path, encoding, p.Field)
			}
			if a.header.Get("Accept-Encoding") != "identity" {
				t.Errorf("%s %s in %s: is not told what is taken", route.method, route.path, encoding)
			}
		}
	}
	if a := b.do("POST", "/stores", `{}`, "Content-Encoding", "identity"); a.status != http.StatusAccepted {
		t.Errorf("a body as it is, said to be so, is answered %d", a.status)
	}
}

// Two programs that read a body differently would see two different requests in it.
func TestABodyThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	b := setup(t)
	for _, c := range []struct {
		body, field string
		status      int
		code        problem.Code
	}{
		{`{"Name":"Tea"}`, "Name", 422, problem.InvalidField},
		{`{"name":"Tea","NAME":"Coffee"}`, "NAME", 422, problem.InvalidField},
		{`{"name":"Tea","name":"Coffee"}`, "name", 400, problem.InvalidJSON},
		{`{"name":"Tea","na\u006de":"Coffee"}`, "name", 400, problem.InvalidJSON},
		{`{"options":{"currency":"EUR","currency":"USD"}}`, "options.currency", 400, problem.InvalidJSON},
		{`{"options":{"a~b/c":1,"a~b/c":1}}`, "options.a~b/c", 400, problem.InvalidJSON},
		{`{"options":{"Currency":"EUR"}}`, "options.Currency", 422, problem.InvalidField},
		{`{"name":"half a pair \ud800"}`, "name", 400, problem.InvalidJSON},
		{"{\"name\":\"no UTF-8 \xff\"}", "name", 400, problem.InvalidJSON},
		{`{"options":{"products":1e999}}`, "options.products", 400, problem.InvalidJSON},
		{`{} {}`, "", 400, problem.InvalidJSON},
		{strings.Repeat("[", 60<<10), "", 400, problem.InvalidJSON},
	} {
		p := wantProblem(t, b.do(http.MethodPost, "/stores", c.body), c.status, c.code)
		if p.Field != c.field {
			t.Errorf("%.60s: names field %.60q, want %.60q: %.200s", c.body, p.Field, c.field, p.Detail)
		}
	}
	// Also where nobody reads the body.
	wantProblem(t, b.do(http.MethodPost, "/stores/sabcdefghijk/retry", `{"a":1,"a":2}`), http.StatusBadRequest, problem.InvalidJSON)
	if head, err := b.log.Head(t.Context()); err != nil || head != 0 {
		t.Errorf("refused creates left %d messages (%v)", head, err)
	}
}

func TestATextIsTakenIfItCanBeShown(t *testing.T) {
	b := setup(t)
	for given, want := range map[string]string{
		`می\u200cخواهم`: "می\u200cخواهم", `👩\u200d💻`: "👩\u200d💻", `日本\u3000商店`: "日本\u3000商店", `prix\u00a0fixe`: "prix\u00a0fixe",
		` \u3000Tea\u200d\u00a0`: "Tea",
	} {
		s := b.create(fmt.Sprintf(`{"name":"%s","options":{"title":"%s"}}`, given, given))
		if s.Name != want || s.Options["title"] != want {
			t.Errorf("%s became %q with the title %q", given, s.Name, s.Options["title"])
		}
	}
	head, err := b.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{
		`a\u0000b`, `a\nb`, `a\u202eb`, `a\u2067b`, `a\u200fb`, `a\u2028b`, `a\ufeffb`, `a\udb40\udc41b`, `a\uffffb`, `   `, `\u3000\u200d`, `\u200c`,
	} {
		for field, body := range map[string]string{"name": `{"name":"%s"}`, "options.title": `{"options":{"title":"%s"}}`} {
			a := b.do(http.MethodPost, "/stores", fmt.Sprintf(body, given))
			if p := wantProblem(t, a, http.StatusUnprocessableEntity, problem.InvalidField); p.Field != field {
				t.Errorf("%s as %s: names field %q", given, field, p.Field)
			}
		}
		a := b.do(http.MethodPost, "/dead-letters/1/discard", fmt.Sprintf(`{"reason":"%s"}`, given))
		if p := wantProblem(t, a, http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "reason" {
			t.Errorf("%s as reason: names field %q", given, p.Field)
		}
	}
	for _, query := range []string{"/stores?q=a%00b", "/stores?engine=a%0Ab", "/stores?q=%FF", "/plans?engine=%E2%80%AE", "/stores?cursor=%ED%A0%80"} {
		p := wantProblem(t, b.get(query), http.StatusUnprocessableEntity, problem.InvalidField)
		if !strings.Contains(query, "?"+p.Field+"=") {
			t.Errorf("%s: names field %q", query, p.Field)
		}
	}
	a := b.do(http.MethodPost, "/stores", "{}", "Idempotency-Key", "a\u202eb")
	if p := wantProblem(t, a, http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "Idempotency-Key" {
		t.Errorf("a key that turns its surroundings: names field %q", p.Field)
	}
	if after, err := b.log.Head(t.Context()); err != nil || after != head {
		t.Errorf("what was refused left %d messages (%v)", after-head, err)
	}
}
