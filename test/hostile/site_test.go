package hostile

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/release"
)

// password is everybody's.
const password = "a sentence that nobody guesses"

// byKey is how one asks who holds the admin key.
var byKey = []string{"X-Api-Key: " + release.AdminKey}

// site is where requests are tried: a gateway, somebody who may ask it for everything, and what is theirs.
type site struct {
	gateway
	// header are the lines by which they ask; none in open mode.
	header []string
	// account, tenant and store stand in paths.
	account, tenant, store string
}

// outdoors is a site in open mode.
func outdoors(t testing.TB) *site {
	t.Helper()
	s := &site{gateway: open}
	s.found(t)
	return s
}

// settle is a site where there are accounts, of somebody who operates the platform and owns a tenant.
func settle(t testing.TB) *site {
	t.Helper()
	s := &site{gateway: peopled}
	s.account = s.signUp(t)
	s.header = s.enter(t, s.account)
	s.call(t, http.StatusOK, byKey, "PATCH", "/accounts/"+s.account, `{"operator":true}`)
	s.tenant = s.call(t, http.StatusCreated, s.header, "POST", "/tenants", `{"name":"Tea"}`).ID
	s.found(t)
	return s
}

// found makes the store.
func (s *site) found(t testing.TB) {
	t.Helper()
	s.store = s.call(t, http.StatusAccepted, s.header, "POST", "/stores", `{"engine":"`+ofTrial+`"}`).ID
}

// said is what of an answer is of use for another request.
type said struct{ ID, Link, Token, Invite string }

func (s *site) call(t testing.TB, status int, header []string, method, target, body string) said {
	t.Helper()
	return gets[said](t, s.gateway, status, s.from(request{method: method, target: target, header: header, body: []byte(body)}))
}

// from has a request come from an address of its own, where a proxy's word is taken for that and addresses aren't tenants: guesses are counted
// by addresses, and here nothing is guessed.
func (s *site) from(r request) request {
	r.header = slices.Clone(r.header)
	if !slices.ContainsFunc(r.header, func(line string) bool { return strings.HasPrefix(line, "Connection:") }) {
		r.header = append(r.header, "Connection: close")
	}
	if s.gateway == peopled {
		r.header = append(r.header, fmt.Sprintf("X-Forwarded-For: 2001:db8:%x:%x::1", rand.N(1<<16), rand.N(1<<16)))
	}
	return r
}

// unique is an e-mail address that nobody has.
func unique() string { return fmt.Sprintf("maria-%x@example.com", rand.Uint64()) }

// signUp makes an account and answers its id.
func (s *site) signUp(t testing.TB) string {
	t.Helper()
	return s.call(t, http.StatusCreated, nil, "POST", "/auth/signup", fmt.Sprintf(`{"email":%q,"name":"Maria","password":%q}`, unique(), password)).ID
}

// link is one that an operator reads out.
func (s *site) link(t testing.TB, account, purpose string) string {
	t.Helper()
	return s.call(t, http.StatusCreated, byKey, "POST", "/accounts/"+account+"/links", `{"for":"`+purpose+`"}`).Link
}

// enter signs an account in and answers the lines by which it asks then. It does by a link, which proves the address, too, and is no guess
// at a password.
func (s *site) enter(t testing.TB, account string) []string {
	t.Helper()
	body := fmt.Sprintf(`{"link":%q,"password":%q}`, s.link(t, account, "reset"), password)
	a := s.mustSend(t, s.from(request{method: "POST", target: "/auth/reset/confirm", body: []byte(body)}))
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if cookie.Name == "session" && a.status == http.StatusOK {
			return []string{"Cookie: session=" + cookie.Value, "Origin: http://localhost"}
		}
	}
	t.Fatalf("a link that resets the password is answered %v", a)
	return nil
}

// stay signs in again whom a request has signed out.
func (s *site) stay(t testing.TB) {
	t.Helper()
	if s.account == "" {
		return
	}
	if a := s.mustSend(t, s.from(request{method: "GET", target: "/auth/me", header: s.header})); a.status == http.StatusUnauthorized {
		s.header = s.enter(t, s.account)
	}
}

// fill puts what is the site's into a path of the document, or what nobody has.
func (s *site) fill(path string) string {
	id := s.store
	switch {
	case strings.HasPrefix(path, "/tenants/"):
		id = cmp.Or(s.tenant, "t-nobodys222")
	case strings.HasPrefix(path, "/accounts/"):
		id = cmp.Or(s.account, "a-nobody2222")
	}
	return strings.NewReplacer("{id}", id, "{account}", cmp.Or(s.account, "a-nobody2222"), "{n}", "1", "{invite}", "i-nothing222",
		"{token}", strings.Repeat("2", 30), "{provider}", "house").Replace(path)
}

// anew puts into a body what there is, a tenant, and what is good once: the address of who signs up, and a link.
func (s *site) anew(t testing.TB, body []byte) []byte {
	t.Helper()
	body = bytes.ReplaceAll(body, []byte(anAddress), []byte(unique()))
	if s.account == "" {
		return body
	}
	body = bytes.ReplaceAll(body, []byte(aTenant), []byte(s.tenant))
	if bytes.Contains(body, []byte(aLink)) {
		body = bytes.ReplaceAll(body, []byte(aLink), []byte(s.link(t, s.account, "reset")))
	}
	return body
}
