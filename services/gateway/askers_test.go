package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// asker is one who asks, at a gateway, with what is theirs and what is others'.
type asker struct {
	column     string
	at         *testBundle
	headers    []string
	own, other string
	// account has signed in, if any.
	account *directory.Account
}

// askers are all who stand in the second table.
func (b *testBundle) askers(w *town) []asker {
	open := b.second(trusting, func(c *Config) { c.MaxStores = 1000 })
	account := func(name string, operator bool, tenants ...string) directory.Account {
		return w.settle(directory.Account{ID: "a-" + name + strings.Repeat("2", 10-len(name)), Operator: operator, Tenants: tenants})
	}
	const own, other, held = "t-own2222222", "t-other22222", "t-held222222"
	owner, mem, viewer := account("owner", false, own), account("member", false, own), account("viewer", false, own)
	keeper, homeless := account("keeper", false, held), account("homeless", false)
	operator, mighty, gone := account("operator", true), account("mighty", true, own), account("gone", false, own)
	people := []directory.Member{
		member(owner.ID, principal.Owner), member(mem.ID, principal.Member), member(viewer.ID, principal.Viewer), member(mighty.ID, principal.Viewer),
	}
	w.found(directory.Tenant{ID: own}, append(slices.Clone(people), member(gone.ID, principal.Member))...)
	w.found(directory.Tenant{ID: other}, member("a-other22222", principal.Owner))
	w.found(directory.Tenant{ID: held, Suspended: true}, member(keeper.ID, principal.Owner))

	token := func(a directory.Account, role principal.Role, scopes ...principal.Scope) []string {
		_, headers := w.token(a.ID, own, role, scopes...)
		return headers
	}
	signedIn := func(column string, a directory.Account, named, owns string) asker {
		return asker{column, b, w.session(a, named), owns, other, &a}
	}
	all := []asker{
		{"nobody", b, nil, own, other, nil}, signedIn("viewer", viewer, own, own), signedIn("member", mem, own, own),
		signedIn("owner", owner, own, own), signedIn("owner", owner, "", own), signedIn("held", keeper, held, held),
		signedIn("homeless", homeless, "", own), signedIn("astray", owner, other, own),
		signedIn("astray", owner, "t-nowhere222", own), signedIn("astray", owner, "../accounts", own),
		{"tied", b, append(token(owner, principal.Owner, principal.TokenScopes...), "X-Tenant", other), own, other, nil},
		{"lost", b, []string{"X-Api-Key", "sesame", "X-Tenant", "t-nowhere222"}, own, other, nil},
		signedIn("operator", operator, own, own), {"key", b, []string{"X-Api-Key", "sesame", "X-Tenant", own}, own, other, nil},
		{"r", b, token(owner, principal.Owner, principal.ReadStores), own, other, nil}, {"w", b, token(owner, principal.Owner, principal.WriteStores), own, other, nil},
		{"p", b, token(owner, principal.Owner, principal.ReadPasswords), own, other, nil},
		{"m", b, token(owner, principal.Owner, principal.ManageTenant), own, other, nil}, {"o", b, token(owner, principal.Owner, principal.Operate), own, other, nil},
		{"weak", b, token(owner, principal.Viewer, principal.TokenScopes...), own, other, nil},
		{"weak", b, token(viewer, principal.Owner, principal.TokenScopes...), own, other, nil},
		{"oper", b, token(mighty, principal.Owner, principal.Operate), own, other, nil},
		{"mighty", b, token(mighty, principal.Owner, principal.TokenScopes...), own, other, nil},
		{"open", open, asStranger, b.named(stranger), other, nil},
	}
	left := token(gone, principal.Owner, principal.TokenScopes...)
	w.found(directory.Tenant{ID: own}, people...)
	for _, headers := range append(w.voids(owner, own), left) {
		all = append(all, asker{"void", b, headers, own, other, nil})
	}
	return all
}

// voids are credentials that were once, or never.
func (w *town) voids(a directory.Account, tenant string) [][]string {
	w.t.Helper()
	_, expired, err := w.NewToken(w.t.Context(), directory.Token{
		Account: a.ID, Tenant: tenant, Role: principal.Owner, Scopes: principal.TokenScopes, Expires: time.Now().Add(-time.Minute),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, known := w.token(a.ID, tenant, principal.Owner, principal.TokenScopes...)
	ended := w.session(a, tenant)
	secret, _ := strings.CutPrefix(ended[1], "session=")
	if err := w.SignOut(w.t.Context(), secret); err != nil {
		w.t.Fatal(err)
	}
	earlier := a
	earlier.Era--
	pending := w.settle(directory.Account{ID: "a-pending222", Pending: true, Operator: true, Tenants: []string{tenant}})
	return [][]string{
		{"Authorization", "Bearer " + expired}, {"Authorization", known[1][:len(known[1])-1] + "#"}, {"X-Api-Key", "sp_"}, {"X-Api-Key", "sesam"},
		{"Cookie", "session=nobodys", "Sec-Fetch-Site", "same-origin"}, ended, w.session(earlier, tenant), w.session(pending, tenant),
		{"Cookie", "__Host-session=" + secret, "Sec-Fetch-Site", "same-origin"},
	}
}
