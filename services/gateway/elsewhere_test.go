package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc/oidctest"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// The tenants that groups, and people, give.
const (
	staffed = "t-agency2222"
	besides = "t-another222"
)

// familiar is a gateway where people sign in at a house, and where street says so on the street, too.
type familiar struct {
	*peopled
	page          *url.URL
	house, street *oidctest.Provider
	keeping       *http.Client
}

func setupKnown(t *testing.T, street bool, signUp string) *familiar {
	t.Helper()
	k := &familiar{page: &url.URL{Scheme: "https", Host: "stores.example", Path: "/"}}
	k.house = oidctest.Start(t, k.page, "house")
	file := strings.Builder{}
	describe := func(name string, p *oidctest.Provider) {
		fmt.Fprintf(&file, "- { name: %s, title: The %s, issuer: %q, clientID: %s, clientSecretFile: %q, groups: [%s] }\n", name, name, p.Issuer, oidctest.Client, p.SecretFile,
			"{ name: staff, tenant: "+staffed+", role: member }, { name: lead, tenant: "+staffed+", role: owner }, "+
				"{ name: past, tenant: t-deleted222, role: owner }, { name: platform, operator: true }")
	}
	file.WriteString("providers:\n")
	describe("house", k.house)
	if street {
		k.street = oidctest.Start(t, k.page, "street")
		describe("street", k.street)
	}
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(c *Config) {
		c.Auth, c.AdminKey, c.SignUp, c.PublicURL, c.Providers = authAccounts, "sesame", signUp, "https://stores.example", path
	})
	d, err := directory.Open(t.Context(), b.log, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	k.peopled = &peopled{testBundle: b, directory: d}
	town := b.town()
	town.found(directory.Tenant{ID: staffed, Name: "Agency"})
	town.found(directory.Tenant{ID: besides, Name: "Another"})
	k.keeping = &http.Client{Transport: documented{&http.Transport{}}, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(k.keeping.CloseIdleConnections)
	return k
}

// guest is a browser that has found the gateway by its name.
type guest struct {
	*familiar
	cookies map[string]string
	// set are the cookies that were set last, as they were written.
	set []string
}

func (k *familiar) guest() *guest { return &guest{familiar: k, cookies: map[string]string{}} }

func (g *guest) send(method, path, body string, headers ...string) answer {
	g.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Host = g.page.Host
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if len(headers) == 0 {
		req.Header.Set("Origin", "https://"+g.page.Host)
	}
	for name, value := range g.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	a := g.answered(g.keeping, req)
	g.set = a.header.Values("Set-Cookie")
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if cookie.MaxAge < 0 {
			delete(g.cookies, cookie.Name)
			continue
		}
		g.cookies[cookie.Name] = cookie.Value
	}
	return a
}

// led is send of a navigation that comes from another site, and where it leads.
func (g *guest) led(status int, path string) string {
	g.t.Helper()
	a := g.send(http.MethodGet, path, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if a.status != status {
		g.t.Fatalf("%s answers %d, want %d: %s", path, a.status, status, a.body)
	}
	return a.header.Get("Location")
}

// begun is where a provider sends the guest back to, who has signed in there.
func (g *guest) begun(name string, p *oidctest.Provider) *url.URL {
	g.t.Helper()
	return p.SignIn(g.t, g.led(http.StatusFound, "/auth/oidc/"+name+"/start"))
}

// signsIn does it all, and answers where it leads.
func (g *guest) signsIn(name string, p *oidctest.Provider) string {
	g.t.Helper()
	return g.led(http.StatusSeeOther, g.begun(name, p).RequestURI())
}

// me is who the guest is.
func (g *guest) me(headers ...string) api.Me {
	g.t.Helper()
	a := g.send(http.MethodGet, "/auth/me", "", headers...)
	if a.status != http.StatusOK {
		g.t.Fatalf("who one is is answered %d %s", a.status, a.body)
	}
	return decoded[api.Me](g.t, a)
}

// in signs in, and answers who it is.
func (g *guest) in(name string, p *oidctest.Provider) api.Me {
	g.t.Helper()
	if to := g.signsIn(name, p); to != "/" {
		g.t.Fatalf("it leads to %s", to)
	}
	return g.me()
}

func TestWhoIsKnownElsewhereSignsInAndOut(t *testing.T) {
	k := setupKnown(t, false, "invite")
	g := k.guest()
	if list := decoded[api.Providers](t, g.send(http.MethodGet, "/auth/oidc", "")).Providers; len(list) != 1 || list[0].Name != "house" || list[0].Title != "The house" {
		t.Errorf("the providers are %+v", list)
	}
	// Nothing is here for who is in no group, or in one of a tenant that is gone.
	for _, groups := range [][]string{nil, {"past"}} {
		k.house.Group(groups...)
		if to := g.signsIn("house", k.house); to != "/#signin=not_allowed" || g.cookies["__Host-session"] != "" {
			t.Errorf("in %v it leads to %s, with %v", groups, to, g.cookies)
		}
	}
	k.house.Group("staff", "past")
	back := g.begun("house", k.house)
	if cookie := g.set[0]; len(g.set) != 1 || !strings.HasPrefix(cookie, "__Host-signin=") || !strings.Contains(cookie, "HttpOnly; Secure; SameSite=Lax") ||
		!strings.Contains(cookie, "Max-Age=600") {
		t.Errorf("the cookie is %q", g.set)
	}
	if to := g.led(http.StatusSeeOther, back.RequestURI()); to != "/" || g.cookies["__Host-signin"] != "" {
		t.Errorf("it leads to %s, with %v", to, g.cookies)
	}
	me := g.me()
	if me.Email != oidctest.Email || !me.Verified || me.Operator || len(me.Tenants) != 1 || me.Tenants[0].ID != staffed || me.Tenants[0].Role != principal.Member {
		t.Errorf("it is %+v", me)
	}
	// What the browser was sent with stands nowhere.
	for _, secret := range []string{back.Query().Get("state"), back.Query().Get("code")} {
		if places := bustest.Holding(t, k.conn, secret); len(places) > 0 {
			t.Errorf("%s stands in %v", secret, places)
		}
	}
	if again := k.guest().in("house", k.house); again.ID != me.ID {
		t.Errorf("the next time it is %+v", again)
	}

	a := g.send(http.MethodPost, "/auth/logout", "")
	page, err := url.Parse(decoded[api.SignedOut](t, a).SignOut)
	if err != nil || a.status != http.StatusOK || !strings.HasPrefix(page.String(), k.house.Issuer) || page.Query().Get("id_token_hint") == "" ||
		page.Query().Get("post_logout_redirect_uri") != "https://stores.example/" {
		t.Errorf("signing out answers %d %s", a.status, a.body)
	}
	wantProblem(t, g.send(http.MethodGet, "/auth/me", ""), http.StatusUnauthorized, problem.Unauthenticated)
	if a := g.send(http.MethodPost, "/auth/logout", ""); a.status != http.StatusNoContent {
		t.Errorf("signed out already it answers %d %s", a.status, a.body)
	}
	entries, own := k.audited(), me.ID+" "+me.ID
	for what, want := range map[storelog.What][]string{
		storelog.SignInRefused: {" ", " "}, storelog.SignedUp: {own}, storelog.SignedIn: {own, own}, storelog.SignedOut: {own}, storelog.MemberAdded: {own},
	} {
		if !slices.Equal(entries[what], want) {
			t.Errorf("the audit has of %s %q, want %q", what, entries[what], want)
		}
	}
}

// Whatever comes back in another way than it was begun signs nobody in, and nothing that was told of it can be used again.
func TestWhoComesBackOtherwiseIsRefused(t *testing.T) {
	k := setupKnown(t, true, "open")
	for name, come := range map[string]func(g *guest, back *url.URL) string{
		"to another browser": func(g *guest, back *url.URL) string {
			g.cookies = k.guest().beginning("house")
			return back.RequestURI()
		},
		"without a cookie": func(g *guest, back *url.URL) string { g.cookies = map[string]string{}; return back.RequestURI() },
		"as another's": func(_ *guest, back *url.URL) string {
			return strings.Replace(back.RequestURI(), "/house/", "/street/", 1)
		},
		"by the cookie alone": func(_ *guest, back *url.URL) string { return back.Path + "?code=" + back.Query().Get("code") },
		"without a code": func(_ *guest, back *url.URL) string {
			return back.Path + "?error=access_denied&state=" + back.Query().Get("state")
		},
		"from nowhere": func(*guest, *url.URL) string { return "/auth/oidc/nowhere/callback?code=x&state=x" },
		"twice": func(g *guest, back *url.URL) string {
			before := g.cookies["__Host-signin"]
			if to := g.led(http.StatusSeeOther, back.RequestURI()); to != "/" {
				t.Errorf("once it leads to %s", to)
			}
			g.cookies = map[string]string{"__Host-signin": before}
			return back.RequestURI()
		},
	} {
		g := k.guest()
		path := come(g, g.begun("house", k.house))
		if to := g.led(http.StatusSeeOther, path); to != "/#signin=refused" || g.cookies["__Host-session"] != "" {
			t.Errorf("%s it leads to %s, with %v", name, to, g.cookies)
		}
	}
	g := k.guest()
	address, err := url.Parse(g.led(http.StatusFound, "/auth/oidc/house/start"))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("nonce", "another")
	address.RawQuery = query.Encode()
	if to := g.led(http.StatusSeeOther, k.house.SignIn(t, address.String()).RequestURI()); to != "/#signin=refused" {
		t.Errorf("with another nonce it leads to %s", to)
	}
	if to := g.led(http.StatusSeeOther, "/auth/oidc/nowhere/start"); to != "/#signin=refused" {
		t.Errorf("a provider that there isn't leads to %s", to)
	}
}

// beginning are the cookies of who has begun to sign in.
func (g *guest) beginning(name string) map[string]string {
	g.t.Helper()
	g.led(http.StatusFound, "/auth/oidc/"+name+"/start")
	return g.cookies
}

func TestAProviderThatIsAwayComesBack(t *testing.T) {
	k := setupKnown(t, false, "open")
	g := k.guest()
	k.house.Away.Store(true)
	if to := g.led(http.StatusSeeOther, "/auth/oidc/house/start"); to != "/#signin=unreachable" {
		t.Errorf("away it leads to %s", to)
	}
	k.house.Away.Store(false)
	back := g.begun("house", k.house)
	k.house.Away.Store(true)
	if to := g.led(http.StatusSeeOther, back.RequestURI()); to != "/#signin=unreachable" {
		t.Errorf("away again it leads to %s", to)
	}
	k.house.Away.Store(false)
	g.in("house", k.house)
	var to string
	for range 120 {
		if to = k.guest().leads("/auth/oidc/house/start"); to == "/#signin=busy" {
			return
		}
	}
	t.Errorf("however often it is begun it leads to %s", to)
}

// leads is led whatever the status.
func (g *guest) leads(path string) string {
	g.t.Helper()
	return g.send(http.MethodGet, path, "").header.Get("Location")
}
