package directory

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Wherever an erasure is broken off, either the account is there and can ask again, or it is gone and the next gateway to come ends it. Behind
// that nothing holds its addresses, and both are anybody's.
func TestAnErasureLeavesNothingWhereverItIsBrokenOff(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	d := opened(t, nc)
	boss := verifiedUp(t, d, "boss@example.com")
	tenant := tenantOf(t, d, boss.ID).ID
	dyingAt(t, d, func(n int64) (func(*Directory) error, func(bool)) {
		place := fmt.Sprintf("place%d.example.com", n)
		email, wish := "maria@"+place, "wish@"+place
		a := verifiedUp(t, d, email)
		joined(t, d, tenant, boss.ID, a.ID, principal.Owner)
		token := newToken(t, d, a.ID, tenant)
		if _, _, err := d.NewInvite(t.Context(), By{Account: boss.ID}, tenant, principal.Member, "Maria@"+place); err != nil {
			t.Fatal(err)
		}
		session, err := d.NewSession(t.Context(), a)
		if err == nil {
			a, err = d.AskAddress(t.Context(), a, wish)
		}
		var link string
		if err == nil {
			link, _, err = d.VerifyLink(t.Context(), a)
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 && len(bustest.Holding(t, nc, place)) != 2 {
			t.Fatal("its addresses should stand in the account and in an invite")
		}
		return func(dying *Directory) error { return dying.Erase(t.Context(), a) }, func(died bool) {
			if _, err := d.BySession(t.Context(), session); err == nil {
				if err := d.Erase(t.Context(), a); err != nil {
					t.Errorf("behind %d writes, again: %v", n, err)
				}
			} else if !errors.Is(err, ErrUnknown) {
				t.Fatal(err)
			}
			log, err := storelog.Open(t.Context(), nc)
			if err == nil {
				_, err = Open(t.Context(), log, 1, time.Now)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, address := range []string{email, wish} {
				if _, err := d.leads.read(t.Context(), d.AddressKey(address)); !errors.Is(err, ErrUnknown) {
					t.Errorf("behind %d writes there is a lead: %v", n, err)
				}
			}
			if _, err := d.BySession(t.Context(), session); !errors.Is(err, ErrUnknown) {
				t.Errorf("behind %d writes its session: %v", n, err)
			}
			if _, err := d.ByToken(t.Context(), token); !errors.Is(err, ErrUnknown) {
				t.Errorf("behind %d writes its token: %v", n, err)
			}
			if _, _, err := d.Verify(t.Context(), link, a); !errors.Is(err, ErrUnknown) {
				t.Errorf("behind %d writes its link: %v", n, err)
			}
			if read(t, d, tenant).RoleOf(a.ID) != "" {
				t.Errorf("behind %d writes it is a member", n)
			}
			if places := bustest.Holding(t, nc, place); len(places) > 0 {
				t.Errorf("behind %d writes an address is held by %v", n, places)
			}
			if next, err := d.SignUp(t.Context(), Account{Email: email, Hash: "another"}); err != nil || next.ID == a.ID {
				t.Errorf("behind %d writes nobody can have the address: %v", n, err)
			}
		}
	})
}

func TestWhoOthersNeedIsNotErased(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	owner, operator := verifiedUp(t, d, "owner@example.com"), verifiedUp(t, d, "operator@example.com")
	tenant := tenantOf(t, d, owner.ID).ID
	joined(t, d, tenant, owner.ID, operator.ID, principal.Member)
	link, err := d.OperatorLink(t.Context())
	if err == nil {
		operator, err = d.BecomeOperator(t.Context(), link, operator)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Erase(t.Context(), owner); !errors.Is(err, ErrLastOwner) {
		t.Errorf("the only owner: %v", err)
	}
	if err := d.Erase(t.Context(), operator); !errors.Is(err, ErrLastOperator) {
		t.Errorf("the only operator: %v", err)
	}
	if read(t, d, tenant).RoleOf(operator.ID) != principal.Member {
		t.Error("who isn't erased has left a tenant")
	}
	for _, a := range []Account{owner, operator} {
		if _, err := d.ByAddress(t.Context(), a.Email); err != nil {
			t.Errorf("%s can't sign in: %v", a.Email, err)
		}
	}
}
