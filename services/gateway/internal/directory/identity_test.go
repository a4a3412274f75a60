package directory

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Wherever a gateway dies while it makes an account for somebody, or gives it what their groups say, the next sign-in has it whole.
func TestASignInThatWasBrokenOffIsWholeTheNextTime(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	tenant := newID(tenantPrefix)
	if err := d.tenants.create(t.Context(), tenant, Tenant{ID: tenant, Name: "Agency"}); err != nil {
		t.Fatal(err)
	}
	comes := func(d *Directory, i oidc.Identity) error {
		account, _, err := d.Introduce(t.Context(), i)
		if err == nil {
			_, err = d.Grouped(t.Context(), account, i)
		}
		if err == nil {
			_, _, err = d.Operates(t.Context(), account.ID, i)
		}
		return err
	}
	dyingAt(t, d, func(n int64) (func(*Directory) error, func(bool)) {
		i := oidc.Identity{Provider: "house", Issuer: "https://accounts.example", Subject: fmt.Sprint(n), Email: "maria@example.com", EmailVerified: true}
		i.Groups = []oidc.Group{{Tenant: tenant, Role: principal.Viewer}, {Tenant: tenant, Role: principal.Owner}, {Operator: true}}
		return func(dying *Directory) error { return comes(dying, i) }, func(bool) {
			for range 2 {
				if err := comes(d, i); err != nil {
					t.Fatalf("behind %d writes: %v", n, err)
				}
			}
			account, err := d.ByIdentity(t.Context(), i)
			if err != nil || !account.Operator || !account.Verified || read(t, d, tenant).RoleOf(account.ID) != principal.Owner || len(account.Leads) != 1 {
				t.Errorf("behind %d writes it is %+v, %v", n, account, err)
			}
			i.Groups = nil
			if err := comes(d, i); err != nil {
				t.Fatal(err)
			}
			account, err = d.ByIdentity(t.Context(), i)
			if err != nil || account.Operator || read(t, d, tenant).RoleOf(account.ID) != "" {
				t.Errorf("in no group it is %+v, %v", account, err)
			}
			if _, err := d.ByAddress(t.Context(), i.Email); !errors.Is(err, ErrUnknown) {
				t.Errorf("its address leads somewhere: %v", err)
			}
		}
	})
}

// What a provider has signed of somebody is for who has the session's secret, which isn't kept.
func TestWhereASessionComesFromIsSealed(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	account := signedUp(t, d, "maria@example.com")
	from := Elsewhere{Provider: "house", Token: "what the provider has signed"}
	secret, err := d.NewSessionFrom(t.Context(), account, from)
	if err != nil {
		t.Fatal(err)
	}
	if have, err := d.Elsewhere(t.Context(), secret); err != nil || have != from {
		t.Errorf("it comes from %+v, %v", have, err)
	}
	kept, err := d.sessions.look(t.Context(), secret)
	if err != nil || len(kept.Elsewhere) == 0 || bytes.Contains(kept.Elsewhere, []byte("signed")) {
		t.Errorf("what is kept is %q, %v", kept.Elsewhere, err)
	}
	if secret, err = d.NewSession(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if have, err := d.Elsewhere(t.Context(), secret); err != nil || have != (Elsewhere{}) {
		t.Errorf("who has shown a password comes from %+v, %v", have, err)
	}
}

// A tenant that has no room for somebody keeps nothing from being taken that a group gave them elsewhere, nor from being given.
func TestAFullTenantEndsNobodysRegrouping(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	a := signedUp(t, d, "maria@example.com")
	var crowd []Member
	for n := range MaxMembers {
		crowd = append(crowd, Member{Account: fmt.Sprintf("a-%010d", n), Role: principal.Viewer})
	}
	full, lost, won := newID(tenantPrefix), newID(tenantPrefix), newID(tenantPrefix)
	for id, members := range map[string][]Member{full: crowd, lost: nil, won: nil} {
		if err := d.tenants.create(t.Context(), id, Tenant{ID: id, Members: members}); err != nil {
			t.Fatal(err)
		}
	}
	i := oidc.Identity{Provider: "house", Groups: []oidc.Group{{Tenant: lost, Role: principal.Owner}}}
	if _, err := d.Grouped(t.Context(), a, i); err != nil {
		t.Fatal(err)
	}
	a = accountOf(t, d, a.ID)
	i.Groups = []oidc.Group{{Tenant: full, Role: principal.Viewer}, {Tenant: won, Role: principal.Member}}
	var none *FullError
	if gifts, err := d.Grouped(t.Context(), a, i); !errors.As(err, &none) || len(gifts) != 2 {
		t.Errorf("given %+v, %v", gifts, err)
	}
	for id, want := range map[string]principal.Role{full: "", lost: "", won: principal.Member} {
		if got := read(t, d, id).RoleOf(a.ID); got != want {
			t.Errorf("in %s it is %q, want %q", id, got, want)
		}
	}
}
