package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

var (
	// ErrLastOwner: without this one the tenant would have no owner.
	ErrLastOwner = errors.New("the tenant has no other owner")
	// ErrNotOwner: it is for the tenant's owners, and who asks is a member only.
	ErrNotOwner = errors.New("only an owner of the tenant may do this")
	// ErrNotOperator: it is for those who look after the platform.
	ErrNotOperator = errors.New("only an operator may do this")
	// ErrMember: the account belongs to the tenant already.
	ErrMember = errors.New("the account is a member already")
)

// What nobody may have more of. Each stands in one value that is read again and again.
const (
	MaxTenants = 50  // of an account
	MaxMembers = 100 // of a tenant
	MaxInvites = 50  // of a tenant, at once
	MaxSpent   = 200 // invites of a tenant that were taken or withdrawn within their week
	MaxTokens  = 50  // of an account in a tenant
)

// spared is how many of the newest hints stay whatever their tenants say: these may be about to be made.
const spared = 8

// OfTokens is what a FullError is of where an account has as many as it may in a tenant.
const OfTokens = "API tokens"

// FullError: there are as many as there may be.
type FullError struct {
	// Of is what there are as many of, in the plural.
	Of   string
	Most int
}

func (e *FullError) Error() string { return fmt.Sprintf("there are %d %s already", e.Most, e.Of) }

// ChangedError: the tenant isn't any more the one that was to be changed.
type ChangedError struct{ Is Tenant }

func (*ChangedError) Error() string { return "the tenant has changed" }

// By is who changes a tenant. What it may is judged where the change is decided: somebody else may be changing the same.
type By struct {
	// Account is empty of who holds the admin key.
	Account  string
	Operator bool
}

// manages fails where who asks isn't an owner: with ErrUnknown where it is nobody there at all.
func (by By) manages(t *Tenant) error {
	switch role := t.RoleOf(by.Account); {
	case by.Operator || role == principal.Owner:
		return nil
	case role == "":
		return ErrUnknown
	}
	return ErrNotOwner
}

// RoleOf is what an account is in the tenant; empty of who isn't a member.
func (t Tenant) RoleOf(account string) principal.Role {
	if i := t.index(account); i >= 0 {
		return t.Members[i].Role
	}
	return ""
}

func (t Tenant) index(account string) int {
	return slices.IndexFunc(t.Members, func(m Member) bool { return m.Account == account })
}

// lastOwner says whether the tenant would have no owner without this account. One that has none already loses nothing.
func (t Tenant) lastOwner(account string) bool {
	beside := func(m Member) bool { return m.Role == principal.Owner && m.Account != account }
	return t.RoleOf(account) == principal.Owner && !slices.ContainsFunc(t.Members, beside)
}

// ETag tells the tenant from what it was before.
func (t Tenant) ETag() string { return strconv.Quote(strconv.FormatUint(t.Revision, 10)) }

func (t Tenant) matches(tags []string) error {
	if tags != nil && !slices.Contains(tags, t.ETag()) {
		return &ChangedError{Is: t}
	}
	return nil
}

// Tenant answers one; ErrUnknown where there is none.
func (d *Directory) Tenant(ctx context.Context, id string) (Tenant, error) {
	if !isID(tenantPrefix, id) {
		return Tenant{}, ErrUnknown
	}
	return d.tenants.read(ctx, id)
}

const tenantPrefix = "t-"

// RoleIn is what an account is in a tenant, and the tenant: no role of who isn't a member, ErrUnknown where there is no tenant.
func (d *Directory) RoleIn(ctx context.Context, account, tenant string) (principal.Role, Tenant, error) {
	t, err := d.Tenant(ctx, tenant)
	return t.RoleOf(account), t, err
}

// LimitsOf are a tenant's, as far as was said within Kept; ErrNoTenant where there is none.
func (d *Directory) LimitsOf(ctx context.Context, tenant string) (l Limits, err error) {
	err = d.looking(ctx, func(ctx context.Context) error {
		t, err := d.tenant(ctx, tenant)
		l = t.Limits.copied()
		return err
	})
	return l, err
}

// NewTenant makes one that an account owns; ErrUnverified of who may not have one. Should it come to nothing behind the first
// write, the account has a hint that leads nowhere, which nobody sees.
func (d *Directory) NewTenant(ctx context.Context, owner, name string) (Tenant, error) {
	if err := d.verified(ctx, owner); err != nil {
		return Tenant{}, err
	}
	t := Tenant{ID: newID(tenantPrefix), Name: name, Created: d.now().UTC(), Revision: 1}
	t.Members = []Member{{Account: owner, Role: principal.Owner, Since: t.Created}}
	if err := d.hint(ctx, owner, t.ID); err != nil {
		return Tenant{}, err
	}
	return t, d.tenants.create(ctx, t.ID, t)
}

// hint notes with an account that it may belong to a tenant, as its newest. Hints that have turned out wrong go where there
// is no room.
func (d *Directory) hint(ctx context.Context, account, tenant string) error {
	_, err := d.accounts.change(ctx, account, func(a *Account) (bool, error) {
		if last := len(a.Tenants) - 1; last >= 0 && a.Tenants[last] == tenant {
			return false, nil
		}
		a.Tenants = slices.DeleteFunc(a.Tenants, func(id string) bool { return id == tenant })
		if len(a.Tenants) >= MaxTenants {
			if err := d.forgetHints(ctx, a); err != nil {
				return false, err
			}
		}
		if len(a.Tenants) >= MaxTenants {
			return false, &FullError{Of: "tenants", Most: MaxTenants}
		}
		a.Tenants = append(a.Tenants, tenant)
		return true, nil
	})
	return err
}

func (d *Directory) forgetHints(ctx context.Context, a *Account) error {
	var kept []string
	for i, id := range a.Tenants {
		if i < len(a.Tenants)-spared {
			role, _, err := d.RoleIn(ctx, a.ID, id)
			if err != nil && !errors.Is(err, ErrUnknown) {
				return err
			}
			if role == "" {
				continue
			}
		}
		kept = append(kept, id)
	}
	a.Tenants = kept
	return nil
}

// Memberships are the tenants that an account belongs to, the oldest membership first. What its hints say is asked of each.
func (d *Directory) Memberships(ctx context.Context, a Account) ([]Tenant, error) {
	var tenants []Tenant
	for _, id := range a.Tenants {
		role, t, err := d.RoleIn(ctx, a.ID, id)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return nil, err
		}
		if role != "" {
			tenants = append(tenants, t)
		}
	}
	return tenants, nil
}

// Tenants lists all tenants behind an id, at most so many, by id, and the id to go on behind; empty where there are no more.
func (d *Directory) Tenants(ctx context.Context, after string, limit int) (page []Tenant, next string, err error) {
	ids, err := d.log.Keys(ctx, storelog.BucketTenants, "*")
	if err != nil {
		return nil, "", err
	}
	page, more, err := listed(ctx, behind(ids, after), limit, d.Tenant)
	if more {
		next = page[limit-1].ID
	}
	return page, next, err
}

// changeTenant lets decide change a tenant. A change that was made by a try whose answer was lost is found by its name.
func (d *Directory) changeTenant(ctx context.Context, id string, decide func(*Tenant) (bool, error)) (Tenant, error) {
	if !isID(tenantPrefix, id) {
		return Tenant{}, ErrUnknown
	}
	name := rand.Text()
	return d.tenants.change(ctx, id, func(t *Tenant) (bool, error) {
		if t.Change == name {
			return false, nil
		}
		changed, err := decide(t)
		if err != nil || !changed {
			return false, err
		}
		now := d.now()
		t.Change = name
		t.Spent = slices.DeleteFunc(t.Spent, func(s Spent) bool { return now.After(s.Until) })
		return true, nil
	})
}

// TenantChange is what of a tenant is to be another; what is nil stays.
type TenantChange struct {
	Name *string
	// Suspended and Limits are an operator's to say.
	Suspended *bool
	Limits    *Limits
	// Match are the ETags of which the tenant is to have one; nil for any.
	Match []string
}

// ChangeTenant changes one. It fails with ErrNotOwner or ErrNotOperator, with ErrUnknown for who isn't even a member, and with a
// *ChangedError.
func (d *Directory) ChangeTenant(ctx context.Context, by By, id string, c TenantChange) (Tenant, error) {
	return d.changeTenant(ctx, id, func(t *Tenant) (bool, error) {
		if err := by.manages(t); err != nil {
			return false, err
		}
		if (c.Suspended != nil || c.Limits != nil) && !by.Operator {
			return false, ErrNotOperator
		}
		if err := t.matches(c.Match); err != nil {
			return false, err
		}
		changed := false
		if c.Name != nil && *c.Name != t.Name {
			t.Name, changed = *c.Name, true
		}
		if c.Suspended != nil && *c.Suspended != t.Suspended {
			t.Suspended, changed = *c.Suspended, true
		}
		if c.Limits != nil && !c.Limits.same(t.Limits) {
			t.Limits, changed = *c.Limits, true
		}
		if changed {
			t.Revision++
		}
		return changed, nil
	})
}

func (l Limits) copied() Limits {
	if l.MaxStores != nil {
		l.MaxStores = new(*l.MaxStores)
	}
	return l
}

func (l Limits) same(other Limits) bool {
	if l.MaxStores == nil || other.MaxStores == nil {
		return l.MaxStores == other.MaxStores
	}
	return *l.MaxStores == *other.MaxStores
}

// Claims are what says whether a tenant has stores.
type Claims interface {
	// Close keeps a tenant from having any from now on, and fails where it has some (*claim.HeldError).
	Close(ctx context.Context, tenant string) error
}

// DeleteTenant ends a tenant that has no stores, with its tokens and invites. Its claims are closed first, so that a create at
// the same moment comes before all of this or not at all; whoever was killed behind that, or got no answer, deletes it again, and
// until then the tenant takes no stores. It fails as ChangeTenant does, and as Close.
func (d *Directory) DeleteTenant(ctx context.Context, by By, id string, match []string, claims Claims) error {
	t, err := d.Tenant(ctx, id)
	if err != nil {
		return err
	}
	if err := by.manages(&t); err != nil {
		return err
	}
	if err := t.matches(match); err != nil {
		return err
	}
	if err := claims.Close(ctx, id); err != nil {
		return err
	}
	if err := d.clear(ctx, storelog.BucketTokens, d.tokens.prefix, id, d.tokens.remove); err != nil {
		return err
	}
	if err := d.clear(ctx, storelog.BucketPasses, d.invites.prefix, id, d.invites.remove); err != nil {
		return err
	}
	if err := d.tenants.remove(ctx, id); err != nil {
		return err
	}
	// Those that were made meanwhile, for who found the tenant there still.
	return d.clear(ctx, storelog.BucketTokens, d.tokens.prefix, id, d.tokens.remove)
}

// clear removes what a shelf keeps below a tenant.
func (d *Directory) clear(ctx context.Context, bucket, prefix, tenant string, remove func(context.Context, string) error) error {
	keys, err := d.log.Keys(ctx, bucket, prefix+tenant+".*")
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := remove(ctx, strings.TrimPrefix(key, prefix)); err != nil {
			return err
		}
	}
	return nil
}
