package directory

import (
	"context"
	"errors"

	"slices"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// each runs a test on one broker and on three; directories are the same one behind each broker.
func each(t *testing.T, test func(t *testing.T, gateways []*Directory, resigned func(int64) bool)) {
	t.Helper()
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		bustest.Ensure(t, b.Conns[0], storelog.Settings{Replicas: b.Replicas(), Accounts: true})
		var gateways []*Directory
		for _, nc := range b.Conns {
			log, err := storelog.Open(t.Context(), nc)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Open(t.Context(), log, 1, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			gateways = append(gateways, d)
		}
		b.AwaitStepDown(t)
		test(t, gateways, b.Resigned)
	})
}

// atOnce does all of these at the same moment.
func atOnce(acts ...func()) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, act := range acts {
		all.Go(func() { <-begin; act() })
	}
	close(begin)
	all.Wait()
}

// account makes one that may sign in.
func account(t *testing.T, d *Directory) string {
	t.Helper()
	a := Account{ID: newID(accountPrefix), Created: d.now(), Verified: true}
	a.Email = a.ID + "@example.com"
	if err := d.accounts.create(t.Context(), a.ID, a); err != nil {
		t.Fatal(err)
	}
	return a.ID
}

// tenantOf makes a tenant with these owners.
func tenantOf(t *testing.T, d *Directory, owners ...string) Tenant {
	t.Helper()
	made, err := d.NewTenant(t.Context(), owners[0], "Agency")
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range owners[1:] {
		made = joined(t, d, made.ID, owners[0], owner, principal.Owner)
	}
	return made
}

// joined has an account join by an invite.
func joined(t *testing.T, d *Directory, tenant, owner, account string, role principal.Role) Tenant {
	t.Helper()
	_, text, err := d.NewInvite(t.Context(), By{Account: owner}, tenant, role, "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := d.TakeInvite(t.Context(), text, account)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func read(t *testing.T, d *Directory, tenant string) Tenant {
	t.Helper()
	made, err := d.Tenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Whatever two owners do to each other or with themselves at the same moment, one of them is an owner behind it, and one at
// least was refused.
func TestATenantIsNeverWithoutAnOwner(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		here, there := gateways[0], gateways[len(gateways)-1]
		a, b := account(t, here), account(t, here)
		remove := func(d *Directory, by, whom, tenant string) error {
			return d.RemoveMember(t.Context(), By{Account: by}, tenant, whom)
		}
		demote := func(d *Directory, by, whom, tenant string) error {
			_, err := d.ChangeMember(t.Context(), By{Account: by}, tenant, whom, principal.Viewer)
			return err
		}
		for turn := 0; turn < 3 || !resigned(6); turn++ {
			for name, acts := range map[string][2]func(d *Directory, me, other, tenant string) error{
				"removing each other":   {remove, remove},
				"demoting each other":   {demote, demote},
				"one removes, one goes": {remove, func(d *Directory, me, _, tenant string) error { return remove(d, me, me, tenant) }},
				"both leave": {
					func(d *Directory, me, _, tenant string) error { return remove(d, me, me, tenant) },
					func(d *Directory, me, _, tenant string) error { return remove(d, me, me, tenant) },
				},
			} {
				tenant := tenantOf(t, here, a, b).ID
				var first, second error
				atOnce(func() { first = acts[0](here, a, b, tenant) }, func() { second = acts[1](there, b, a, tenant) })
				for _, err := range []error{first, second} {
					if err != nil && !errors.Is(err, ErrLastOwner) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNotOwner) {
						t.Fatalf("%s: %v", name, err)
					}
				}
				after := read(t, here, tenant)
				if !slices.ContainsFunc(after.Members, func(m Member) bool { return m.Role == principal.Owner }) || (first == nil) == (second == nil) {
					t.Fatalf("%s: %v and %v, and left are %+v", name, first, second, after.Members)
				}
			}
		}
	})
}

func TestWhoMayChangeMembers(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner, member, viewer, stranger := account(t, d), account(t, d), account(t, d), account(t, d)
	tenant := tenantOf(t, d, owner).ID
	joined(t, d, tenant, owner, member, principal.Member)
	joined(t, d, tenant, owner, viewer, principal.Viewer)
	operator := By{Account: stranger, Operator: true}
	for _, c := range []struct {
		name string
		by   By
		whom string
		role principal.Role // empty: removed
		want error
	}{
		{"a member promotes itself", By{Account: member}, member, principal.Owner, ErrNotOwner},
		{"a member removes another", By{Account: member}, viewer, "", ErrNotOwner},
		{"a stranger removes somebody", By{Account: stranger}, viewer, "", ErrUnknown},
		{"a stranger leaves", By{Account: stranger}, stranger, "", ErrUnknown},
		{"nobody removes somebody", By{}, viewer, "", ErrUnknown},
		{"the owner steps down", By{Account: owner}, owner, principal.Member, ErrLastOwner},
		{"the owner leaves", By{Account: owner}, owner, "", ErrLastOwner},
		{"an operator removes the owner", operator, owner, "", ErrLastOwner},
		{"the owner promotes", By{Account: owner}, member, principal.Owner, nil},
		{"and steps down", By{Account: owner}, owner, principal.Member, nil},
		{"a viewer leaves", By{Account: viewer}, viewer, "", nil},
		{"and again", operator, viewer, "", ErrUnknown},
		{"an operator demotes the last owner", operator, member, principal.Viewer, ErrLastOwner},
		{"an operator removes", operator, owner, "", nil},
	} {
		var err error
		if c.role == "" {
			err = d.RemoveMember(t.Context(), c.by, tenant, c.whom)
		} else {
			_, err = d.ChangeMember(t.Context(), c.by, tenant, c.whom, c.role)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if left := read(t, d, tenant).Members; len(left) != 1 || left[0].Account != member || left[0].Role != principal.Owner {
		t.Errorf("left are %+v", left)
	}
}

// Two owners who have read the same: the second doesn't take back what the first said.
func TestAChangeIsOfWhatWasRead(t *testing.T) {
	d := opened(t, bustest.Start(t))
	a := account(t, d)
	made := tenantOf(t, d, a)
	first, second, few := "First", "Second", 3
	if _, err := d.ChangeTenant(t.Context(), By{Account: a}, made.ID, TenantChange{Name: &first, Match: []string{made.ETag()}}); err != nil {
		t.Fatal(err)
	}
	var changed *ChangedError
	_, err := d.ChangeTenant(t.Context(), By{Account: a}, made.ID, TenantChange{Name: &second, Match: []string{made.ETag()}})
	if !errors.As(err, &changed) || changed.Is.Name != first || changed.Is.Revision != made.Revision+1 {
		t.Errorf("the second: %v, %+v", err, changed)
	}
	if err := d.DeleteTenant(t.Context(), By{Account: a}, made.ID, []string{made.ETag()}, book(t, d)); !errors.As(err, &changed) {
		t.Errorf("a deletion of what has changed: %v", err)
	}
	for name, c := range map[string]TenantChange{"limits": {Limits: &Limits{MaxStores: &few}}, "suspension": {Suspended: new(true)}} {
		if _, err := d.ChangeTenant(t.Context(), By{Account: a}, made.ID, c); !errors.Is(err, ErrNotOperator) {
			t.Errorf("%s by an owner: %v", name, err)
		}
		if _, err := d.ChangeTenant(t.Context(), By{Operator: true}, made.ID, c); err != nil {
			t.Errorf("%s by an operator: %v", name, err)
		}
	}
	after := read(t, d, made.ID)
	if after.Name != first || !after.Suspended || after.Limits.MaxStores == nil || *after.Limits.MaxStores != few {
		t.Errorf("it is %+v", after)
	}
	// What changes nothing isn't a change.
	same, err := d.ChangeTenant(t.Context(), By{Operator: true}, made.ID, TenantChange{Limits: &Limits{MaxStores: new(3)}})
	if err != nil || same.Revision != after.Revision {
		t.Errorf("revision %d became %d, %v", after.Revision, same.Revision, err)
	}
}

func book(t *testing.T, d *Directory) *claim.Book {
	t.Helper()
	kv, err := d.log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	return claim.NewBook(kv)
}

// crash is a directory's claims of which the process is killed when they have been closed.
type crash struct{ *claim.Book }

var errKilled = errors.New("killed")

func (c crash) Close(ctx context.Context, tenant string) error {
	if err := c.Book.Close(ctx, tenant); err != nil {
		return err
	}
	return errKilled
}

func TestATenantIsDeletedWithAllThatIsItsOwn(t *testing.T) {
	d := opened(t, bustest.Start(t))
	claims, a, b := book(t, d), account(t, d), account(t, d)
	tenant, other := tenantOf(t, d, a).ID, tenantOf(t, d, a).ID
	joined(t, d, tenant, a, b, principal.Member)
	token := newToken(t, d, b, tenant)
	kept := newToken(t, d, a, other)
	_, invite, err := d.NewInvite(t.Context(), By{Account: a}, tenant, principal.Viewer, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteTenant(t.Context(), By{Account: b}, tenant, nil, claims); !errors.Is(err, ErrNotOwner) {
		t.Errorf("by a member: %v", err)
	}
	id := store.DeriveID(tenant, "1")
	if _, err := claims.Claim(t.Context(), tenant, id, 9, time.Now()); err != nil {
		t.Fatal(err)
	}
	var held *claim.HeldError
	if err := d.DeleteTenant(t.Context(), By{Account: a}, tenant, nil, claims); !errors.As(err, &held) {
		t.Errorf("with a store: %v", err)
	}
	if err := claims.Release(t.Context(), tenant, id); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteTenant(t.Context(), By{Account: a}, tenant, nil, crash{claims}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	// It is there still, and takes no stores.
	if _, err := claims.Claim(t.Context(), tenant, id, 9, time.Now()); !errors.Is(err, claim.ErrClosed) {
		t.Errorf("a create meanwhile: %v", err)
	}
	if mine, err := d.Memberships(t.Context(), accountOf(t, d, a)); err != nil || len(mine) != 2 {
		t.Errorf("%+v, %v", mine, err)
	}
	if err := d.DeleteTenant(t.Context(), By{Account: a}, tenant, nil, claims); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"the tenant": second(d.Tenant(t.Context(), tenant)), "its token": second(d.ByToken(t.Context(), token)),
		"its invite": second(d.TakeInvite(t.Context(), invite, account(t, d))),
		"itself":     d.DeleteTenant(t.Context(), By{Account: a}, tenant, nil, claims),
		"a new one":  second(d.TokensOf(t.Context(), "t-")),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	if all, err := d.TokensOf(t.Context(), tenant); err != nil || len(all) != 0 {
		t.Errorf("tokens are left: %+v, %v", all, err)
	}
	if mine, err := d.Memberships(t.Context(), accountOf(t, d, a)); err != nil || len(mine) != 1 || mine[0].ID != other {
		t.Errorf("%+v, %v", mine, err)
	}
	if _, err := d.ByToken(t.Context(), kept); err != nil {
		t.Errorf("another tenant's token: %v", err)
	}
}

// Hints count for nothing by themselves, and those that have turned out wrong make room.
func TestAHintIsNoMembership(t *testing.T) {
	d := opened(t, bustest.Start(t))
	a, stranger := account(t, d), account(t, d)
	others := tenantOf(t, d, stranger).ID
	var own []string
	for n := range MaxTenants - spared {
		if n%2 == 0 {
			own = append(own, tenantOf(t, d, a).ID)
		} else if err := d.hint(t.Context(), a, newID(tenantPrefix)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.hint(t.Context(), a, others); err != nil {
		t.Fatal(err)
	}
	if role, _, err := d.RoleIn(t.Context(), a, others); role != "" || err != nil {
		t.Errorf("a hint makes it a %q, %v", role, err)
	}
	memberships := func() (ids []string) {
		tenants, err := d.Memberships(t.Context(), accountOf(t, d, a))
		if err != nil {
			t.Fatal(err)
		}
		for _, tenant := range tenants {
			ids = append(ids, tenant.ID)
		}
		return ids
	}
	if got := memberships(); !slices.Equal(got, own) {
		t.Errorf("it belongs to %v, want %v", got, own)
	}
	var err error
	for err == nil && len(own) <= MaxTenants {
		var made Tenant
		if made, err = d.NewTenant(t.Context(), a, "Another"); err == nil {
			own = append(own, made.ID)
		}
	}
	if !full(err) || len(own) != MaxTenants {
		t.Errorf("%d tenants, %v", len(own), err)
	}
	if got := memberships(); !slices.Equal(got, own) {
		t.Errorf("it belongs to %v, want %v", got, own)
	}
}

func accountOf(t *testing.T, d *Directory, id string) Account {
	t.Helper()
	a, err := d.accounts.read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAccountThatGoesLeavesNoTenantWithoutAnOwner(t *testing.T) {
	d := opened(t, bustest.Start(t))
	a, b := account(t, d), account(t, d)
	shared, alone := tenantOf(t, d, a, b).ID, tenantOf(t, d, a).ID
	token := newToken(t, d, a, shared)
	if err := d.Depart(t.Context(), accountOf(t, d, a)); !errors.Is(err, ErrLastOwner) {
		t.Fatal(err)
	}
	if role := read(t, d, shared).RoleOf(a); role != principal.Owner {
		t.Errorf("it was refused, and is %q of the other tenant", role)
	}
	if err := d.DeleteTenant(t.Context(), By{Account: a}, alone, nil, book(t, d)); err != nil {
		t.Fatal(err)
	}
	if err := d.Depart(t.Context(), accountOf(t, d, a)); err != nil {
		t.Fatal(err)
	}
	if role := read(t, d, shared).RoleOf(a); role != "" {
		t.Errorf("it is %q still", role)
	}
	if _, err := d.ByToken(t.Context(), token); !errors.Is(err, ErrUnknown) {
		t.Errorf("its token: %v", err)
	}
}

func TestAllTenantsAreListedPageByPage(t *testing.T) {
	d := opened(t, bustest.Start(t))
	a := account(t, d)
	var want []string
	for range 5 {
		want = append(want, tenantOf(t, d, a).ID)
	}
	if err := d.DeleteTenant(t.Context(), By{Account: a}, want[2], nil, book(t, d)); err != nil {
		t.Fatal(err)
	}
	want = slices.Delete(want, 2, 3)
	slices.Sort(want)
	var got []string
	for after, pages := "", 0; ; pages++ {
		page, next, err := d.Tenants(t.Context(), after, 3)
		if err != nil || len(page) > 3 || pages > 2 {
			t.Fatal(page, err)
		}
		for _, tenant := range page {
			got = append(got, tenant.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if page, next, err := d.Tenants(t.Context(), "t-~", 3); err != nil || len(page) != 0 || next != "" {
		t.Errorf("behind all: %v, %q, %v", page, next, err)
	}
}

// What clients send as an id never asks for another key.
func TestWhatIsNoIDIsNothing(t *testing.T) {
	d := opened(t, bustest.Start(t))
	a := account(t, d)
	tenant := tenantOf(t, d, a).ID
	by := By{Operator: true}
	for _, id := range []string{"", "t-", "*", ">", "t-*", tenant + ".*", tenant + "\n", "T" + tenant[1:], tenant[2:], "t-aaaaaaaaa.", "t-aaaaaaaaaä", "$KV.x"} {
		_, _, invited := d.NewInvite(t.Context(), by, id, principal.Viewer, "")
		_, _, token := d.NewToken(t.Context(), Token{Account: a, Tenant: id, Role: principal.Viewer})
		for name, err := range map[string]error{
			"tenant": second(d.Tenant(t.Context(), id)), "change": second(d.ChangeTenant(t.Context(), by, id, TenantChange{})),
			"delete": d.DeleteTenant(t.Context(), by, id, nil, book(t, d)), "member": d.RemoveMember(t.Context(), by, tenant, id),
			"role": second(d.ChangeMember(t.Context(), by, tenant, id, principal.Viewer)), "invite": invited,
			"withdraw": d.WithdrawInvite(t.Context(), by, id, "i-aaaaaaaaaa"), "withdrawn": d.WithdrawInvite(t.Context(), by, tenant, id),
			"tokens": second(d.TokensOf(t.Context(), id)), "token": token, "revoke": second(d.RevokeToken(t.Context(), by, id)),
			"bearer": second(d.ByToken(t.Context(), "sp_"+id+"_AAAAAAAAAAAAAAAAAAAAAAAAAA")),
			"taking": second(d.TakeInvite(t.Context(), "si_"+id+"_AAAAAAAAAAAAAAAAAAAAAAAAAA", a)),
		} {
			if !errors.Is(err, ErrUnknown) {
				t.Errorf("%s of %q: %v", name, id, err)
			}
		}
	}
}

func full(err error) bool {
	var full *FullError
	return errors.As(err, &full)
}

func second[T any](_ T, err error) error { return err }
