package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// peopled is a gateway with accounts, and what stands behind it.
type peopled struct {
	*testBundle
	directory *directory.Directory
}

func setupPeople(t *testing.T) *peopled {
	t.Helper()
	b := setup(t, func(c *Config) { c.Auth, c.AdminKey, c.SignUp = authAccounts, "sesame", "invite" })
	d, err := directory.Open(t.Context(), b.log, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &peopled{testBundle: b, directory: d}
}

// asOperator sends the admin key.
var asOperator = []string{"X-Api-Key", "sesame"}

// person is somebody who has signed in.
type person struct {
	account string
	email   string
	header  []string
}

// in is who acts for a tenant.
func (p person) in(tenant string) []string {
	return append(p.header[:len(p.header):len(p.header)], "X-Tenant", tenant)
}

// joins has somebody sign up, prove the address, and sign in.
func (b *peopled) joins(name string) person {
	b.t.Helper()
	ctx := b.t.Context()
	p := person{email: strings.ToLower(name) + "@example.com"}
	account, err := b.directory.SignUp(ctx, directory.Account{Email: p.email, Name: name, Hash: "x"})
	if err != nil {
		b.t.Fatal(err)
	}
	link, _, err := b.directory.VerifyLink(ctx, account)
	if err == nil {
		account, _, err = b.directory.Verify(ctx, link, account)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	session, err := b.directory.NewSession(ctx, account)
	if err != nil {
		b.t.Fatal(err)
	}
	p.account, p.header = account.ID, []string{"Cookie", api.SessionCookie + "=" + session, "Origin", b.url}
	return p
}

// did sends a request that is answered so, and reads the answer.
func did[T any](b *peopled, status int, header []string, method, path, body string) T {
	b.t.Helper()
	a := b.do(method, path, body, header...)
	if a.status != status {
		b.t.Fatalf("%s %s %s answers %d, want %d: %s", method, path, body, a.status, status, a.body)
	}
	if status == http.StatusNoContent {
		var nothing T
		return nothing
	}
	return decoded[T](b.t, a)
}

func (b *peopled) refuses(status int, code problem.Code, header []string, method, path, body string) problem.Problem {
	b.t.Helper()
	a := b.do(method, path, body, header...)
	if a.status != status {
		b.t.Fatalf("%s %s %s answers %d, want %d: %s", method, path, body, a.status, status, a.body)
	}
	return wantProblem(b.t, a, status, code)
}

// founds makes a tenant of somebody's own.
func (b *peopled) founds(p person) string {
	b.t.Helper()
	return did[api.Tenant](b, http.StatusCreated, p.header, "POST", "/tenants", `{"name":"Amber Agency"}`).ID
}

// invites has somebody become a member by an invite of the owner's.
func (b *peopled) invites(owner, guest person, tenant string, role principal.Role) {
	b.t.Helper()
	made := did[api.NewInvite](b, http.StatusCreated, owner.header, "POST", "/tenants/"+tenant+"/invites", fmt.Sprintf(`{"role":%q}`, role))
	did[api.Tenant](b, http.StatusOK, guest.header, "POST", "/invites/take", fmt.Sprintf(`{"invite":%q}`, made.Text))
}

func TestPeopleShareATenant(t *testing.T) {
	b := setupPeople(t)
	maria, piet, stranger := b.joins("Maria"), b.joins("Piet"), b.joins("Stranger")
	made := b.do("POST", "/tenants", `{"name":"  Amber Agency "}`, maria.header...)
	tenant := decoded[api.Tenant](t, made)
	at := "/tenants/" + tenant.ID
	if made.status != http.StatusCreated || made.header.Get("Location") != at || made.header.Get("ETag") != `"1"` || tenant.Name != "Amber Agency" ||
		tenant.Role != principal.Owner || tenant.Members != 1 {
		t.Fatalf("%d %v %s", made.status, made.header, made.body)
	}
	// Two owners' pages have read the same.
	first := b.do("PATCH", at, `{"name":"First"}`, append(maria.header, "If-Match", `"1"`)...)
	if first.status != http.StatusOK || first.header.Get("ETag") != `"2"` {
		t.Errorf("%d %s", first.status, first.body)
	}
	late := b.do("PATCH", at, `{"name":"Second"}`, append(maria.header, "If-Match", `"1"`)...)
	wantProblem(t, late, http.StatusPreconditionFailed, problem.TenantChanged)
	if late.header.Get("ETag") != `"2"` {
		t.Errorf("the late one is told of %q", late.header.Get("ETag"))
	}
	for _, body := range []string{`{"name":"\u200b"}`, `{"name":"two\nlines"}`, `{"name":"` + strings.Repeat("x", 61) + `"}`, `{"Name":"x"}`, `{}`} {
		if a := b.do("POST", "/tenants", body, maria.header...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s makes %d %s", body, a.status, a.body)
		}
	}

	// An invite is shown once, to who made it.
	for _, body := range []string{`{"role":"operator"}`, `{"role":"viewer","email":"Piet <piet@example.com>"}`, `{"role":""}`, `{}`} {
		if a := b.do("POST", at+"/invites", body, maria.header...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s makes %d %s", body, a.status, a.body)
		}
	}
	invite := did[api.NewInvite](b, http.StatusCreated, maria.header, "POST", at+"/invites", `{"role":"viewer","email":"Piet@example.com"}`)
	take := fmt.Sprintf(`{"invite":%q}`, invite.Text)
	listed := b.get(at+"/invites", maria.header...)
	if list := decoded[api.InviteList](t, listed); len(list.Invites) != 1 || list.Invites[0] != invite.Invite || invite.By != maria.account {
		t.Errorf("%s", listed.body)
	}
	if secret := invite.Text[strings.LastIndex(invite.Text, "_")+1:]; len(secret) < 26 || strings.Contains(string(listed.body), secret) || strings.Contains(string(listed.body), "sum") {
		t.Errorf("a list tells the secret: %s", listed.body)
	}
	b.refuses(http.StatusForbidden, problem.Forbidden, stranger.header, "POST", "/invites/take", take)
	b.refuses(http.StatusUnauthorized, problem.Unauthenticated, nil, "POST", "/invites/take", take)
	b.refuses(http.StatusForbidden, problem.Forbidden, asOperator, "POST", "/invites/take", take)
	if joined := did[api.Tenant](b, http.StatusOK, piet.header, "POST", "/invites/take", take); joined.Role != principal.Viewer || joined.Members != 2 {
		t.Errorf("%+v", joined)
	}
	b.refuses(http.StatusNotFound, problem.NotFound, stranger.header, "POST", "/invites/take", take)
	withdrawn := did[api.NewInvite](b, http.StatusCreated, maria.header, "POST", at+"/invites", `{"role":"member"}`)
	b.refuses(http.StatusConflict, problem.AlreadyMember, piet.header, "POST", "/invites/take", fmt.Sprintf(`{"invite":%q}`, withdrawn.Text))
	did[struct{}](b, http.StatusNoContent, maria.header, "DELETE", at+"/invites/"+withdrawn.ID, "")
	b.refuses(http.StatusNotFound, problem.NotFound, stranger.header, "POST", "/invites/take", fmt.Sprintf(`{"invite":%q}`, withdrawn.Text))

	// Who is there: addresses are for owners.
	var emails []string
	for _, who := range []person{maria, piet} {
		list := did[api.MemberList](b, http.StatusOK, who.header, "GET", at+"/members", "")
		if len(list.Members) != 2 || list.Members[0].Account != maria.account || list.Members[1].Name != "Piet" {
			t.Errorf("%+v", list)
		}
		emails = append(emails, list.Members[1].Email)
	}
	if emails[0] != piet.email || emails[1] != "" {
		t.Errorf("addresses shown are %q", emails)
	}
	b.mayNot(at, piet, stranger)

	// The roles change hands.
	b.refuses(http.StatusConflict, problem.LastOwner, maria.header, "DELETE", at+"/members/"+maria.account, "")
	b.refuses(http.StatusConflict, problem.LastOwner, maria.header, "PATCH", at+"/members/"+maria.account, `{"role":"member"}`)
	b.refuses(http.StatusNotFound, problem.NotFound, maria.header, "PATCH", at+"/members/"+stranger.account, `{"role":"member"}`)
	if member := did[api.Member](b, http.StatusOK, maria.header, "PATCH", at+"/members/"+piet.account, `{"role":"owner"}`); member.Role != principal.Owner {
		t.Errorf("%+v", member)
	}
	did[struct{}](b, http.StatusNoContent, maria.header, "DELETE", at+"/members/"+maria.account, "")
	b.refuses(http.StatusNotFound, problem.NotFound, maria.header, "GET", at, "")
	if mine := did[api.TenantList](b, http.StatusOK, maria.header, "GET", "/tenants", ""); len(mine.Tenants) != 0 {
		t.Errorf("she has left, and lists %+v", mine)
	}
}

// mayNot: who only views changes nothing, and a tenant that is another's isn't there.
func (b *peopled) mayNot(at string, viewer, stranger person) {
	b.t.Helper()
	missing := b.refuses(http.StatusNotFound, problem.NotFound, stranger.header, "GET", "/tenants/t-aaaaaaaaaa", "")
	for _, c := range []struct{ method, path, body string }{
		{"PATCH", at, `{"name":"Mine"}`}, {"DELETE", at, ""}, {"GET", at + "/invites", ""}, {"POST", at + "/invites", `{"role":"owner"}`},
		{"DELETE", at + "/invites/i-aaaaaaaaaa", ""}, {"PATCH", at + "/members/" + viewer.account, `{"role":"owner"}`},
		{"DELETE", at + "/members/" + stranger.account, ""},
	} {
		b.refuses(http.StatusForbidden, problem.Forbidden, viewer.header, c.method, c.path, c.body)
		if p := b.refuses(http.StatusNotFound, problem.NotFound, stranger.header, c.method, c.path, c.body); p.Detail != missing.Detail {
			b.t.Errorf("%s %s tells that there is a tenant: %q, and not %q", c.method, c.path, p.Detail, missing.Detail)
		}
	}
	for _, path := range []string{at, at + "/members"} {
		if p := b.refuses(http.StatusNotFound, problem.NotFound, stranger.header, "GET", path, ""); p.Detail != missing.Detail {
			b.t.Errorf("%s tells that there is a tenant: %q, and not %q", path, p.Detail, missing.Detail)
		}
	}
}

func TestATokenDoesWhatItsScopesAndItsAccountMay(t *testing.T) {
	b := setupPeople(t)
	maria, piet := b.joins("Maria"), b.joins("Piet")
	tenant, other := b.founds(maria), b.founds(maria)
	b.invites(maria, piet, tenant, principal.Viewer)
	for _, body := range []string{
		`{"name":"x","scopes":[]}`, `{"name":"x"}`, `{"scopes":["stores:read"]}`, `{"name":"x","scopes":["stores:burn"]}`, `{"name":"x","scopes":["platform:operate"]}`,
		`{"name":"x","scopes":["stores:read"],"ttl":"9000h"}`, `{"name":"x","scopes":["stores:read"],"ttl":"never"}`,
		`{"name":"x","scopes":["stores:read"],"ttl":"-1h"}`, `{"name":"x","scopes":["stores:read"],"role":"god"}`,
	} {
		if a := b.do("POST", "/auth/tokens", body, maria.in(tenant)...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s makes %d %s", body, a.status, a.body)
		}
	}
	b.refuses(http.StatusUnprocessableEntity, problem.InvalidField, piet.header, "POST", "/auth/tokens", `{"name":"x","scopes":["stores:write"],"role":"member"}`)
	// She has two tenants, and names none.
	b.refuses(http.StatusForbidden, problem.Forbidden, maria.header, "POST", "/auth/tokens", `{"name":"x","scopes":["stores:write"]}`)
	makes := func(p person, body string) (api.NewToken, []string) {
		t.Helper()
		made := did[api.NewToken](b, http.StatusCreated, p.in(tenant), "POST", "/auth/tokens", body)
		return made, []string{"Authorization", "Bearer " + made.Text}
	}
	made, writes := makes(maria, `{"name":"deploy","scopes":["stores:write","stores:write"],"role":"member","ttl":"720h"}`)
	if life := made.Expires.Sub(made.Created); life < 719*time.Hour || life > 721*time.Hour || len(made.Scopes) != 1 || made.Tenant != tenant || made.LastUsed != nil {
		t.Errorf("%+v", made)
	}
	_, reads := makes(maria, `{"name":"report","scopes":["stores:read"]}`)
	viewers, viewing := makes(piet, `{"name":"view","scopes":["stores:read","stores:write","tenant:manage"]}`)
	_, manages := makes(maria, `{"name":"manage","scopes":["tenant:manage"]}`)

	s := did[query.Store](b, http.StatusAccepted, writes, "POST", "/stores", `{}`)
	did[query.Store](b, http.StatusOK, reads, "GET", "/stores/"+string(s.ID), "")
	b.refuses(http.StatusForbidden, problem.Forbidden, reads, "POST", "/stores", `{}`)
	b.refuses(http.StatusForbidden, problem.Forbidden, viewing, "POST", "/stores", `{}`)
	b.refuses(http.StatusForbidden, problem.Forbidden, writes, "PATCH", "/tenants/"+tenant, `{"name":"Mine"}`)
	b.refuses(http.StatusNotFound, problem.NotFound, manages, "GET", "/tenants/"+other, "")
	did[api.Tenant](b, http.StatusOK, manages, "PATCH", "/tenants/"+tenant, `{"name":"Theirs"}`)
	for _, token := range [][]string{writes, manages} {
		b.refuses(http.StatusForbidden, problem.Forbidden, token, "POST", "/auth/tokens", `{"name":"x","scopes":["stores:read"]}`)
		b.refuses(http.StatusForbidden, problem.Forbidden, token, "GET", "/auth/tokens", "")
	}
	garbled := made.Text[:len(made.Text)-1] + map[bool]string{true: "B", false: "A"}[strings.HasSuffix(made.Text, "A")]
	b.refuses(http.StatusUnauthorized, problem.Unauthenticated, []string{"Authorization", "Bearer " + garbled}, "GET", "/stores/"+string(s.ID), "")

	// Nobody reads a secret again.
	for path, want := range map[string]int{"/auth/tokens": 3, "/auth/tokens?all=true": 4} {
		a := b.get(path, maria.in(tenant)...)
		if list := decoded[api.TokenList](t, a); len(list.Tokens) != want || list.Tokens[0].ID != made.ID {
			t.Errorf("%s lists %s", path, a.body)
		}
		if strings.Contains(string(a.body), made.Text[len(made.Text)-26:]) || strings.Contains(string(a.body), `"sum"`) {
			t.Errorf("%s tells a secret: %s", path, a.body)
		}
	}
	if all := did[api.TokenList](b, http.StatusOK, maria.header, "GET", "/auth/tokens", ""); len(all.Tokens) != 3 {
		t.Errorf("in all her tenants she has %+v", all)
	}
	b.refuses(http.StatusForbidden, problem.Forbidden, piet.header, "GET", "/auth/tokens?all=true", "")
	b.refuses(http.StatusNotFound, problem.NotFound, piet.in(other), "GET", "/auth/tokens", "")

	// A token that is less than its account removes nobody but that.
	_, weak := makes(maria, `{"name":"weak","scopes":["tenant:manage"],"role":"viewer"}`)
	b.refuses(http.StatusForbidden, problem.Forbidden, weak, "DELETE", "/tenants/"+tenant+"/members/"+piet.account, "")

	// Revoked, by its owner and by the tenant's; and what is another's isn't there.
	b.refuses(http.StatusNotFound, problem.NotFound, piet.header, "DELETE", "/auth/tokens/"+made.ID, "")
	for id, token := range map[string][]string{made.ID: writes, viewers.ID: viewing} {
		did[struct{}](b, http.StatusNoContent, maria.header, "DELETE", "/auth/tokens/"+id, "")
		b.refuses(http.StatusUnauthorized, problem.Unauthenticated, token, "GET", "/stores/"+string(s.ID), "")
		b.refuses(http.StatusNotFound, problem.NotFound, maria.header, "DELETE", "/auth/tokens/"+id, "")
	}
	// And with the membership.
	_, viewing = makes(piet, `{"name":"view","scopes":["stores:read"]}`)
	did[query.Store](b, http.StatusOK, viewing, "GET", "/stores/"+string(s.ID), "")
	did[struct{}](b, http.StatusNoContent, piet.header, "DELETE", "/tenants/"+tenant+"/members/"+piet.account, "")
	b.refuses(http.StatusUnauthorized, problem.Unauthenticated, viewing, "GET", "/stores/"+string(s.ID), "")
	for range directory.MaxTokens - 3 {
		makes(maria, `{"name":"one more","scopes":["stores:read"]}`)
	}
	b.refuses(http.StatusConflict, problem.TooManyTokens, maria.in(tenant), "POST", "/auth/tokens", `{"name":"one too many","scopes":["stores:read"]}`)
}

func TestOperatorsLookAfterTenants(t *testing.T) {
	b := setupPeople(t)
	maria := b.joins("Maria")
	b.refuses(http.StatusUnprocessableEntity, problem.InvalidField, asOperator, "POST", "/tenants", `{"name":"Nobody's"}`)
	b.refuses(http.StatusUnprocessableEntity, problem.InvalidField, asOperator, "POST", "/tenants", `{"name":"x","owner":"a-aaaaaaaaaa"}`)
	given := did[api.Tenant](b, http.StatusCreated, asOperator, "POST", "/tenants", fmt.Sprintf(`{"name":"Given","owner":%q}`, maria.account))
	own := b.founds(maria)
	b.refuses(http.StatusForbidden, problem.Forbidden, maria.header, "POST", "/tenants", fmt.Sprintf(`{"name":"x","owner":%q}`, b.joins("Piet").account))
	b.refuses(http.StatusForbidden, problem.Forbidden, maria.header, "GET", "/tenants?all=true", "")
	mine := did[api.TenantList](b, http.StatusOK, maria.header, "GET", "/tenants", "")
	if len(mine.Tenants) != 2 || mine.Tenants[0].ID != given.ID || mine.Tenants[1].ID != own || mine.Tenants[0].Role != principal.Owner {
		t.Errorf("%+v", mine)
	}
	page := did[api.TenantList](b, http.StatusOK, asOperator, "GET", "/tenants?limit=1", "")
	rest := did[api.TenantList](b, http.StatusOK, asOperator, "GET", "/tenants?limit=1&after="+page.Next, "")
	if len(page.Tenants) != 1 || len(rest.Tenants) != 1 || rest.Next != "" || page.Tenants[0].ID >= rest.Tenants[0].ID {
		t.Errorf("%+v, then %+v", page, rest)
	}

	at := "/tenants/" + own
	for _, body := range []string{`{"limits":{"maxStores":9}}`, `{"suspended":false}`, `{"name":"Mine","limits":{}}`} {
		b.refuses(http.StatusForbidden, problem.Forbidden, maria.header, "PATCH", at, body)
	}
	b.refuses(http.StatusUnprocessableEntity, problem.InvalidField, asOperator, "PATCH", at, `{"limits":{"maxStores":-1}}`)
	limited := did[api.Tenant](b, http.StatusOK, asOperator, "PATCH", at, `{"limits":{"maxStores":1}}`)
	if limited.Limits.MaxStores == nil || *limited.Limits.MaxStores != 1 {
		t.Errorf("%+v", limited)
	}
	s := did[query.Store](b, http.StatusAccepted, maria.in(own), "POST", "/stores", `{}`)
	if p := b.refuses(http.StatusForbidden, problem.QuotaExceeded, maria.in(own), "POST", "/stores", `{}`); !strings.Contains(p.Detail, "1") {
		t.Errorf("it is told %q", p.Detail)
	}
	did[query.Store](b, http.StatusAccepted, maria.in(given.ID), "POST", "/stores", `{}`)
	did[api.Tenant](b, http.StatusOK, asOperator, "PATCH", at, `{"limits":{}}`)
	did[query.Store](b, http.StatusAccepted, maria.in(own), "POST", "/stores", `{}`)

	did[api.Tenant](b, http.StatusOK, asOperator, "PATCH", at, `{"suspended":true}`)
	did[query.Store](b, http.StatusOK, maria.in(own), "GET", "/stores/"+string(s.ID), "")
	b.refuses(http.StatusForbidden, problem.Forbidden, maria.in(own), "POST", "/stores", `{}`)
	b.refuses(http.StatusForbidden, problem.Forbidden, maria.header, "PATCH", at, `{"name":"Mine"}`)
	b.refuses(http.StatusForbidden, problem.Forbidden, maria.header, "DELETE", at, "")
	did[api.Tenant](b, http.StatusOK, asOperator, "PATCH", at, `{"suspended":false,"name":"Theirs"}`)
	did[query.Store](b, http.StatusAccepted, maria.in(own), "POST", "/stores", `{}`)
}

// Whatever is done to tenants, members, invites and tokens stands in the audit, by ids alone.
func TestTheAuditTellsWhatWasDoneToTenants(t *testing.T) {
	b := setupPeople(t)
	maria, piet := b.joins("Maria"), b.joins("Piet")
	tenant := b.founds(maria)
	at := "/tenants/" + tenant
	did[api.Tenant](b, http.StatusOK, asOperator, "PATCH", at, `{"name":"Violet Works"}`)
	gone := did[api.NewInvite](b, http.StatusCreated, maria.header, "POST", at+"/invites", `{"role":"viewer","email":"somebody@example.com"}`)
	did[struct{}](b, http.StatusNoContent, maria.header, "DELETE", at+"/invites/"+gone.ID, "")
	b.invites(maria, piet, tenant, principal.Viewer)
	token := did[api.NewToken](b, http.StatusCreated, piet.header, "POST", "/auth/tokens", `{"name":"Nightly","scopes":["stores:read"]}`)
	manager := did[api.NewToken](b, http.StatusCreated, maria.header, "POST", "/auth/tokens", `{"name":"Manager","scopes":["tenant:manage"]}`)
	did[struct{}](b, http.StatusNoContent, maria.header, "DELETE", "/auth/tokens/"+token.ID, "")
	did[api.Member](b, http.StatusOK, []string{"X-Api-Key", manager.Text}, "PATCH", at+"/members/"+piet.account, `{"role":"member"}`)
	b.refuses(http.StatusConflict, problem.LastOwner, maria.header, "DELETE", at+"/members/"+maria.account, "")
	did[struct{}](b, http.StatusNoContent, piet.header, "DELETE", at+"/members/"+piet.account, "")
	did[struct{}](b, http.StatusNoContent, maria.header, "DELETE", at, "")

	want := []string{
		"tenant_made " + maria.account + " " + maria.account, "tenant_changed admin " + tenant, "invited " + maria.account + " " + gone.ID,
		"invite_withdrawn " + maria.account + " " + gone.ID, "invited " + maria.account + " *", "invite_taken " + piet.account + " " + piet.account,
		"token_made " + piet.account + " " + token.ID, "token_made " + maria.account + " " + manager.ID, "token_revoked " + maria.account + " " + token.ID,
		"member_changed " + maria.account + "/" + manager.ID + " " + piet.account, "member_removed " + piet.account + " " + piet.account,
		"tenant_deleted " + maria.account + " " + tenant,
	}
	audit, err := b.log.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	errAll := fmt.Errorf("that was all")
	var told []string
	err = audit.Tail(t.Context(), 0, func(a storelog.Audited) error {
		if a.Entry.Tenant != tenant || a.Err != nil {
			t.Errorf("%+v", a)
		}
		for _, personal := range []string{"@", "Maria", "Piet", "Amber", "Violet", "Nightly", token.Text[len(token.Text)-26:], gone.Text[len(gone.Text)-26:]} {
			if strings.Contains(string(a.Data), personal) {
				t.Errorf("it tells %q: %s", personal, a.Data)
			}
		}
		told = append(told, fmt.Sprint(a.Entry.What, " ", a.Entry.Actor, " ", a.Entry.Subject))
		if a.Pending == 0 {
			return errAll
		}
		return nil
	})
	if len(told) != len(want) {
		t.Fatalf("%v: %s", err, strings.Join(told, "\n"))
	}
	for i, line := range told {
		if pattern, any := strings.CutSuffix(want[i], "*"); line != want[i] && !(any && strings.HasPrefix(line, pattern)) {
			t.Errorf("entry %d is %q, want %q", i, line, want[i])
		}
	}
}
