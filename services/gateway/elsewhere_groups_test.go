package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// rolesOf are what somebody is where.
func rolesOf(me api.Me) map[string]principal.Role {
	roles := map[string]principal.Role{}
	for _, t := range me.Tenants {
		roles[t.ID] = t.Role
	}
	return roles
}

// What groups give is had for as long as the provider says so, at the next sign-in; what people have given stays.
func TestALostGroupEndsWhatItGave(t *testing.T) {
	k := setupKnown(t, false, "invite")
	g := k.guest()
	k.house.Group("staff", "lead", "platform")
	me := g.in("house", k.house)
	if roles := rolesOf(me); roles[staffed] != principal.Owner || len(roles) != 1 || !me.Operator {
		t.Fatalf("in all groups it is %+v", me)
	}
	k.town().found(directory.Tenant{ID: besides, Name: "Another"}, member(me.ID, principal.Viewer))
	account, err := k.directory.Account(t.Context(), me.ID)
	if err != nil {
		t.Fatal(err)
	}
	account.Tenants = append(account.Tenants, besides)
	k.town().settle(account)
	made := g.send(http.MethodPost, "/auth/tokens", `{"name":"CI","scopes":["stores:read"]}`, "Origin", "https://stores.example", "X-Tenant", staffed)
	if made.status != http.StatusCreated {
		t.Fatalf("a token is answered %d %s", made.status, made.body)
	}
	bearer := []string{"Authorization", "Bearer " + decoded[api.NewToken](t, made).Text}
	works := func() bool { return k.do(http.MethodGet, "/auth/me", "", bearer...).status == http.StatusOK }

	k.house.Group("staff")
	if me = g.in("house", k.house); rolesOf(me)[staffed] != principal.Member || rolesOf(me)[besides] != principal.Viewer || me.Operator || !works() {
		t.Errorf("as staff it is %+v", me)
	}
	wantProblem(t, g.send(http.MethodGet, "/accounts", ""), http.StatusForbidden, problem.Forbidden)
	k.house.Group()
	if me = g.in("house", k.house); rolesOf(me)[staffed] != "" || rolesOf(me)[besides] != principal.Viewer || works() {
		t.Errorf("in no group it is %+v", me)
	}
	// Nor is the token back with the membership.
	k.house.Group("staff")
	if me = g.in("house", k.house); rolesOf(me)[staffed] != principal.Member || works() {
		t.Errorf("back it is %+v", me)
	}

	// Somebody else's word counts for itself, whoever's came first.
	k.house.Group("platform")
	g.in("house", k.house)
	if a := k.do(http.MethodPatch, "/accounts/"+me.ID, `{"operator":true}`, asOperator...); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k.house.Group()
	if me = g.in("house", k.house); !me.Operator {
		t.Errorf("whom an operator has made one is %+v", me)
	}
	entries, own := k.audited(), me.ID+" "+me.ID
	for what, want := range map[storelog.What][]string{
		storelog.MemberAdded: {own, own}, storelog.MemberChanged: {own}, storelog.MemberRemoved: {own, own},
		storelog.OperatorUnmade: {own},
	} {
		if !slices.Equal(entries[what], want) {
			t.Errorf("the audit has of %s %q, want %q", what, entries[what], want)
		}
	}
}

// Two providers that say the same address speak of two people, and neither of whoever signs up with it here.
func TestOneAddressAtTwoProvidersIsTwoAccounts(t *testing.T) {
	k := setupKnown(t, true, "open")
	house, street, here := k.guest(), k.guest(), k.guest()
	first, second := house.in("house", k.house), street.in("street", k.street)
	if first.ID == second.ID || first.Email != second.Email {
		t.Errorf("they are %+v and %+v", first, second)
	}
	k.house.Group("staff")
	if again := k.guest().in("house", k.house); again.ID != first.ID {
		t.Errorf("the first is %+v", again)
	}
	if me := street.me(); len(me.Tenants) != 0 {
		t.Errorf("the other's groups have it be %+v", me)
	}
	wantProblem(t, here.send(http.MethodPost, "/auth/login", credentials(first.Email, sentence)), http.StatusUnauthorized, problem.SignInRefused)
	// Nobody gets in by a password that nobody has proved the address for.
	wantProblem(t, house.send(http.MethodPatch, "/auth/me", fmt.Sprintf(`{"password":%q}`, sentence)), http.StatusBadRequest, problem.InvalidRequest)
	link := k.do(http.MethodPost, "/accounts/"+first.ID+"/links", `{"for":"reset"}`, asOperator...)
	wantProblem(t, link, http.StatusBadRequest, problem.InvalidRequest)
	a := here.send(http.MethodPost, "/auth/signup", account(first.Email, sentence, ""))
	if third := decoded[api.Me](t, a); a.status != http.StatusCreated || third.ID == first.ID || third.ID == second.ID || third.Verified {
		t.Errorf("who signs up with it is answered %d %s", a.status, a.body)
	}
	for _, g := range []*guest{house, street, here} {
		if a := g.send(http.MethodDelete, "/auth/me", fmt.Sprintf(`{"current":%q}`, sentence)); a.status != http.StatusNoContent {
			t.Errorf("erasure is answered %d %s", a.status, a.body)
		}
	}
	if places := bustest.Holding(t, k.conn, strings.Split(first.Email, "@")[0]); len(places) > 0 {
		t.Errorf("the address stands in %v", places)
	}
	if anew := house.in("house", k.house); anew.ID == first.ID {
		t.Errorf("who was erased is back: %+v", anew)
	}
}

func TestProvidersThatCannotBeUsedStopTheStart(t *testing.T) {
	for name, c := range map[string]struct{ providers, page, want string }{
		"no page": {"/nowhere.yaml", "", "PUBLIC_URL"}, "no file": {"/nowhere.yaml", "https://stores.example", "OIDC_PROVIDERS: open /nowhere.yaml"},
	} {
		cfg := Config{Listen: "127.0.0.1:0", Auth: authAccounts, MaxStores: 1, Replicas: 1, EventsURL: "http://127.0.0.1:1", PublicURL: c.page, Providers: c.providers}
		if _, err := cfg.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
