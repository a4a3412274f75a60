package plain

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// What is let through is read alike by who decodes it afterwards; and why another isn't can be told to whoever sent it.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"name":"a"}`, "", " ", "null", "[]", "{", "{}{}", "\xef\xbb\xbf{}", `{"a":1,"a":2}`, `{"a":1e999}`, `{"\ud800":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":{"b":[1,`,
		strings.Repeat("[", 12_000) + strings.Repeat("]", 12_000), `{"` + strings.Repeat("a", 300) + `":x}`, `{"a":18446744073709551616}`, `"\u0000"`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := refuseBody(body)
		var whatever any
		if err == nil && len(body) > 0 && (json.Unmarshal(body, &whatever) != nil || !utf8.Valid(body)) {
			t.Errorf("%q is let through", body)
		}
		if err == nil {
			return
		}
		var p *problem.Problem
		if !errors.As(err, &p) || p.Status != 400 || !strings.HasSuffix(p.Detail, ".") || len(p.Field) > maxField {
			t.Errorf("%q is refused with %v", body, err)
		}
		if told, err := json.Marshal(p); err != nil || len(told) > 4*maxField+1024 {
			t.Errorf("%q is answered with %d bytes, %v", body, len(told), err)
		}
	})
}
