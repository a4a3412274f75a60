package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// browser keeps the cookies that a gateway gives it.
type browser struct {
	*peopled
	cookies map[string]string
}

func (b *peopled) browser() *browser { return &browser{peopled: b, cookies: map[string]string{}} }

// send asks as the gateway's own page does.
func (w *browser) send(method, path, body string) answer {
	w.t.Helper()
	var cookies []string
	for name, value := range w.cookies {
		cookies = append(cookies, name+"="+value)
	}
	a := w.do(method, path, body, "Origin", w.url, "Cookie", strings.Join(cookies, "; "))
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if cookie.MaxAge < 0 {
			delete(w.cookies, cookie.Name)
			continue
		}
		w.cookies[cookie.Name] = cookie.Value
	}
	return a
}

// gets is send of what is answered so.
func (w *browser) gets(status int, method, path, body string) answer {
	w.t.Helper()
	a := w.send(method, path, body)
	if a.status != status {
		w.t.Fatalf("%s %s answers %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

const (
	sentence = "a long sentence"
	other    = "another sentence"
)

func account(email, password, invite string) string {
	return fmt.Sprintf(`{"email":%q,"name":"Maria","password":%q,"invite":%q}`, email, password, invite)
}

func credentials(email, password string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

var printed = regexp.MustCompile(`http://127\.0\.0\.1:\S*/#invite=([A-Z2-7]{26})\n`)

// operatorsLink is the newest that was printed.
func (b *peopled) operatorsLink() string {
	b.t.Helper()
	var link string
	b.await("a link is printed", func() bool {
		all := printed.FindAllStringSubmatch(b.out.String(), -1)
		if len(all) > 0 {
			link = all[len(all)-1][1]
		}
		return link != ""
	})
	return link
}

// operator is the first one, in a browser.
func (b *peopled) operator(email string) *browser {
	b.t.Helper()
	w := b.browser()
	w.gets(http.StatusCreated, "POST", "/auth/signup", account(email, sentence, b.operatorsLink()))
	return w
}

func TestTheFirstOperatorComesByThePrintedLink(t *testing.T) {
	b := setupPeople(t)
	link := b.operatorsLink()
	if places := bustest.Holding(t, b.conn, link); len(places) > 0 {
		t.Errorf("the link stands in %v", places)
	}
	first := b.operator("boss@example.com")
	me := decoded[api.Me](t, first.gets(http.StatusOK, "GET", "/auth/me", ""))
	if !me.Operator || !me.Verified || me.Email != "boss@example.com" {
		t.Errorf("the first is %+v", me)
	}
	first.gets(http.StatusOK, "GET", "/accounts", "")
	p := wantProblem(t, b.browser().send("POST", "/auth/signup", account("second@example.com", sentence, link)), http.StatusUnprocessableEntity, problem.InvalidField)
	if strings.Contains(p.Detail, link) {
		t.Errorf("%+v", p)
	}
	// Another gateway has nothing to say, and who sits at the machine can always make another.
	second := &peopled{testBundle: &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}, directory: b.directory}
	second.start(func(c *Config) { c.Auth, c.SignUp = authAccounts, "invite" })
	second.await("the second gateway is ready", func() bool { return second.get("/readyz").status == http.StatusOK })
	cfg := Config{Listen: "127.0.0.1:8080"}
	cfg.NATS.URL = b.broker.ClientURL()
	var out bytes.Buffer
	if err := OperatorLink(t.Context(), cfg, &out); err != nil {
		t.Fatal(err)
	}
	made := printed.FindStringSubmatch(out.String())
	if made == nil {
		t.Fatalf("it prints %s", out.String())
	}
	third := second.browser()
	third.gets(http.StatusCreated, "POST", "/auth/signup", account("third@example.com", sentence, made[1]))
	if me := decoded[api.Me](t, third.gets(http.StatusOK, "GET", "/auth/me", "")); !me.Operator {
		t.Errorf("the third is %+v", me)
	}
	wantProblem(t, second.browser().send("POST", "/auth/signup", account("fourth@example.com", sentence, made[1])), http.StatusUnprocessableEntity, problem.InvalidField)
	if err := second.stop(); err != nil {
		t.Error(err)
	}
	if said := second.out.String(); said != "" {
		t.Errorf("where there is an operator it is said: %s", said)
	}
}

// Both gateways come first, each prints a link, and of these one makes an operator.
func TestEachGatewayThatComesFirstPrintsALinkAndOneIsGood(t *testing.T) {
	b := setupPeople(t)
	second := &peopled{testBundle: &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}, directory: b.directory}
	second.start(func(c *Config) { c.Auth, c.SignUp = authAccounts, "invite" })
	late := second.operatorsLink()
	b.operator("boss@example.com")
	wantProblem(t, second.browser().send("POST", "/auth/signup", account("late@example.com", sentence, late)), http.StatusUnprocessableEntity, problem.InvalidField)
}

func TestSignUpAsTheSettingSays(t *testing.T) {
	b := setupPeople(t)
	boss := b.operator("boss@example.com")
	tenant := decoded[api.Tenant](t, boss.gets(http.StatusCreated, "POST", "/tenants", `{"name":"Amber"}`)).ID
	invite := func(to string) string {
		return decoded[api.NewInvite](t, boss.gets(http.StatusCreated, "POST", "/tenants/"+tenant+"/invites", fmt.Sprintf(`{"role":"member","email":%q}`, to))).Text
	}
	for setting, want := range map[string]struct {
		bare, invited int
		code          problem.Code
	}{
		"open": {http.StatusCreated, http.StatusCreated, ""}, "invite": {http.StatusForbidden, http.StatusCreated, problem.InviteNeeded},
		"off": {http.StatusForbidden, http.StatusForbidden, problem.SignUpOff},
	} {
		gateway := &peopled{testBundle: &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}, directory: b.directory}
		gateway.start(func(c *Config) { c.Auth, c.SignUp = authAccounts, setting })
		gateway.await("the gateway is ready", func() bool { return gateway.get("/readyz").status == http.StatusOK })
		a := gateway.browser().send("POST", "/auth/signup", account("bare."+setting+"@example.com", sentence, ""))
		if a.status != want.bare || want.code != "" && decoded[problem.Problem](t, a).Code != want.code {
			t.Errorf("SIGNUP=%s answers %d %s", setting, a.status, a.body)
		}
		email := "invited." + setting + "@example.com"
		text := invite("Invited." + setting + "@example.com")
		if want.invited == http.StatusCreated {
			wantProblem(t, gateway.browser().send("POST", "/auth/signup", account("thief@example.com", sentence, text)), http.StatusUnprocessableEntity, problem.InvalidField)
		}
		a = gateway.browser().send("POST", "/auth/signup", account(email, sentence, text))
		if a.status != want.invited {
			t.Errorf("SIGNUP=%s answers who is invited %d %s", setting, a.status, a.body)
		}
		if a.status == http.StatusCreated {
			if me := decoded[api.Me](t, a); len(me.Tenants) != 1 || me.Tenants[0].ID != tenant || me.Tenants[0].Role != "member" || me.Verified {
				t.Errorf("who was invited is %+v", me)
			}
			// Sent again, as by who was cut off, it is the same account.
			again := decoded[api.Me](t, gateway.browser().gets(http.StatusCreated, "POST", "/auth/signup", account(email, sentence, text))).ID
			if again != decoded[api.Me](t, a).ID {
				t.Errorf("sent again it is %s", again)
			}
		}
	}
}
