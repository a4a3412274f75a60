package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

const (
	listedOrigin  = "https://shop.example"
	foreignOrigin = "https://evil.example"
)

// sharing lets the pages of two origins call the gateway.
func sharing(c *Config) {
	c.CORSOrigins = []string{" HTTPS://Shop.example:443", "http://localhost:3000"}
}

// fromPage is what a browser sends for a page of that origin.
func fromPage(origin string, more ...string) []string {
	return append([]string{"Origin", origin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, more...)
}

// preflight is what a browser asks before it sends what no form could.
func preflight(origin string, more ...string) []string {
	return fromPage(origin, append([]string{"Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "if-match,x-api-key"}, more...)...)
}

// wantShared checks that a browser shows the answer to a page of the origin, cookies or not.
func wantShared(t *testing.T, a answer, origin string) {
	t.Helper()
	if got := a.header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("%d is for %q, want %q", a.status, got, origin)
	}
	if a.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d: a cookie's answer is not shown", a.status)
	}
	if !strings.Contains(a.header.Get("Vary"), "Origin") {
		t.Errorf("%d may be given to another origin: Vary %q", a.status, a.header.Get("Vary"))
	}
}

func wantUnshared(t *testing.T, a answer) {
	t.Helper()
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%d has %s %q", a.status, name, a.header.Get(name))
		}
	}
}

func TestListedOriginsMayCall(t *testing.T) {
	b := setup(t, sharing, counting, func(c *Config) { c.AdminKey = "sesame" })
	for _, origin := range []string{listedOrigin, "http://localhost:3000"} {
		a := b.do(http.MethodPost, "/stores", `{}`, fromPage(origin)...)
		if a.status != http.StatusAccepted {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
		wantShared(t, a, origin)
		shown := ", " + strings.ReplaceAll(a.header.Get("Access-Control-Expose-Headers"), ",", ", ") + ","
		for _, name := range []string{"Location", "ETag", limits.HeaderPolicy, limits.HeaderLimit, "Retry-After"} {
			if !strings.Contains(shown, " "+name+",") {
				t.Errorf("%s is not shown: %s", name, shown)
			}
		}
	}
	// Why it is refused, a page can read, too.
	refused := b.get("/stores/sabcdefghijk", fromPage(listedOrigin)...)
	wantProblem(t, refused, http.StatusNotFound, problem.NotFound)
	wantShared(t, refused, listedOrigin)
	unknown := b.get("/stores", fromPage(listedOrigin, "X-Api-Key", "wrong")...)
	wantProblem(t, unknown, http.StatusUnauthorized, problem.AdminKeyWrong)
	wantShared(t, unknown, listedOrigin)
	for b.get("/engines").status != http.StatusTooManyRequests {
	}
	empty := b.get("/engines", fromPage(listedOrigin)...)
	wantProblem(t, empty, http.StatusTooManyRequests, problem.TooManyRequests)
	wantShared(t, empty, listedOrigin)
}

func TestOtherOriginsMayNot(t *testing.T) {
	b := setup(t, sharing)
	for _, origin := range []string{
		foreignOrigin, "http://shop.example", "https://shop.example:8443", "https://www.shop.example", "https://shop.example.evil.example",
		"http://localhost:3001", "null", "*",
	} {
		for _, a := range []answer{
			b.get("/engines", fromPage(origin)...), b.get("/engines", "Origin", origin), b.do(http.MethodPost, "/stores", `{}`, fromPage(origin)...),
			b.do(http.MethodOptions, "/stores", "", preflight(origin)...),
		} {
			wantProblem(t, a, http.StatusForbidden, problem.ForeignOrigin)
			wantUnshared(t, a)
		}
	}
	// Its own page is another origin's to nobody, and is shown without being allowed to.
	own := b.get("/engines", "Origin", b.url, "Sec-Fetch-Site", "same-origin")
	if own.status != http.StatusOK || own.header.Get("Access-Control-Allow-Origin") != "" || own.header.Get("Vary") != "Origin" {
		t.Errorf("its own page is answered %d, %v", own.status, own.header)
	}
}

func TestAPreflightIsAnsweredForListedOriginsOnly(t *testing.T) {
	b := setup(t, sharing, func(c *Config) { c.RateEnabled, c.RateCapacity, c.RateRefill = true, 1, 0.001 })
	b.get("/engines")
	for range 3 {
		a := b.do(http.MethodOptions, "/stores/sabcdefghijk", "", preflight(listedOrigin)...)
		if a.status != http.StatusNoContent || len(a.body) > 0 || a.header.Get("Access-Control-Max-Age") != "600" || a.header.Get(limits.HeaderLimit) != "" {
			t.Fatalf("answered %d %s, %v", a.status, a.body, a.header)
		}
		wantShared(t, a, listedOrigin)
		for header, want := range map[string][]string{
			"Access-Control-Allow-Methods": {"GET", "HEAD", "POST", "PATCH", "DELETE"},
			"Access-Control-Allow-Headers": {"Authorization", "X-Api-Key", "X-Tenant", "Idempotency-Key", "If-Match", "Prefer", "Content-Type"},
		} {
			allowed := "," + a.header.Get(header) + ","
			for _, name := range want {
				if !strings.Contains(allowed, ","+name+",") {
					t.Errorf("%s is %q, without %s", header, allowed, name)
				}
			}
		}
	}
	wantProblem(t, b.get("/engines"), http.StatusTooManyRequests, problem.TooManyRequests)
	rebound := b.do(http.MethodOptions, "/stores", "", preflight(listedOrigin, "Host", "evil.example")...)
	wantProblem(t, rebound, http.StatusForbidden, problem.ForeignHost)
	wantUnshared(t, rebound)
}

func TestWithoutOriginsNoneIsAllowed(t *testing.T) {
	b := setup(t)
	for _, a := range []answer{
		b.get("/engines", fromPage(listedOrigin)...), b.do(http.MethodOptions, "/stores", "", preflight(listedOrigin)...),
	} {
		wantProblem(t, a, http.StatusForbidden, problem.ForeignOrigin)
		wantUnshared(t, a)
	}
	own := b.do(http.MethodOptions, "/stores", "", "Origin", b.url, "Access-Control-Request-Method", "POST")
	wantProblem(t, own, http.StatusMethodNotAllowed, problem.MethodNotAllowed)
	wantUnshared(t, own)
}

// A page would have to know the key, and be allowed to send it: the preflight that comes before has none.
func TestWhoSendsAKeyNeedsNoOrigin(t *testing.T) {
	b := setup(t, func(c *Config) { c.AdminKey = "sesame" })
	for _, key := range [][]string{{"X-Api-Key", "sesame"}, {"Authorization", "Bearer sesame"}} {
		a := b.do(http.MethodPost, "/stores", `{}`, fromPage(foreignOrigin, key...)...)
		if a.status != http.StatusAccepted {
			t.Errorf("%v from elsewhere is answered %d %s", key, a.status, a.body)
		}
		wantUnshared(t, a)
		wantProblem(t, b.get("/stores", fromPage(foreignOrigin, append(key, "Host", "evil.example")...)...), http.StatusForbidden, problem.ForeignHost)
	}
	wantProblem(t, b.get("/stores", fromPage(foreignOrigin, "X-Api-Key", "wrong")...), http.StatusUnauthorized, problem.AdminKeyWrong)
	for _, none := range []string{"", "Bearer", "Basic c2VzYW1l"} {
		wantProblem(t, b.get("/stores", fromPage(foreignOrigin, "Authorization", none)...), http.StatusForbidden, problem.ForeignOrigin)
	}
	// Where no key is asked for, who sends one is still its address.
	open := b.second()
	wantProblem(t, open.get("/stores", fromPage(foreignOrigin, "X-Api-Key", "sesame")...), http.StatusForbidden, problem.ForeignOrigin)
}

func TestWhatAFormSendsIsRefusedFromListedOrigins(t *testing.T) {
	b := setup(t, sharing)
	for _, mediaType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		a := b.do(http.MethodPost, "/stores", `{}`, fromPage(listedOrigin, "Content-Type", mediaType)...)
		wantProblem(t, a, http.StatusUnsupportedMediaType, problem.UnsupportedMediaType)
		wantShared(t, a, listedOrigin)
	}
}

// A browser that sends a cookie says which page has sent it where something is changed.
func TestACookieNeedsAnOrigin(t *testing.T) {
	b := setup(t)
	cookie := []string{"Cookie", "session=x"}
	wantProblem(t, b.do(http.MethodPost, "/stores", `{}`, cookie...), http.StatusForbidden, problem.ForeignOrigin)
	wantProblem(t, b.get("/feed", append(cookie, "Connection", "Upgrade", "Upgrade", "websocket")...), http.StatusForbidden, problem.ForeignOrigin)
	b.create(`{}`, append(cookie, "Origin", b.url)...)
	b.create(`{}`, append(cookie, "Sec-Fetch-Site", "same-origin")...)
	if a := b.get("/engines", cookie...); a.status != http.StatusOK {
		t.Errorf("looking is answered %d %s", a.status, a.body)
	}
}

// A WebSocket has no preflight, so its Origin is all that there is.
func TestTheFeedIsForPagesOfListedOrigins(t *testing.T) {
	b := setup(t, sharing)
	handshake := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	wantProblem(t, b.get("/feed", append(handshake, "Origin", foreignOrigin)...), http.StatusForbidden, problem.ForeignOrigin)
	// Nobody serves the feed here, which is further than a foreign page gets.
	wantProblem(t, b.get("/feed", append(handshake, "Origin", listedOrigin)...), http.StatusServiceUnavailable, problem.FeedUnavailable)
}

// The requests that docs/security.md lists, of an installation with accounts: what a page of elsewhere can have a browser send, and
// what only somebody sends who means it.
func TestWhatAPageOfElsewhereCanSendIsRefused(t *testing.T) {
	b := setup(t, withAccounts)
	s := b.street()
	cookie := s.session(s.owner, s.tenant)[:2]
	_, bearer := s.token(s.owner.ID, s.tenant, principal.Owner, principal.WriteStores, principal.ReadStores)
	form := []string{"Content-Type", "text/plain"}
	for _, c := range []struct {
		name   string
		header []string
		status int
		code   problem.Code
	}{
		{"another page, with the cookie", fromPage(foreignOrigin, cookie...), http.StatusForbidden, problem.ForeignOrigin},
		{"a neighbour below the same name, with the cookie", append([]string{"Origin", "http://store-sabcdefghijk.localhost", "Sec-Fetch-Site", "same-site"}, cookie...), http.StatusForbidden, problem.ForeignOrigin},
		{"a form of another page", slices.Concat(fromPage(foreignOrigin, cookie...), form), http.StatusForbidden, problem.ForeignOrigin},
		{"a form of no page", form, http.StatusUnsupportedMediaType, problem.UnsupportedMediaType},
		{"a foreign Host, with the cookie", append([]string{"Host", "evil.example", "Origin", "http://evil.example"}, cookie...), http.StatusForbidden, problem.ForeignHost},
		{"a foreign Host, with a token", append([]string{"Host", "evil.example"}, bearer...), http.StatusForbidden, problem.ForeignHost},
		{"a cookie of no page", cookie, http.StatusForbidden, problem.ForeignOrigin},
		{"a void token of another page, with the cookie", fromPage(foreignOrigin, append([]string{"X-Api-Key", "sp_nobodys"}, cookie...)...), http.StatusUnauthorized, problem.Unauthenticated},
		{"a token of another page", fromPage(foreignOrigin, bearer...), http.StatusAccepted, ""},
		{"a token of no page", bearer, http.StatusAccepted, ""},
	} {
		a := b.do(http.MethodPost, "/stores", `{}`, append([]string{"X-Tenant", s.tenant}, c.header...)...)
		switch {
		case c.code != "" && (a.status != c.status || !strings.Contains(string(a.body), string(c.code))):
			t.Errorf("%s: answered %d %s, want %d %s", c.name, a.status, a.body, c.status, c.code)
		case a.status != c.status:
			t.Errorf("%s: answered %d %s", c.name, a.status, a.body)
		}
		wantUnshared(t, a)
	}
	asked := b.do(http.MethodOptions, "/stores", "", preflight(foreignOrigin)...)
	wantProblem(t, asked, http.StatusForbidden, problem.ForeignOrigin)
	wantUnshared(t, asked)
}
