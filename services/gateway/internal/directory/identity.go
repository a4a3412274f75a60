package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// ErrElsewhere: the account has no password, and is signed in to at a provider.
var ErrElsewhere = errors.New("the account is signed in to elsewhere")

// SignInLife is how long somebody may take at a provider.
const SignInLife = 10 * time.Minute

// identityKey is the key of the lead that stands for whom a provider knows.
func (d *Directory) identityKey(i oidc.Identity) string {
	return d.digest("oidc", i.Issuer+"\x00"+i.Subject)
}

// ByIdentity answers whose account a provider's word leads to.
func (d *Directory) ByIdentity(ctx context.Context, i oidc.Identity) (Account, error) {
	return d.byLead(ctx, d.identityKey(i))
}

// Introduce makes an account for whom a provider knows, or finds it made. Its address leads to nobody, and takes none from anybody: a provider
// gives it to somebody else some day, and two providers may say the same of two people.
func (d *Directory) Introduce(ctx context.Context, i oidc.Identity) (account Account, made bool, err error) {
	key := d.identityKey(i)
	account = Account{
		ID: newID(accountPrefix), Email: i.Email, Name: i.Name, Verified: i.EmailVerified && i.Email != "", Pending: true,
		Leads: []string{key}, Created: d.now().UTC(),
	}
	if err := d.accounts.createFor(ctx, account.ID, account, signUpLife); err != nil {
		return Account{}, false, err
	}
	id := account.ID
	err = d.claim(ctx, key, id)
	if taken, is := errors.AsType[*takenError](err); is {
		_ = d.accounts.remove(ctx, id)
		id = taken.by
	} else if err != nil {
		return Account{}, false, fmt.Errorf("introduce: %w", err)
	}
	account, err = d.accounts.change(ctx, id, func(a *Account) (bool, error) {
		changed := a.Pending
		a.Pending = false
		return changed, nil
	})
	return account, id == account.ID, err
}

// LedByAddress says whether the account is found by its address, and so may be signed in to by a password.
func (d *Directory) LedByAddress(a Account) bool {
	return slices.Contains(a.Leads, d.AddressKey(a.Email))
}

// KeepSignIn keeps what a sign-in at a provider is held against that comes back with the secret.
func (d *Directory) KeepSignIn(ctx context.Context, secret string, begun oidc.Begun) error {
	return d.signIns.put(ctx, secret, begun, SignInLife)
}

// SpendSignIn ends one and answers what was begun; ErrUnknown where nothing was, or it has come back already.
func (d *Directory) SpendSignIn(ctx context.Context, secret string) (oidc.Begun, error) {
	return d.signIns.spend(ctx, secret)
}

// Gift is what has become of an account in a tenant by what a provider says of its groups: no role where it is no member any more.
type Gift struct {
	Tenant    string
	Was, Role principal.Role
}

// Grants says whether groups give anything that there is.
func (d *Directory) Grants(ctx context.Context, groups []oidc.Group) (bool, error) {
	for _, g := range groups {
		if g.Operator {
			return true, nil
		}
		_, err := d.Tenant(ctx, g.Tenant)
		if err == nil || !errors.Is(err, ErrUnknown) {
			return err == nil, err
		}
	}
	return false, nil
}

// Grouped has an account belong where its groups at a provider say, and nowhere else by that provider's word: what other people have given it
// stays as it is. A group that is lost takes its membership with it even where the tenant is left without an owner: operators see to that, and
// whoever was put out elsewhere isn't to stay in here. Tenants that aren't there are passed over.
//
// Where there is no room for one, the others are given and taken all the same, and in the end it fails with a *FullError.
func (d *Directory) Grouped(ctx context.Context, account Account, i oidc.Identity) (gifts []Gift, err error) {
	var full *FullError
	roles := map[string]principal.Role{}
	for _, g := range i.Groups {
		if have := roles[g.Tenant]; !g.Operator && (have == "" || g.Role.Within(have) == have) {
			roles[g.Tenant] = g.Role
		}
	}
	var tenants []string
	for _, g := range i.Groups {
		if !g.Operator && !slices.Contains(tenants, g.Tenant) {
			tenants = append(tenants, g.Tenant)
		}
	}
	for _, id := range account.Tenants {
		if !slices.Contains(tenants, id) {
			tenants = append(tenants, id)
		}
	}
	for _, id := range tenants {
		gift, err := d.give(ctx, account, i.Provider, id, roles[id])
		switch {
		case errors.Is(err, ErrUnknown), errors.As(err, &full):
		case err != nil:
			return gifts, err
		case gift.Was != gift.Role:
			gifts = append(gifts, gift)
		}
	}
	if full != nil {
		return gifts, full
	}
	return gifts, nil
}

// give sets what a provider gives an account in a tenant; no role: nothing.
func (d *Directory) give(ctx context.Context, account Account, provider, tenant string, role principal.Role) (Gift, error) {
	t, err := d.Tenant(ctx, tenant)
	if err != nil {
		return Gift{}, err
	}
	gift := Gift{Tenant: tenant, Was: t.RoleOf(account.ID)}
	if role != "" && gift.Was == "" {
		// Of who was one before, and was cut off before these ended.
		if err := d.endTokens(ctx, tenant, account.ID); err != nil {
			return Gift{}, err
		}
		if err := d.hint(ctx, account.ID, tenant); err != nil {
			return Gift{}, err
		}
	}
	t, err = d.changeTenant(ctx, tenant, func(t *Tenant) (bool, error) {
		i := t.index(account.ID)
		switch {
		case i < 0 && role == "", i >= 0 && (t.Members[i].By != provider || t.Members[i].Role == role):
			return false, nil
		case i < 0 && len(t.Members) >= MaxMembers:
			return false, &FullError{Of: "members", Most: MaxMembers}
		case i < 0:
			t.Members = append(t.Members, Member{Account: account.ID, Role: role, Since: d.now().UTC(), By: provider})
		case role == "":
			t.Members = slices.Delete(t.Members, i, i+1)
		default:
			t.Members[i].Role = role
		}
		t.Revision++
		return true, nil
	})
	if err != nil {
		return Gift{}, err
	}
	if gift.Role = t.RoleOf(account.ID); gift.Role == "" {
		return gift, d.endTokens(ctx, tenant, account.ID)
	}
	return gift, nil
}

// Operates has an account be an operator as its groups at a provider say, unless somebody else has made it one. changed says that it is
// another than before. The last operator goes like any other: who sits at the machine can make another.
func (d *Directory) Operates(ctx context.Context, id string, i oidc.Identity) (operator, changed bool, err error) {
	operator = slices.ContainsFunc(i.Groups, func(g oidc.Group) bool { return g.Operator })
	if _, err := d.operators.ensure(ctx, keyOfOperators, Operators{}); err != nil {
		return false, false, err
	}
	have, err := d.operators.change(ctx, keyOfOperators, func(have *Operators) (bool, error) {
		is := slices.Contains(have.Accounts, id)
		switch {
		case is == operator, is && have.By[id] != i.Provider:
			return false, nil
		case is:
			have.drop(id)
		default:
			have.add(id, i.Provider)
		}
		return true, nil
	})
	if err != nil {
		return false, false, err
	}
	operator = slices.Contains(have.Accounts, id)
	_, err = d.accounts.change(ctx, id, func(a *Account) (bool, error) {
		changed = a.Operator != operator
		a.Operator = operator
		return changed, nil
	})
	return operator, changed, err
}
