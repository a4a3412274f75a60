package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/feed"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// actions says what is done on each route. Without a line here a route isn't served in the end: this test fails. What a route
// asks beside stands behind a plus, and makes a row of its own.
const actions = `
look            GET /  /docs  /docs/reasons  /openapi.json  /assets/*  /engines  /plans  /healthz  /readyz  /metrics
sign_in         POST /auth/signup  /auth/login  /auth/logout  /auth/reset  /auth/reset/confirm
sign_in         GET /auth/oidc  /auth/oidc/:provider/start  /auth/oidc/:provider/callback
stores.read     GET /stores  /stores/counts  /stores/:id  /stores/:id/events  /stores/:id/engine  /stores/:id/links  /feed
stores.read     GET /stores/:id/monitoring  /stores/:id/summary  /stores/:id/logs  /stores/:id/explain
feed.ticket     POST /feed/tickets
stores.create   POST /stores
stores.command  PATCH /stores/:id
stores.command  DELETE /stores/:id
stores.command  POST /stores/:id/retry  /stores/:id/cancel  /stores/:id/suspend  /stores/:id/resume
stores.transfer POST /stores/:id/transfer  /stores/transfer
passwords.read  GET /stores/:id/credentials
letters.read    GET /dead-letters
letters.answer  POST /dead-letters/:n/redrive  /dead-letters/:n/discard
audit.read      GET /audit
usage.read      GET /usage
platform.operate GET /log  /sweeps
platform.operate POST /log/raise  /sweeps/resume
account.read    GET /auth/me
account.change  PATCH /auth/me
account.change  DELETE /auth/me  /auth/sessions
account.change  POST /auth/verify  /invites/take
account.change  DELETE /auth/tokens/:token
account.change+tenant GET /auth/tokens
tokens.manage+session POST /auth/tokens
accounts.manage GET /accounts  /accounts/restored
accounts.manage PATCH /accounts/:id
accounts.manage POST /accounts/:id/links  /accounts/restored/confirm
tenants.list    GET /tenants
tenants.create  POST /tenants
tenant.read     GET /tenants/:id  /tenants/:id/members
tenant.read+others DELETE /tenants/:id/members/:account
tenant.manage   PATCH /tenants/:id  /tenants/:id/members/:account
tenant.manage   DELETE /tenants/:id  /tenants/:id/invites/:invite
tenant.manage   GET /tenants/:id/invites
tenant.manage   POST /tenants/:id/invites
`

// allowed says who may do what. all: to anybody's; own: to what is of the tenant that they ask for, and 404 to others', as to what there isn't;
// no: 403 to that, and 404 to others'; a number: the answer, whosever it is.
//
// owner, member and viewer ask in their tenant; held owns one that is suspended; homeless belongs to none; astray owns one and asks in another.
// operator and key ask in one of others, lost is the key asking in one that isn't there. r, w, p, m and o are an owner's API tokens with one scope
// each; tied is one with all, asking in another tenant than its own; weak is a viewer's with all; oper an operator's with platform:operate alone, and
// mighty with all. void is whatever is no credential any more. open is a client of a gateway without accounts that has an admin key, which the client
// hasn't.
const allowed = `
action                nobody viewer member owner held homeless astray operator key lost r    w    p    m    o    tied weak oper mighty void open
look                  all    all    all    all   all  all      all    all      all all  all  all  all  all  all  all  all  all  all    all  all
sign_in               all    all    all    all   all  all      all    all      all all  all  all  all  all  all  all  all  all  all    all  404
stores.read           401    own    own    own   own  403      404    all      all 404  own  own  403  403  403  404  own  403  all    401  own
feed.ticket           401    own    own    own   own  403      404    all      all 404  own  own  403  403  403  404  own  403  all    401  404
stores.create         401    403    own    own   403  403      404    own      own 404  403  own  403  403  403  404  403  403  own    401  own
stores.command        401    403    own    own   403  403      404    all      all 404  403  own  403  403  403  404  403  403  all    401  own
stores.transfer       401    403    403    403   403  403      404    all      all 404  403  403  403  403  403  404  403  all  all    401  401
passwords.read        401    403    own    own   403  403      404    all      all 404  403  403  own  403  403  404  403  403  all    401  own
letters.read          401    own    own    own   own  403      404    all      all 404  own  own  403  403  403  404  own  all  all    401  own
letters.answer        401    403    own    own   403  403      404    all      all 404  403  own  403  403  403  404  403  all  all    401  own
audit.read            401    403    403    own   own  403      404    all      all 404  403  403  403  own  403  404  403  all  all    401  401
usage.read            401    403    403    own   own  403      404    all      all 404  403  403  403  own  403  404  403  all  all    401  401
platform.operate      401    403    403    403   403  403      404    all      all 404  403  403  403  403  403  404  403  all  all    401  401
account.read          401    all    all    all   all  all      all    all      all all  all  all  all  all  all  404  all  all  all    401  404
account.change        401    all    all    all   all  all      all    all      403 403  403  403  403  403  403  404  403  403  403    401  404
account.change+tenant 401    all    all    all   all  all      404    all      403 403  403  403  403  403  403  404  403  403  403    401  404
tokens.manage+session 401    own    own    own   403  403      404    403      403 404  403  403  403  403  403  404  403  403  403    401  404
accounts.manage       401    403    403    403   403  403      404    all      all 404  403  403  403  403  403  404  403  all  all    401  404
tenants.list          401    all    all    all   all  all      all    all      all all  all  all  all  all  all  404  all  all  all    401  404
tenants.create        401    all    all    all   all  all      all    all      all all  403  403  403  403  403  404  403  403  403    401  404
tenant.read           401    own    own    own   own  404      own    all      all all  no   no   no   own  no   own  own  403  all    401  404
tenant.read+others    401    no     no     own   no   404      own    all      all all  no   no   no   own  no   own  no   403  all    401  404
tenant.manage         401    no     no     own   no   404      own    all      all all  no   no   no   own  no   own  no   403  all    401  404
`

// rowsOf reads a table of words.
func rowsOf(table string) (rows [][]string) {
	for line := range strings.Lines(strings.TrimSpace(table)) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

// actionsByRoute is what the first table says.
func actionsByRoute() map[string]string {
	by := map[string]string{}
	for _, row := range rowsOf(actions) {
		for _, path := range row[2:] {
			by[row[1]+" "+path] = row[0]
		}
	}
	return by
}

// Each route answers each who asks as the tables say. They are written by hand: what the product says of itself would be right always.
func TestWhoMayDoWhatOnEveryRoute(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u), withAccounts, func(c *Config) { c.MaxStores, c.CreateCapacity = 1000, 0 })
	for _, subject := range slices.Concat(query.Subjects(query.Remembering), query.Subjects(query.Provisioning)) {
		b.answers(subject, func([]byte) any { return struct{}{} })
	}
	keeping := &http.Client{Transport: documented{&http.Transport{}}, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(keeping.CloseIdleConnections)
	walk := &walk{b: b, town: b.town(), keeping: keeping, columns: rowsOf(allowed)[0], built: map[string]store.State{}}
	by, rows := actionsByRoute(), map[string][]string{}
	for _, row := range rowsOf(allowed)[1:] {
		rows[row[0]] = row
	}
	askers, walked := b.askers(walk.town), map[string]bool{}
	named := namedRoutes(t)
	for _, route := range slices.Sorted(maps.Keys(named)) {
		entry, action := entryOf(by, route)
		// One file is like another.
		if walked[entry] && strings.HasSuffix(entry, "*") {
			continue
		}
		walked[entry] = true
		switch row := rows[action]; {
		case action == "" || row == nil:
			t.Errorf("%s stands in no table", route)
		case strings.Split(action, "+")[0] != named[route]:
			t.Errorf("%s is %s, and says itself that it is %s", route, action, named[route])
		default:
			for _, who := range askers {
				walk.ask(t, route, row, who)
			}
		}
	}
	for entry := range by {
		if !walked[entry] {
			t.Errorf("%s is no route any more", entry)
		}
	}
	t.Logf("%d questions", walk.asked)
}

// namedRoutes is what each route that is served says of itself.
func namedRoutes(t *testing.T) map[string]string {
	t.Helper()
	hub := feed.NewHub()
	cfg := Config{Auth: authAccounts, EventsURL: "http://127.0.0.1:1"}
	app, err := build(cfg, []fiber.Handler{func(c *fiber.Ctx) error { return c.Next() }}, bus.New(cfg.log(), hub.LogRemade), hub, func() int { return 1 }, nil)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, route := range app.GetRoutes(true) {
		named[route.Method+" "+route.Path] = route.Name
	}
	return named
}

// entryOf is the line of a route, and its action. HEAD is GET without a body, and a file like the next.
func entryOf(by map[string]string, route string) (entry, action string) {
	entry = strings.Replace(route, "HEAD ", "GET ", 1)
	if strings.HasPrefix(entry, "GET /assets/") {
		entry = "GET /assets/*"
	}
	return entry, by[entry]
}

// bodyOf is what routes take.
var bodyOf = map[string]string{
	// Not whole, so that nothing is hashed and nobody erased.
	"POST /auth/signup": `{}`, "POST /auth/login": `{}`, "POST /auth/reset": `{}`, "POST /auth/reset/confirm": `{}`, "DELETE /auth/me": `{}`,
	"PATCH /auth/me": `{}`, "POST /auth/verify": `{"link":"x"}`,
	"PATCH /accounts/:id": `{"operator":true}`, "POST /accounts/:id/links": `{"for":"reset"}`,
	"POST /stores/:id/transfer": `{"tenant":"x"}`, "POST /stores/transfer": `{"from":"x","tenant":"x"}`,
	"POST /stores": `{}`, "PATCH /stores/:id": `{}`, "POST /dead-letters/:n/discard": `{"reason":"seen to"}`, "POST /invites/take": `{"invite":"si_x_y"}`,
	"POST /auth/tokens": `{"name":"CI","scopes":["stores:read"]}`, "POST /tenants": `{"name":"Tea"}`, "PATCH /tenants/:id": `{}`,
	"PATCH /tenants/:id/members/:account": `{"role":"viewer"}`, "POST /tenants/:id/invites": `{"role":"viewer"}`,
}

// walk asks.
type walk struct {
	b       *testBundle
	town    *town
	keeping *http.Client
	columns []string
	built   map[string]store.State
	asked   int
}

// standing is a tenant's store. A dead letter is answered once, so whoever may answer it has one anew.
func (w *walk) standing(tenant string, anew bool) stand {
	w.b.t.Helper()
	s, built := w.built[tenant]
	if !built || anew {
		s = w.b.built(store.DeriveID(tenant, fmt.Sprint(w.asked)), tenant)
		w.built[tenant] = s
	}
	return stand{store: string(s.ID), letter: s.Generation}
}

func (w *walk) ask(t *testing.T, route string, row []string, who asker) {
	t.Helper()
	want := row[slices.Index(w.columns, who.column)]
	method, pattern, _ := strings.Cut(route, " ")
	targets := []string{who.own}
	if strings.Contains(pattern, ":") {
		targets = append(targets, who.other)
	}
	for _, target := range targets {
		a := w.send(t, method, pattern, target, who)
		switch expected := expectedOf(want, target == who.own); {
		case expected == "may":
			if !may(t, a) {
				t.Errorf("%s of %s by %s: answered %d %s, and may be done", route, target, who.column, a.status, a.body)
			}
		case fmt.Sprint(a.status) != expected:
			t.Errorf("%s of %s by %s: answered %d %s, want %s", route, target, who.column, a.status, a.body, expected)
		case method != http.MethodHead:
			wantWhy(t, route, a)
		}
	}
}

// expectedOf reads a cell for what is of the tenant that is asked for, or others': a status, or that it may be done.
func expectedOf(cell string, own bool) string {
	switch {
	case cell == "all" || cell == "own" && own:
		return "may"
	case cell == "own", cell == "no" && !own:
		return "404"
	case cell == "no":
		return "403"
	}
	return cell
}

// hidden are the answers to what isn't there, or isn't one's own.
var hidden = []string{
	"There is no such store.", "There is no such tenant.", "There is no such dead letter, or somebody has dealt with it already.",
	"This gateway has no accounts (AUTH=open): a client is its address.",
}

// may says whether it was done, or came to nothing for another reason than who asked.
func may(t *testing.T, a answer) bool {
	t.Helper()
	switch {
	case a.status == http.StatusNotFound && len(a.body) > 0:
		return !slices.Contains(hidden, decoded[problem.Problem](t, a).Detail)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusNotFound:
		return false
	}
	return a.status < http.StatusInternalServerError
}

// wantWhy holds what is common to refusals: how one says who one is, what is missing, and nothing that tells what isn't one's from what isn't there.
func wantWhy(t *testing.T, route string, a answer) {
	t.Helper()
	p := decoded[problem.Problem](t, a)
	switch a.status {
	case http.StatusUnauthorized:
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") || p.Code != problem.Unauthenticated && p.Code != problem.AdminKeyRequired {
			t.Errorf("%s: 401 %s", route, a.body)
		}
	case http.StatusForbidden:
		if p.Code != problem.Forbidden || p.Detail == "" {
			t.Errorf("%s: 403 %s", route, a.body)
		}
	case http.StatusNotFound:
		if !slices.Contains(hidden, p.Detail) {
			t.Errorf("%s: 404 %s", route, a.body)
		}
	}
}

// send asks.
func (w *walk) send(t *testing.T, method, pattern, target string, who asker) answer {
	t.Helper()
	w.asked++
	path, body := pattern, bodyOf[method+" "+pattern]
	switch {
	case strings.HasPrefix(pattern, "/accounts/"):
		path = strings.Replace(pattern, ":id", "a-nobody2222", 1)
	case strings.HasPrefix(pattern, "/tenants/"):
		path = strings.NewReplacer(":id", target, ":account", "a-nobody2222", ":invite", "i-nothing222").Replace(pattern)
	case strings.Contains(pattern, ":token"):
		path = strings.Replace(pattern, ":token", strings.Repeat("2", 30), 1)
	case strings.Contains(pattern, ":"):
		path = w.standing(target, strings.Contains(pattern, ":n")).path(t, pattern)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, who.at.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	// Nothing is what it was then, so that nothing that is needed goes.
	req.Header.Set("If-Match", `"1000"`)
	headers := who.headers
	if who.account != nil && pattern == "/auth/logout" {
		headers = w.town.session(*who.account, "")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	a := w.b.answered(w.keeping, req)
	if who.account != nil && pattern == "/auth/sessions" {
		// Back to the era in which all that is asked by began.
		w.town.settle(*who.account)
	}
	return a
}
