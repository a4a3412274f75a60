package directory

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
)

// Each gateway has printed a link of its own; whoever follows one first is the first operator, and all of them are spent.
func TestTheFirstOperatorEndsAllFirstLinks(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		var acts []func()
		var made, unsure atomic.Int64
		for n := range 4 {
			d := gateways[n%len(gateways)]
			link, err := sure(t, func() (string, error) { return d.FirstOperatorLink(t.Context()) })
			if err != nil || link == "" {
				t.Fatalf("%q, %v", link, err)
			}
			a, err := sure(t, func() (Account, error) {
				return d.SignUp(t.Context(), Account{Email: fmt.Sprintf("%d@example.com", n), Hash: fmt.Sprint(n)})
			})
			if err != nil && !errors.Is(err, ErrTaken) {
				t.Fatal(err)
			}
			acts = append(acts, func() {
				switch is, err := d.BecomeOperator(t.Context(), link, a); {
				case err == nil && is.Operator && is.Verified:
					made.Add(1)
				case errors.Is(err, ErrUnknown):
				default:
					unsure.Add(1)
				}
			})
		}
		atOnce(acts...)
		have, err := sure(t, func() (Operators, error) { return gateways[0].operators.read(t.Context(), keyOfOperators) })
		if errors.Is(err, ErrUnknown) && unsure.Load() > 0 {
			return // All came to nothing, and a link can be made at the machine.
		}
		if err != nil || len(have.Accounts) != 1 && unsure.Load() == 0 || len(have.Accounts) > 1 || made.Load() > 1 || len(gateways) == 1 && made.Load() != 1 {
			t.Errorf("%d are operators, %d were told so: %v", len(have.Accounts), made.Load(), err)
		}
		if link, err := sure(t, func() (string, error) { return gateways[0].FirstOperatorLink(t.Context()) }); len(have.Accounts) > 0 && (err != nil || link != "") {
			t.Errorf("there is a first link still: %q, %v", link, err)
		}
	})
}

func TestTwoOperatorsWhoUnmakeEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	a, b := operator(t, d, "a@example.com"), operator(t, d, "b@example.com")
	for range 20 {
		var first, second error
		atOnce(func() { _, first = d.UnmakeOperator(t.Context(), a.ID) }, func() { _, second = d.UnmakeOperator(t.Context(), b.ID) })
		if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), ErrLastOperator) {
			t.Fatalf("%v, %v", first, second)
		}
		for _, id := range []string{a.ID, b.ID} {
			is, err := d.Account(t.Context(), id)
			if err != nil || is.Operator != ((id == a.ID) == (first != nil)) {
				t.Fatalf("%+v, %v", is, err)
			}
			if _, err := d.MakeOperator(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func operator(t *testing.T, d *Directory, email string) Account {
	t.Helper()
	link, err := d.OperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.BecomeOperator(t.Context(), link, signedUp(t, d, email))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnOperatorsLinkMakesOne(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	first, err := d.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := operator(t, d, "a@example.com")
	if !a.Operator || !a.Verified {
		t.Errorf("%+v", a)
	}
	b := signedUp(t, d, "b@example.com")
	if _, err := d.BecomeOperator(t.Context(), first, b); !errors.Is(err, ErrUnknown) {
		t.Errorf("by a first link, when there is one: %v", err)
	}
	if _, err := d.MakeOperator(t.Context(), b.ID); !errors.Is(err, ErrUnverified) {
		t.Errorf("of an address that nobody has proved: %v", err)
	}
	link, err := d.OperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Verify(t.Context(), link, b); !errors.Is(err, ErrUnknown) {
		t.Errorf("as a link of another purpose: %v", err)
	}
	if b, err = d.BecomeOperator(t.Context(), link, b); err != nil || !b.Operator {
		t.Errorf("by a later link: %+v, %v", b, err)
	}
	if _, err := d.BecomeOperator(t.Context(), link, signedUp(t, d, "c@example.com")); !errors.Is(err, ErrUnknown) {
		t.Errorf("by one that was followed: %v", err)
	}
	// Repeating is having it still, or no more.
	for _, want := range []bool{true, true, false, false} {
		act := d.UnmakeOperator
		if want {
			act = d.MakeOperator
		}
		if b, err = act(t.Context(), b.ID); err != nil || b.Operator != want {
			t.Errorf("it is %+v, want an operator: %t; %v", b, want, err)
		}
	}
}

// Who is made an operator while the account goes isn't left among them: counted as the other, it would let the last one go.
func TestNobodyIsAnOperatorWhoIsNoAccount(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	last, gone := operator(t, d, "last@example.com"), signedUp(t, d, "gone@example.com")
	alone := func(when string) {
		t.Helper()
		if have, err := d.operators.read(t.Context(), keyOfOperators); err != nil || !slices.Equal(have.Accounts, []string{last.ID}) {
			t.Errorf("%s operators are %v, %v", when, have.Accounts, err)
		}
		if _, err := d.UnmakeOperator(t.Context(), last.ID); !errors.Is(err, ErrLastOperator) {
			t.Errorf("%s the last goes: %v", when, err)
		}
	}
	// It is made one when all else of it has been seen to.
	if _, err := d.makeOperator(t.Context(), gone.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.finish(t.Context(), gone.ID, erasing{Leads: gone.Leads}); err != nil {
		t.Fatal(err)
	}
	alone("before it went")
	if _, err := d.makeOperator(t.Context(), gone.ID, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("made an operator: %v", err)
	}
	alone("when it had gone")
}
