package directory

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// invited makes an invite of an owner's, and answers its text and id.
func invited(t *testing.T, d *Directory, owner, tenant, email string) (text, id string) {
	t.Helper()
	made, text, err := d.NewInvite(t.Context(), By{Account: owner}, tenant, principal.Member, email)
	if err != nil {
		t.Fatal(err)
	}
	return text, made.ID
}

// Of all who take an invite, at however many gateways, one becomes a member.
func TestAnInviteMakesOneMember(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		owner := account(t, gateways[0])
		for turn := 0; turn < 2 || !resigned(6); turn++ {
			tenant := tenantOf(t, gateways[0], owner).ID
			text, _ := invited(t, gateways[0], owner, tenant, "")
			var taken atomic.Int32
			var takers []string
			var acts []func()
			for n := range 6 {
				taker, d := account(t, gateways[0]), gateways[n%len(gateways)]
				takers = append(takers, taker)
				acts = append(acts, func() {
					switch _, err := d.TakeInvite(t.Context(), text, taker); {
					case err == nil:
						taken.Add(1)
					case !errors.Is(err, ErrUnknown):
						t.Error(err)
					}
				})
			}
			atOnce(acts...)
			after := read(t, gateways[0], tenant)
			if taken.Load() != 1 || len(after.Members) != 2 || after.Members[1].Role != principal.Member {
				t.Fatalf("%d took it, and members are %+v", taken.Load(), after.Members)
			}
			for _, taker := range takers {
				// Whose answer was lost asks again.
				member := taker == after.Members[1].Account
				if _, err := gateways[0].TakeInvite(t.Context(), text, taker); (err == nil) != member || err != nil && !errors.Is(err, ErrUnknown) {
					t.Fatalf("again, by its member: %t: %v", member, err)
				}
			}
		}
	})
}

func TestAnInviteIsWithdrawnOrTakenAndNeverBoth(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		here, there := gateways[0], gateways[len(gateways)-1]
		owner := account(t, here)
		tenant := tenantOf(t, here, owner).ID
		for turn := 0; turn < 3 || !resigned(6); turn++ {
			text, id := invited(t, here, owner, tenant, "")
			taker := account(t, here)
			var taken, withdrawn error
			atOnce(
				func() { _, taken = here.TakeInvite(t.Context(), text, taker) },
				func() { withdrawn = there.WithdrawInvite(t.Context(), By{Account: owner}, tenant, id) },
			)
			member := read(t, here, tenant).RoleOf(taker) != ""
			if (taken == nil) == (withdrawn == nil) || member != (taken == nil) {
				t.Fatalf("taken: %v, withdrawn: %v, a member: %t", taken, withdrawn, member)
			}
			if member {
				if err := here.RemoveMember(t.Context(), By{Account: owner}, tenant, taker); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// left puts an invite back, as it stays where who took or withdrew it was killed before it was removed.
func left(t *testing.T, d *Directory, text string, act func()) {
	t.Helper()
	was, err := d.invited(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	act()
	if err := d.invites.createFor(t.Context(), inviteKey(was.Tenant, was.ID), was, InviteLife); err != nil {
		t.Fatal(err)
	}
	if _, err := d.invited(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsKilledWhileAnInviteIsTakenLeavesOneOutcome(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner, taker, other := account(t, d), account(t, d), account(t, d)
	tenant := tenantOf(t, d, owner).ID
	text, _ := invited(t, d, owner, tenant, "")

	// Before the tenant knows of it, there is a hint at most.
	if err := d.hint(t.Context(), taker, tenant); err != nil {
		t.Fatal(err)
	}
	left(t, d, text, func() {
		if _, err := d.TakeInvite(t.Context(), text, taker); err != nil {
			t.Fatalf("nobody has taken it: %v", err)
		}
	})
	if _, err := d.TakeInvite(t.Context(), text, other); !errors.Is(err, ErrUnknown) {
		t.Errorf("another takes it, too: %v", err)
	}
	if open, err := d.Invites(t.Context(), By{Account: owner}, tenant); err != nil || len(open) != 0 {
		t.Errorf("it can be taken: %+v, %v", open, err)
	}
	left(t, d, text, func() {
		if _, err := d.TakeInvite(t.Context(), text, taker); err != nil {
			t.Errorf("who has taken it, again: %v", err)
		}
	})
	if err := d.RemoveMember(t.Context(), By{Account: owner}, tenant, taker); err != nil {
		t.Fatal(err)
	}
	if _, err := d.TakeInvite(t.Context(), text, taker); !errors.Is(err, ErrUnknown) {
		t.Errorf("who was removed comes back by it: %v", err)
	}

	text, id := invited(t, d, owner, tenant, "")
	left(t, d, text, func() {
		if err := d.WithdrawInvite(t.Context(), By{Account: owner}, tenant, id); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := d.TakeInvite(t.Context(), text, other); !errors.Is(err, ErrUnknown) {
		t.Errorf("what was withdrawn is taken: %v", err)
	}
	if err := d.WithdrawInvite(t.Context(), By{Account: owner}, tenant, id); err != nil {
		t.Errorf("withdrawing again, as who got no answer does: %v", err)
	}
}

func TestWhoMayTakeAnInvite(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner, taker, other := account(t, d), account(t, d), account(t, d)
	tenant := tenantOf(t, d, owner).ID
	text, id := invited(t, d, owner, tenant, strings.ToUpper(accountOf(t, d, taker).Email))
	garbled := text[:len(text)-1] + map[bool]string{true: "B", false: "A"}[strings.HasSuffix(text, "A")]
	for name, c := range map[string]struct {
		text, taker string
		want        error
	}{
		"another's address": {text, other, ErrOthersInvite},
		"garbled":           {garbled, taker, ErrUnknown},
		"nothing":           {"", taker, ErrUnknown},
		"its id":            {id, taker, ErrUnknown},
		"no account":        {text, newID(accountPrefix), ErrUnknown},
	} {
		if _, err := d.TakeInvite(t.Context(), c.text, c.taker); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if got, at, err := d.Invite(t.Context(), text); err != nil || got.ID != id || at.ID != tenant {
		t.Errorf("to look at: %+v, %v", got, err)
	}
	if _, err := d.TakeInvite(t.Context(), text, taker); err != nil {
		t.Errorf("its own address: %v", err)
	}
	free, _ := invited(t, d, owner, tenant, "")
	if _, err := d.TakeInvite(t.Context(), free, taker); !errors.Is(err, ErrMember) {
		t.Errorf("who is a member already: %v", err)
	}
	if _, err := d.TakeInvite(t.Context(), free, other); err != nil {
		t.Errorf("and then another: %v", err)
	}
	text, _ = invited(t, d, owner, tenant, "")
	later := *d.clocked(time.Now().Add(InviteLife + time.Minute))
	if _, err := later.TakeInvite(t.Context(), text, account(t, d)); !errors.Is(err, ErrUnknown) {
		t.Errorf("when it is over: %v", err)
	}
}

// Whoever can't invite any more hasn't invited anybody: an owner who was removed would come back by an invite of their own.
func TestAnInviteEndsWithWhoMadeIt(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner, second := account(t, d), account(t, d)
	tenant := tenantOf(t, d, owner, second).ID
	text, _ := invited(t, d, second, tenant, "")
	if _, _, err := d.NewInvite(t.Context(), By{Account: account(t, d)}, tenant, principal.Owner, ""); !errors.Is(err, ErrUnknown) {
		t.Errorf("a stranger invites: %v", err)
	}
	operator := account(t, d)
	if _, err := d.accounts.change(t.Context(), operator, func(a *Account) (bool, error) { a.Operator = true; return true, nil }); err != nil {
		t.Fatal(err)
	}
	_, byOperator, err := d.NewInvite(t.Context(), By{Account: operator, Operator: true}, tenant, principal.Owner, "")
	if err != nil {
		t.Fatal(err)
	}
	_, byKey, err := d.NewInvite(t.Context(), By{Operator: true}, tenant, principal.Owner, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveMember(t.Context(), By{Account: owner}, tenant, second); err != nil {
		t.Fatal(err)
	}
	if _, err := d.TakeInvite(t.Context(), text, second); !errors.Is(err, ErrUnknown) {
		t.Errorf("by its own invite: %v", err)
	}
	if open, err := d.Invites(t.Context(), By{Account: owner}, tenant); err != nil || len(open) != 2 {
		t.Errorf("%+v, %v", open, err)
	}
	for name, text := range map[string]string{"an operator's": byOperator, "the key holder's": byKey} {
		if _, err := d.TakeInvite(t.Context(), text, account(t, d)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATenantHasSoManyMembersAndInvitesAndNoMore(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner := account(t, d)
	tenant := tenantOf(t, d, owner).ID
	_, err := d.changeTenant(t.Context(), tenant, func(t *Tenant) (bool, error) {
		for len(t.Members) < MaxMembers-1 {
			t.Members = append(t.Members, Member{Account: newID(accountPrefix), Role: principal.Viewer})
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := invited(t, d, owner, tenant, "")
	if _, err := d.TakeInvite(t.Context(), text, account(t, d)); err != nil {
		t.Error(err)
	}
	text, _ = invited(t, d, owner, tenant, "")
	if _, err := d.TakeInvite(t.Context(), text, account(t, d)); !full(err) {
		t.Errorf("one too many: %v", err)
	}
	for range MaxInvites - 1 {
		invited(t, d, owner, tenant, "")
	}
	if _, _, err := d.NewInvite(t.Context(), By{Account: owner}, tenant, principal.Viewer, ""); !full(err) {
		t.Errorf("one invite too many: %v", err)
	}
}

// Whoever makes invites and withdraws them makes the tenant no larger than so.
func TestATenantRemembersSoManyInvitesAndNoMore(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner := account(t, d)
	tenant := tenantOf(t, d, owner).ID
	spend := func(n int) {
		_, err := d.changeTenant(t.Context(), tenant, func(t *Tenant) (bool, error) {
			for range n {
				t.Spent = append(t.Spent, Spent{Invite: newID(inviteID), Until: time.Now().Add(InviteLife)})
			}
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	spend(MaxSpent - 1)
	_, id := invited(t, d, owner, tenant, "")
	if err := d.WithdrawInvite(t.Context(), By{Account: owner}, tenant, id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.NewInvite(t.Context(), By{Account: owner}, tenant, principal.Viewer, ""); !full(err) {
		t.Errorf("one too many: %v", err)
	}
	later := d.clocked(time.Now().Add(InviteLife + time.Minute))
	if _, _, err := later.NewInvite(t.Context(), By{Account: owner}, tenant, principal.Viewer, ""); err != nil {
		t.Errorf("a week later: %v", err)
	}
	if _, err := later.clocked(time.Now().Add(InviteLife+2*clocks)).ChangeTenant(t.Context(), By{Account: owner}, tenant, TenantChange{Name: new("Other")}); err != nil {
		t.Fatal(err)
	}
	if left := read(t, d, tenant).Spent; len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}
