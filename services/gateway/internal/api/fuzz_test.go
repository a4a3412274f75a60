package api

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// mostCookies is how many net/http reads of one request, and more than any browser keeps of one host.
const mostCookies = 3000

// Whatever stands beside it, the session is found.
func FuzzCookieIn(f *testing.F) {
	for _, planted := range []string{"", "a=b", ";", "=", `a="`, `a="b; c"`, "a=\x00", "\xff=\xff", "$Path=/", "a=b, c=d", strings.Repeat("a=b; ", 100)} {
		f.Add(planted, "localhost:8080")
		f.Add(planted, "stores.example")
	}
	f.Fuzz(func(t *testing.T, planted, host string) {
		ours := Cookie(SessionCookie, "s3cret", time.Hour, host)
		CookieIn(planted, SessionCookie, host)
		if strings.Contains(planted, ours.Name) || strings.Count(planted, ";") > mostCookies-3 {
			return
		}
		kept := ours.Name + "=" + ours.Value
		for _, header := range []string{planted + ";" + kept, kept + ";" + planted} {
			if got := CookieIn(header, SessionCookie, host); got != ours.Value {
				t.Errorf("of %q the session is %q", header, got)
			}
		}
	})
}

// Whatever stands before it, an ETag is found.
func FuzzMatching(f *testing.F) {
	for _, header := range []string{"", "*", `"1"`, `W/"1", "2"`, ",", `"`, " ", "\xff", `"a,b"`} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if tags := matching(header); tags == nil && strings.Trim(strings.TrimSpace(header), "*") != "" {
			t.Errorf("%q matches whatever there is", header)
		}
		if tags := matching(header + `,"7"`); !slices.Contains(tags, `"7"`) {
			t.Errorf("of %q comes %q", header, tags)
		}
	})
}
