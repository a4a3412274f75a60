package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// link has an operator make one to read out.
func (w *browser) link(account, purpose string) string {
	w.t.Helper()
	return decoded[api.LinkText](w.t, w.gets(http.StatusCreated, "POST", "/accounts/"+account+"/links", fmt.Sprintf(`{"for":%q}`, purpose))).Link
}

// me is who the browser is.
func (w *browser) me() api.Me {
	w.t.Helper()
	return decoded[api.Me](w.t, w.gets(http.StatusOK, "GET", "/auth/me", ""))
}

// out says that the browser's session is over.
func (w *browser) out(why string) {
	w.t.Helper()
	if a := w.send("GET", "/auth/me", ""); a.status != http.StatusUnauthorized {
		w.t.Errorf("%s it is signed in: %d %s", why, a.status, a.body)
	}
}

// audited is which kinds of entries the audit has, each with whom it is about.
func (b *testBundle) audited() map[storelog.What][]string {
	b.t.Helper()
	audit, err := b.log.Audit(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	found := map[storelog.What][]string{}
	err = audit.Tail(ctx, 0, func(a storelog.Audited) error {
		if a.Err != nil {
			b.t.Error(a.Err)
		}
		found[a.Entry.What] = append(found[a.Entry.What], a.Entry.Actor+" "+a.Entry.Subject)
		if a.Pending == 0 {
			cancel()
		}
		return nil
	})
	if ctx.Err() == nil {
		b.t.Fatal(err)
	}
	return found
}

// Everything that one does about an account, at a gateway that sends no mail; and in the end nothing of the address is left, wherever one looks.
func TestAnAccountFromSigningUpToItsErasure(t *testing.T) {
	b := setupPeople(t)
	boss := b.operator("boss@example.com")
	bossID := boss.me().ID
	tenant := decoded[api.Tenant](t, boss.gets(http.StatusCreated, "POST", "/tenants", `{"name":"Amber"}`)).ID
	text := decoded[api.NewInvite](t, boss.gets(http.StatusCreated, "POST", "/tenants/"+tenant+"/invites", `{"role":"owner"}`)).Text
	maria, elsewhere := b.browser(), b.browser()
	maria.gets(http.StatusCreated, "POST", "/auth/signup", account("Maria@Example.com", sentence, text))
	me := maria.me()
	if me.Email != "Maria@Example.com" || me.Verified || me.Operator || me.Tenant != tenant || !can(me, rights.ManageTenant) || can(me, rights.ManageAccounts) || can(me, rights.CreateTenant) {
		t.Errorf("she is %+v", me)
	}
	elsewhere.gets(http.StatusOK, "POST", "/auth/login", credentials("maria@example.com", sentence))

	if asked := decoded[api.Asked](t, maria.gets(http.StatusAccepted, "POST", "/auth/verify", `{}`)); asked.By != "operator" {
		t.Errorf("without mail %+v", asked)
	}
	maria.gets(http.StatusOK, "POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, boss.link(me.ID, "verify")))
	if me := maria.me(); !me.Verified || !can(me, rights.CreateTenant) {
		t.Errorf("verified she is %+v", me)
	}
	wantProblem(t, maria.send("POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, boss.link(bossID, "verify"))), http.StatusNotFound, problem.LinkUnknown)

	maria.gets(http.StatusOK, "PATCH", "/auth/me", `{"name":"Maria Magdalena"}`)
	wantProblem(t, maria.send("PATCH", "/auth/me", fmt.Sprintf(`{"password":%q}`, other)), http.StatusUnauthorized, problem.SignInRefused)
	before := maria.cookies["session"]
	maria.gets(http.StatusOK, "PATCH", "/auth/me", fmt.Sprintf(`{"password":%q,"current":%q}`, other, sentence))
	if me := maria.me(); me.Name != "Maria Magdalena" || maria.cookies["session"] == before {
		t.Errorf("with another password she is %+v", me)
	}
	elsewhere.out("behind another password")
	wantProblem(t, elsewhere.send("POST", "/auth/login", credentials("maria@example.com", sentence)), http.StatusUnauthorized, problem.SignInRefused)

	maria.moves(boss, me.ID)
	maria.resets(boss, me.ID)

	elsewhere.gets(http.StatusOK, "POST", "/auth/login", credentials("magdalena@example.com", "a third sentence"))
	maria.gets(http.StatusNoContent, "DELETE", "/auth/sessions", "")
	maria.out("behind the end of all sessions")
	elsewhere.out("behind the end of all sessions")
	maria.gets(http.StatusOK, "POST", "/auth/login", credentials("magdalena@example.com", "a third sentence"))
	maria.gets(http.StatusNoContent, "POST", "/auth/logout", "")
	maria.out("signed out")
	maria.gets(http.StatusNoContent, "POST", "/auth/logout", "")

	maria.gets(http.StatusOK, "POST", "/auth/login", credentials("magdalena@example.com", "a third sentence"))
	maria.gets(http.StatusOK, "PATCH", "/auth/me", `{"email":"wish@example.com","current":"a third sentence"}`)
	boss.gets(http.StatusCreated, "POST", "/tenants/"+tenant+"/invites", `{"role":"viewer","email":"magdalena@example.com"}`)
	wantProblem(t, maria.send("DELETE", "/auth/me", `{"current":"a wrong sentence"}`), http.StatusUnauthorized, problem.SignInRefused)
	maria.gets(http.StatusNoContent, "DELETE", "/auth/me", `{"current":"a third sentence"}`)
	maria.out("erased")
	wantProblem(t, b.browser().send("POST", "/auth/login", credentials("magdalena@example.com", "a third sentence")), http.StatusUnauthorized, problem.SignInRefused)
	for _, gone := range []string{"maria@", "magdalena", "wish@"} {
		if places := bustest.Holding(t, b.conn, gone); len(places) > 0 {
			t.Errorf("%s stands in %v", gone, places)
		}
	}
	b.wantAudit(me.ID, bossID)
}

func (b *peopled) wantAudit(maria, boss string) {
	b.t.Helper()
	entries, own := b.audited(), maria+" "+maria
	for what, who := range map[storelog.What]string{
		storelog.SignedUp: own, storelog.SignedIn: own, storelog.SignedOut: own, storelog.AllSignedOut: own, storelog.SignInRefused: " " + maria,
		storelog.AccountChanged: own, storelog.EmailVerified: own, storelog.EmailChanged: own, storelog.PasswordChanged: own, storelog.PasswordReset: own,
		storelog.AccountErased: own, storelog.LinkMade: boss + " " + maria, storelog.OperatorMade: boss + " " + boss,
	} {
		if !slices.Contains(entries[what], who) {
			b.t.Errorf("the audit has of %s %q, and not %q", what, entries[what], who)
		}
	}
	if places := bustest.Holding(b.t, b.conn, "@example.com"); slices.ContainsFunc(places, func(place string) bool { return strings.HasPrefix(place, storelog.AuditStream) }) {
		b.t.Errorf("the audit names addresses: %v", places)
	}
}

// moves changes the address by a link that an operator reads out.
func (w *browser) moves(boss *browser, id string) {
	w.t.Helper()
	wantProblem(w.t, w.send("PATCH", "/auth/me", `{"email":"magdalena@example.com"}`), http.StatusUnauthorized, problem.SignInRefused)
	w.gets(http.StatusOK, "PATCH", "/auth/me", fmt.Sprintf(`{"email":"magdalena@example.com","current":%q}`, other))
	if me := w.me(); me.Email != "Maria@Example.com" || me.NewEmail != "magdalena@example.com" {
		w.t.Errorf("before it is proved she is %+v", me)
	}
	wantProblem(w.t, w.browser().send("POST", "/auth/login", credentials("magdalena@example.com", other)), http.StatusUnauthorized, problem.SignInRefused)
	link := boss.link(id, "verify")
	w.gets(http.StatusOK, "POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, link))
	wantProblem(w.t, w.send("POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, link)), http.StatusNotFound, problem.LinkUnknown)
	if me := w.me(); me.Email != "magdalena@example.com" || me.NewEmail != "" {
		w.t.Errorf("behind it she is %+v", me)
	}
	wantProblem(w.t, w.browser().send("POST", "/auth/login", credentials("maria@example.com", other)), http.StatusUnauthorized, problem.SignInRefused)
}

// resets sets another password by a link that an operator reads out.
func (w *browser) resets(boss *browser, id string) {
	w.t.Helper()
	nobody := w.browser()
	if asked := decoded[api.Asked](w.t, nobody.gets(http.StatusAccepted, "POST", "/auth/reset", `{"email":"magdalena@example.com"}`)); asked.By != "operator" {
		w.t.Errorf("without mail %+v", asked)
	}
	link := boss.link(id, "reset")
	body := fmt.Sprintf(`{"link":%q,"password":"a third sentence"}`, link)
	wantProblem(w.t, nobody.send("POST", "/auth/reset/confirm", fmt.Sprintf(`{"link":%q,"password":"magdalena@example.com"}`, link)), http.StatusUnprocessableEntity, problem.InvalidField)
	nobody.gets(http.StatusOK, "POST", "/auth/reset/confirm", body)
	nobody.me()
	w.out("behind another password")
	wantProblem(w.t, w.browser().send("POST", "/auth/reset/confirm", body), http.StatusNotFound, problem.LinkUnknown)
	w.gets(http.StatusOK, "POST", "/auth/login", credentials("magdalena@example.com", "a third sentence"))
}

func TestWhoSignsInIsToldNothingOfOthers(t *testing.T) {
	b := setupPeople(t)
	b.operator("boss@example.com")
	known := b.browser().send("POST", "/auth/login", credentials("boss@example.com", other))
	unknown := b.browser().send("POST", "/auth/login", credentials("nobody@example.com", other))
	wantProblem(t, known, http.StatusUnauthorized, problem.SignInRefused)
	if string(known.body) != string(unknown.body) || known.status != unknown.status {
		t.Errorf("a known address is answered %d %s, an unknown one %d %s", known.status, known.body, unknown.status, unknown.body)
	}
	in := b.do("POST", "/auth/login", credentials("boss@example.com", sentence))
	for _, line := range in.header.Values("Set-Cookie") {
		for _, mark := range []string{"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age="} {
			if !strings.Contains(line, mark) {
				t.Errorf("without %s: %s", mark, line)
			}
		}
	}
	if cookies := in.header.Values("Set-Cookie"); len(cookies) != 2 || strings.Contains(string(in.body), "argon2") || in.header.Get("Cache-Control") != "no-store" {
		t.Errorf("who signs in is answered %v %s", in.header, in.body)
	}
	wantProblem(t, b.do("POST", "/auth/login", credentials("boss@example.com", sentence), "Origin", "https://evil.example"), http.StatusForbidden, problem.ForeignOrigin)
	far := b.do("POST", "/auth/login", credentials("boss@example.com", sentence), "Host", "shop.test")
	if far.status != http.StatusForbidden {
		t.Errorf("by another name %d", far.status)
	}
	var last answer
	for range 11 {
		last = b.browser().send("POST", "/auth/login", credentials("victim@example.com", other))
	}
	p := wantProblem(t, last, http.StatusTooManyRequests, problem.TooManyGuesses)
	if after := last.header.Get("Retry-After"); !p.Retryable || after == "" || after == "2" {
		t.Errorf("%+v, after %s", p, after)
	}
	for name, body := range map[string]string{
		"no address": account("nobody", sentence, "x"), "a name beside it": account("Maria <maria@example.com>", sentence, "x"),
		"a short password": account("maria@example.com", "short", "x"), "a common one": account("maria@example.com", "password123", "x"),
		"two lines": strings.Replace(account("maria@example.com", sentence, "x"), "Maria", `a\nb`, 1),
	} {
		p := wantProblem(t, b.browser().send("POST", "/auth/signup", body), http.StatusUnprocessableEntity, problem.InvalidField)
		if strings.Contains(p.Detail, "short") && name == "a short password" || p.Field == "invite" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A cookie alone changes nothing: the page that sends it has to say that it is ours.
func TestACookieOfNoPageChangesNothing(t *testing.T) {
	b := setupPeople(t)
	boss := b.operator("boss@example.com")
	for route, body := range map[string]string{
		"PATCH /auth/me": `{"name":"Mallory"}`, "DELETE /auth/me": `{"current":"x"}`, "DELETE /auth/sessions": "", "POST /auth/logout": "", "POST /auth/verify": "{}",
	} {
		method, path, _ := strings.Cut(route, " ")
		wantProblem(t, b.do(method, path, body, "Cookie", "session="+boss.cookies["session"]), http.StatusForbidden, problem.ForeignOrigin)
	}
	if me := boss.me(); me.Name != "Maria" {
		t.Errorf("she is %+v", me)
	}
}

func TestOperatorsAreMadeByOperators(t *testing.T) {
	b := setupPeople(t)
	boss := b.operator("boss@example.com")
	bossID := boss.me().ID
	listed := &peopled{testBundle: &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}, directory: b.directory}
	listed.start(func(c *Config) {
		c.Auth, c.SignUp, c.AdminEmails = authAccounts, "open", []string{"Listed@example.com", "early@example.com"}
	})
	listed.await("the gateway is ready", func() bool { return listed.get("/readyz").status == http.StatusOK })
	boss = &browser{peopled: listed, cookies: boss.cookies}
	ids := map[string]string{}
	for _, name := range []string{"listed", "other", "early"} {
		w := listed.browser()
		me := decoded[api.Me](t, w.gets(http.StatusCreated, "POST", "/auth/signup", account(name+"@example.com", sentence, "")))
		if ids[name] = me.ID; me.Operator {
			t.Errorf("%s is an operator by signing up", name)
		}
		wantProblem(t, w.send("PATCH", "/accounts/"+me.ID, `{"operator":true}`), http.StatusForbidden, problem.Forbidden)
		wantProblem(t, w.send("POST", "/accounts/"+bossID+"/links", `{"for":"reset"}`), http.StatusForbidden, problem.Forbidden)
		wantProblem(t, w.send("GET", "/accounts", ""), http.StatusForbidden, problem.Forbidden)
		if name != "early" {
			w.gets(http.StatusOK, "POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, boss.link(me.ID, "verify")))
		}
	}
	for name, code := range map[string]problem.Code{"other": problem.NotListed, "early": problem.Unverified} {
		wantProblem(t, boss.send("PATCH", "/accounts/"+ids[name], `{"operator":true}`), http.StatusConflict, code)
	}
	wantProblem(t, boss.send("PATCH", "/accounts/"+bossID, `{"operator":false}`), http.StatusConflict, problem.LastOperator)
	wantProblem(t, boss.send("PATCH", "/accounts/a-aaaaaaaaaa", `{"operator":true}`), http.StatusNotFound, problem.NotFound)
	if got := decoded[api.Account](t, boss.gets(http.StatusOK, "PATCH", "/accounts/"+ids["listed"], `{"operator":true}`)); !got.Operator {
		t.Errorf("it is %+v", got)
	}
	var seen []string
	for after, more := "", true; more; more = after != "" {
		page := decoded[api.AccountList](t, boss.gets(http.StatusOK, "GET", "/accounts?limit=3&after="+after, ""))
		for _, a := range page.Accounts {
			seen = append(seen, a.ID)
			if a.MayOperate != (a.ID == ids["listed"]) {
				t.Errorf("%+v", a)
			}
		}
		after = page.Next
	}
	if len(seen) != 4 || !slices.IsSorted(seen) {
		t.Errorf("the list is %v", seen)
	}
	boss.gets(http.StatusOK, "PATCH", "/accounts/"+bossID, `{"operator":false}`)
	link, err := b.directory.OperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	boss.gets(http.StatusOK, "POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, link))
	boss.gets(http.StatusOK, "GET", "/accounts", "")
	wantProblem(t, boss.send("POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, link)), http.StatusNotFound, problem.LinkUnknown)
	boss.gets(http.StatusOK, "PATCH", "/accounts/"+bossID, `{"operator":false}`)
	wantProblem(t, boss.send("GET", "/accounts", ""), http.StatusForbidden, problem.Forbidden)
}

// can says whether one may, as one is told.
func can(me api.Me, action rights.Action) bool {
	return slices.ContainsFunc(me.May, func(m api.May) bool { return m.Action == action && m.Allowed && m.Missing == "" })
}
