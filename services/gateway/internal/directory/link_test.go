package directory

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Mail proves an address for the account whose session follows the link, and for nobody else: who is sent one that a stranger's sign-up has
// caused gives nothing to that.
func TestALinkIsGoodForItsAccountOnce(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	maria, other := signedUp(t, d, "maria@example.com"), signedUp(t, d, "other@example.com")
	secret, to, err := d.VerifyLink(t.Context(), maria)
	if err != nil || to != "maria@example.com" {
		t.Fatalf("to %s, %v", to, err)
	}
	if _, _, err := d.Verify(t.Context(), secret, other); !errors.Is(err, ErrUnknown) {
		t.Errorf("as another: %v", err)
	}
	if _, err := d.Reset(t.Context(), secret, "hash"); !errors.Is(err, ErrUnknown) {
		t.Errorf("as a link of another purpose: %v", err)
	}
	if a, moved, err := d.Verify(t.Context(), secret, maria); err != nil || !a.Verified || moved {
		t.Errorf("%+v, %t, %v", a, moved, err)
	}
	if _, _, err := d.Verify(t.Context(), secret, maria); !errors.Is(err, ErrUnknown) {
		t.Errorf("twice: %v", err)
	}
	if a, err := d.Account(t.Context(), other.ID); err != nil || a.Verified {
		t.Errorf("the other is %+v, %v", a, err)
	}
	if maria, err = d.AskAddress(t.Context(), maria, "Maria@example.com"); err != nil {
		t.Fatal(err)
	}
	if secret, _, err = d.VerifyLink(t.Context(), maria); err == nil {
		maria, _, err = d.Verify(t.Context(), secret, maria)
	}
	if err != nil || maria.Email != "Maria@example.com" || maria.NewEmail != "" || len(maria.Leads) != 1 || len(maria.Left) > 0 {
		t.Errorf("the same address, written in another way: %+v, %v", maria, err)
	}
	late, _, err := d.VerifyLink(t.Context(), other)
	if err == nil {
		err = d.EndSessions(t.Context(), other)
	}
	if err != nil {
		t.Fatal(err)
	}
	if other, err = d.Account(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Verify(t.Context(), late, other); !errors.Is(err, ErrUnknown) {
		t.Errorf("of another era: %v", err)
	}
}

// Of all who follow a link at once, at whatever gateways, one sets the password, and no session from before opens anything.
func TestAPasswordIsResetOnce(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		for turn := 0; turn < 2 || !resigned(4); turn++ {
			here, email := gateways[0], fmt.Sprintf("maria.%d@example.com", turn)
			a, err := sure(t, func() (Account, error) {
				return here.SignUp(t.Context(), Account{Email: email, Name: "Maria", Hash: "first"})
			})
			if err != nil && !errors.Is(err, ErrTaken) {
				t.Fatal(err)
			}
			session, err := sure(t, func() (string, error) { return here.NewSession(t.Context(), a) })
			if err != nil {
				t.Fatal(err)
			}
			link, err := sure(t, func() (string, error) { return here.ResetLink(t.Context(), a) })
			if err != nil {
				t.Fatal(err)
			}
			var reset atomic.Int64
			var acts []func()
			for n := range 6 {
				d, hash := gateways[n%len(gateways)], fmt.Sprint("hash ", n)
				acts = append(acts, func() {
					switch is, err := sure(t, func() (Account, error) { return d.Reset(t.Context(), link, hash) }); {
					case err == nil && is.Hash == hash && is.Era == a.Era+1 && is.Verified:
						reset.Add(1)
					case !errors.Is(err, ErrUnknown):
						t.Errorf("%+v, %v", is, err)
					}
				})
			}
			atOnce(acts...)
			// Who had no answer, and asked again, is told that the link is spent.
			if len(gateways) == 1 && reset.Load() != 1 || reset.Load() > 1 {
				t.Errorf("%d have set a password", reset.Load())
			}
			is, err := sure(t, func() (Account, error) { return here.ByAddress(t.Context(), email) })
			if err != nil || is.Hash == "first" || is.Era != a.Era+1 {
				t.Errorf("it is %+v, %v", is, err)
			}
			if _, err := sure(t, func() (Account, error) { return here.BySession(t.Context(), session) }); !errors.Is(err, ErrUnknown) {
				t.Errorf("the session from before: %v", err)
			}
		}
	})
}

// Whoever makes an account of a stranger's address in wait for them has nothing of it once the stranger has come by mail: no session, no device,
// no token, no other way in, no address that is on its way.
func TestWhoComesByMailShareTheAccountWithNobody(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	boss := verifiedUp(t, d, "boss@example.com")
	tenant := tenantOf(t, d, boss.ID).ID
	for name, verified := range map[string]bool{"hers": true, "someone's": false} {
		a := signedUp(t, d, fmt.Sprintf("maria.%t@example.com", verified))
		if verified {
			a = verify(t, d, a)
		}
		joined(t, d, tenant, boss.ID, a.ID, principal.Member)
		token := newToken(t, d, a.ID, tenant)
		provider := d.digest("oidc", name)
		a, err := d.accounts.change(t.Context(), a.ID, func(a *Account) (bool, error) { a.Leads = append(a.Leads, provider); return true, nil })
		if err == nil {
			err = d.claim(t.Context(), provider, a.ID)
		}
		if err == nil {
			a, err = d.Proven(t.Context(), a, []byte("device"), "")
		}
		if err == nil {
			a, err = d.AskAddress(t.Context(), a, "thief@example.com")
		}
		if err != nil {
			t.Fatal(err)
		}
		wish, _, err := d.VerifyLink(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		link, err := d.ResetLink(t.Context(), a)
		if err == nil {
			a, err = d.Reset(t.Context(), link, "hers")
		}
		if err != nil || a.NewEmail != "" || len(a.Devices) > 0 || !a.Verified {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, _, err := d.Verify(t.Context(), wish, a); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: an address on its way: %v", name, err)
		}
		if _, err := d.byLead(t.Context(), provider); (err == nil) != verified {
			t.Errorf("%s: the other way in: %v", name, err)
		}
		if _, err := d.leads.read(t.Context(), provider); (err == nil) != verified {
			t.Errorf("%s: its lead: %v", name, err)
		}
		if _, err := d.ByToken(t.Context(), token); (err == nil) != verified {
			t.Errorf("%s: the token: %v", name, err)
		}
	}
	// What makes the rest safe.
	unverified := signedUp(t, d, "nobody@example.com")
	if _, err := d.NewTenant(t.Context(), unverified.ID, "Trap"); !errors.Is(err, ErrUnverified) {
		t.Errorf("a tenant: %v", err)
	}
	joined(t, d, tenant, boss.ID, unverified.ID, principal.Owner)
	if _, _, err := d.NewInvite(t.Context(), By{Account: unverified.ID}, tenant, principal.Owner, ""); !errors.Is(err, ErrUnverified) {
		t.Errorf("an invite: %v", err)
	}
}

// Wherever a change of address is broken off, one of the two signs in, and the same link ends it.
func TestAnAddressMovesWholeWhereverItIsBrokenOff(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	dyingAt(t, d, func(n int64) (func(*Directory) error, func(bool)) {
		before, behind := fmt.Sprintf("old.%d@example.com", n), fmt.Sprintf("new.%d@example.com", n)
		a, err := d.AskAddress(t.Context(), verifiedUp(t, d, before), behind)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ByAddress(t.Context(), behind); !errors.Is(err, ErrUnknown) {
			t.Errorf("before it is proved: %v", err)
		}
		link, to, err := d.VerifyLink(t.Context(), a)
		if err != nil || to != behind {
			t.Fatalf("to %s, %v", to, err)
		}
		return func(dying *Directory) error { _, _, err := dying.Verify(t.Context(), link, a); return err }, func(died bool) {
			_, byOld := d.ByAddress(t.Context(), before)
			_, byNew := d.ByAddress(t.Context(), behind)
			if byOld != nil && byNew != nil {
				t.Errorf("behind %d writes nobody signs in: %v, %v", n, byOld, byNew)
			}
			if now, err := d.Account(t.Context(), a.ID); err != nil || now.Email == behind && byOld == nil {
				t.Errorf("behind %d writes it has moved, and the old address signs in: %v", n, err)
			}
			is, _, err := d.Verify(t.Context(), link, a)
			if died && err != nil || !died && !errors.Is(err, ErrUnknown) {
				t.Errorf("behind %d writes, again: %v", n, err)
			}
			if died && (is.Email != behind || is.NewEmail != "" || !is.Verified || len(is.Left) > 0 || len(is.Leads) != 1) {
				t.Errorf("behind %d writes it is %+v", n, is)
			}
			if is, err := d.ByAddress(t.Context(), behind); err != nil || is.ID != a.ID {
				t.Errorf("behind %d writes the new address is %+v's: %v", n, is, err)
			}
			if _, err := d.ByAddress(t.Context(), before); !errors.Is(err, ErrUnknown) {
				t.Errorf("behind %d writes the old address signs in: %v", n, err)
			}
			if next, err := d.SignUp(t.Context(), Account{Email: before, Hash: "another"}); err != nil || next.ID == a.ID {
				t.Errorf("behind %d writes nobody can have the old address: %v", n, err)
			}
		}
	})
}

// Of two accounts that have proved the same address one has it, and the other keeps its own and can ask for a third.
func TestOfTwoWhoMoveToOneAddressOneHasIt(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		for turn := 0; turn < 2 || !resigned(4); turn++ {
			wanted := fmt.Sprintf("wanted.%d@example.com", turn)
			var acts []func()
			errs := make([]error, 2)
			ids := make([]string, 2)
			for n := range 2 {
				d := gateways[n%len(gateways)]
				own := fmt.Sprintf("%d.%d@example.com", n, turn)
				a, err := sure(t, func() (Account, error) { return d.SignUp(t.Context(), Account{Email: own, Hash: own}) })
				if err == nil || errors.Is(err, ErrTaken) {
					a, err = sure(t, func() (Account, error) { return d.AskAddress(t.Context(), a, wanted) })
				}
				link, err2 := sure(t, func() (string, error) { link, _, err := d.VerifyLink(t.Context(), a); return link, err })
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				ids[n] = a.ID
				acts = append(acts, func() {
					_, errs[n] = sure(t, func() (Account, error) { a, _, err := d.Verify(t.Context(), link, a); return a, err })
				})
			}
			atOnce(acts...)
			has, err := sure(t, func() (Account, error) { return gateways[0].ByAddress(t.Context(), wanted) })
			if err != nil {
				t.Fatalf("nobody has it: %v, %v", err, errs)
			}
			for n, id := range ids {
				is, err := sure(t, func() (Account, error) { return gateways[0].Account(t.Context(), id) })
				if err != nil {
					t.Fatal(err)
				}
				if id == has.ID && errs[n] != nil && !errors.Is(errs[n], ErrUnknown) || id != has.ID && !errors.Is(errs[n], ErrTaken) {
					t.Errorf("%s, where %s has it, was told %v", id, has.ID, errs[n])
				}
				if by, err := sure(t, func() (Account, error) { return gateways[0].ByAddress(t.Context(), is.Email) }); err != nil || by.ID != id || is.NewEmail != "" {
					t.Errorf("%+v can't sign in: %v", is, err)
				}
			}
		}
	})
}
