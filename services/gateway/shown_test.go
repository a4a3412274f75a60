package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// Whoever holds a token has found it in a script of one tenant's, and that its account belongs elsewhere too is no business of theirs.
func TestATokenTellsOfItsOwnTenantAlone(t *testing.T) {
	b := setup(t, withAccounts)
	w := b.town()
	own, other := "t-own2222222", "t-other22222"
	maria := w.settle(directory.Account{ID: "a-maria22222", Tenants: []string{other, own}, Verified: true})
	for _, tenant := range []string{own, other} {
		w.found(directory.Tenant{ID: tenant, Name: tenant}, member(maria.ID, principal.Owner))
	}
	_, bearer := w.token(maria.ID, own, principal.Owner, principal.TokenScopes...)
	for who, c := range map[string]struct {
		headers []string
		sees    []string
	}{"a token": {bearer, []string{own}}, "its account": {w.session(maria, own), []string{other, own}}} {
		a := b.get("/auth/me", c.headers...)
		var sees []string
		for _, tenant := range decoded[api.Me](t, a).Tenants {
			sees = append(sees, tenant.ID)
		}
		if !slices.Equal(sees, c.sees) {
			t.Errorf("%s is told of %v, want %v: %s", who, sees, c.sees, a.body)
		}
	}
}

// A link that an operator reads out proves the address that an account asks for, so the operator has to see which that is.
func TestOperatorsSeeWhichAddressTheyVouchFor(t *testing.T) {
	b := setup(t, withAccounts)
	w := b.town()
	w.settle(directory.Account{ID: "a-maria22222", Email: "maria@example.com", NewEmail: "chef@example.com"})
	w.settle(directory.Account{ID: "a-piet222222", Email: "piet@example.com"})
	list := decoded[api.AccountList](t, b.get("/accounts", asOperator...))
	if len(list.Accounts) != 2 || list.Accounts[0].NewEmail != "chef@example.com" || list.Accounts[1].NewEmail != "" {
		t.Errorf("operators see %+v", list.Accounts)
	}
}

// Tokens of all are a tenant's: who asks for them and names none is told so, whatever else they may.
func TestAllTokensAreThoseOfATenant(t *testing.T) {
	b := setup(t, withAccounts)
	w := b.town()
	s := b.street()
	operator := w.settle(directory.Account{ID: "a-boss222222", Operator: true})
	_, _ = s.token(s.member.ID, s.tenant, principal.Member, principal.ReadStores)
	for who, c := range map[string]struct {
		headers []string
		status  int
	}{
		"an operator in no tenant": {w.session(operator, ""), http.StatusForbidden},
		"an operator in one":       {w.session(operator, s.tenant), http.StatusOK},
		"its owner":                {w.session(s.owner, s.tenant), http.StatusOK},
		"a member":                 {w.session(s.member, s.tenant), http.StatusForbidden},
	} {
		a := b.get("/auth/tokens?all=true", c.headers...)
		if a.status != c.status {
			t.Errorf("%s is answered %d %s, want %d", who, a.status, a.body, c.status)
		} else if c.status == http.StatusForbidden {
			wantProblem(t, a, c.status, problem.Forbidden)
		} else if list := decoded[api.TokenList](t, a); len(list.Tokens) != 1 || list.Tokens[0].Account != s.member.ID {
			t.Errorf("%s is shown %+v", who, list.Tokens)
		}
	}
}

// Each tenant leaves something for ever, so who makes them pays, whichever they are; and not who operates.
func TestMakingTenantsIsPaidFor(t *testing.T) {
	b := setup(t, withAccounts, func(c *Config) { c.CreateCapacity, c.CreateRefill = 2, 0.001 })
	s := b.street()
	makes := func(headers []string) answer {
		return b.do(http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"Tea","owner":%q}`, s.owner.ID), headers...)
	}
	// Whichever tenant they are made from.
	for _, tenant := range []string{"", s.tenant} {
		if a := makes(s.session(s.owner, tenant)); a.status != http.StatusCreated {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
	}
	wantProblem(t, makes(s.session(s.owner, s.tenant)), http.StatusTooManyRequests, problem.TooManyCommands)
	if a := makes(asOperator); a.status != http.StatusCreated {
		t.Errorf("who holds the key is answered %d %s", a.status, a.body)
	}
	if a := b.do(http.MethodPost, "/tenants", `{"name":"Tea"}`, s.session(s.member, "")...); a.status != http.StatusCreated {
		t.Errorf("another is answered %d %s", a.status, a.body)
	}
}

// A token is for what is done in its tenant. That its account leaves is for whoever has the account, however little or much the token may.
func TestATokenLeavesForNobody(t *testing.T) {
	b := setup(t, withAccounts)
	s := b.street()
	at := "/tenants/" + s.tenant + "/members/"
	_, weak := s.token(s.viewer.ID, s.tenant, principal.Viewer, principal.ManageTenant)
	_, strong := s.token(s.owner.ID, s.tenant, principal.Viewer, principal.ManageTenant)
	for account, headers := range map[string][]string{s.viewer.ID: weak, s.owner.ID: strong} {
		wantProblem(t, b.do(http.MethodDelete, at+account, "", headers...), http.StatusForbidden, problem.Forbidden)
	}
	if a := b.do(http.MethodDelete, at+s.viewer.ID, "", s.session(s.viewer, s.tenant)...); a.status != http.StatusNoContent {
		t.Errorf("who has signed in leaves and is answered %d %s", a.status, a.body)
	}
}
