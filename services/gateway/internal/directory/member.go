package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// errNoMember: the tenant is there, and the account isn't in it.
var errNoMember = fmt.Errorf("it is no member: %w", ErrUnknown)

// ChangeMember gives a member another role. It fails with ErrNotOwner, with ErrLastOwner where the tenant would have none, and
// with ErrUnknown where there is no such member.
func (d *Directory) ChangeMember(ctx context.Context, by By, tenant, account string, role principal.Role) (Tenant, error) {
	return d.changeTenant(ctx, tenant, func(t *Tenant) (bool, error) {
		if err := by.manages(t); err != nil {
			return false, err
		}
		i := t.index(account)
		switch {
		case i < 0:
			return false, errNoMember
		case t.Members[i].Role == role:
			return false, nil
		case role != principal.Owner && t.lastOwner(account):
			return false, ErrLastOwner
		}
		t.Members[i].Role = role
		t.Revision++
		return true, nil
	})
}

// RemoveMember ends a membership, and the tokens with it. Everybody may leave; for others it takes an owner. It fails as
// ChangeMember does. Whoever got no answer may repeat it: the tokens of who is no member any more go then, too.
func (d *Directory) RemoveMember(ctx context.Context, by By, tenant, account string) error {
	_, err := d.changeTenant(ctx, tenant, func(t *Tenant) (bool, error) {
		if err := by.manages(t); err != nil && (by.Account != account || t.RoleOf(account) == "") {
			return false, err
		}
		i := t.index(account)
		switch {
		case i < 0:
			return false, errNoMember
		case t.lastOwner(account):
			return false, ErrLastOwner
		}
		t.Members = slices.Delete(t.Members, i, i+1)
		t.Revision++
		return true, nil
	})
	if err != nil && !errors.Is(err, errNoMember) {
		return err
	}
	return errors.Join(err, d.endTokens(ctx, tenant, account))
}

// Depart ends all memberships of an account that is going, and its tokens. ErrLastOwner, and nothing has happened, where a tenant
// would have no owner; should that come about meanwhile, the memberships that are left are those that haven't ended.
func (d *Directory) Depart(ctx context.Context, a Account) error {
	tenants, err := d.Memberships(ctx, a)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if t.lastOwner(a.ID) {
			return ErrLastOwner
		}
	}
	for _, id := range a.Tenants {
		if err := d.RemoveMember(ctx, By{Operator: true}, id, a.ID); err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
	}
	return nil
}
