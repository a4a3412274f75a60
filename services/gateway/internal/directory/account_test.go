package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// sure does something again until somebody has answered.
func sure[T any](t *testing.T, act func() (T, error)) (T, error) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		thing, err := act()
		if !storelog.Unanswered(err) && !errors.Is(err, storelog.ErrContended) || time.Now().After(deadline) {
			return thing, err
		}
	}
}

// signedUp is an account, by the front door.
func signedUp(t *testing.T, d *Directory, email string) Account {
	t.Helper()
	a, err := d.SignUp(t.Context(), Account{Email: email, Name: "Maria", Hash: "hash of " + newID("")})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// verifiedUp is one whose address is proved.
func verifiedUp(t *testing.T, d *Directory, email string) Account {
	t.Helper()
	return verify(t, d, signedUp(t, d, email))
}

func verify(t *testing.T, d *Directory, a Account) Account {
	t.Helper()
	secret, _, err := d.VerifyLink(t.Context(), a)
	if err == nil {
		a, _, err = d.Verify(t.Context(), secret, a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// However many sign up with one address at once, and however often each tries, one has it and knows so, and all others are told.
func TestOfSignUpsWithOneAddressOneSucceeds(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		for turn := 0; turn < 2 || !resigned(4); turn++ {
			email := fmt.Sprintf("maria.%d@example.com", turn)
			var won sync.Map
			var acts []func()
			for n := range 6 {
				d := gateways[n%len(gateways)]
				asked := Account{Email: email, Name: "Maria", Hash: fmt.Sprintf("hash %d of %d", n, turn)}
				if n%2 == 1 {
					asked.Email = strings.ToUpper(email)
				}
				acts = append(acts, func() {
					switch a, err := sure(t, func() (Account, error) { return d.SignUp(t.Context(), asked) }); {
					case err == nil && a.Hash == asked.Hash && !a.Pending:
						won.Store(asked.Hash, a.ID)
					case !errors.Is(err, ErrTaken):
						t.Errorf("%+v, %v", a, err)
					}
				})
			}
			atOnce(acts...)
			a, err := sure(t, func() (Account, error) { return gateways[0].ByAddress(t.Context(), email) })
			if err != nil {
				t.Fatalf("nobody has the address: %v", err)
			}
			// Who had an answer that was lost finds the address taken by themselves: that is for their password to tell.
			won.Range(func(hash, id any) bool {
				if hash != a.Hash || id != a.ID {
					t.Errorf("%s was told to have the address, and %s has it", hash, a.Hash)
				}
				return true
			})
		}
	})
}

// mortal writes as often as it may, and then never again.
type mortal struct {
	jetstream.KeyValue
	left *atomic.Int64
}

var errDead = errors.New("the gateway has died")

func (m mortal) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	if m.left.Add(-1) < 0 {
		return 0, errDead
	}
	return m.KeyValue.Create(ctx, key, value, opts...)
}

func (m mortal) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	if m.left.Add(-1) < 0 {
		return 0, errDead
	}
	return m.KeyValue.Update(ctx, key, value, last)
}

func (m mortal) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	if m.left.Add(-1) < 0 {
		return errDead
	}
	return m.KeyValue.Purge(ctx, key, opts...)
}

// mortal is the directory at a gateway that dies behind so many writes.
func (d *Directory) mortal(writes int64) *Directory {
	left := new(atomic.Int64)
	left.Store(writes)
	dying := &Directory{log: d.log, now: d.now, installation: d.installation}
	dying.fill(map[string]jetstream.KeyValue{
		storelog.BucketAccounts: mortal{d.accounts.kv, left}, storelog.BucketTenants: mortal{d.tenants.kv, left},
		storelog.BucketTokens: mortal{d.tokens.kv, left}, storelog.BucketPasses: mortal{d.links.kv, left},
	})
	return dying
}

// dyingAt does an act at gateways that die behind none of its writes, behind one, and so on, until one gets through. after is told of each.
func dyingAt(t *testing.T, d *Directory, prepare func(n int64) (act func(*Directory) error, after func(died bool))) {
	t.Helper()
	for n := int64(0); ; n++ {
		act, after := prepare(n)
		err := act(d.mortal(n))
		if err != nil && !errors.Is(err, errDead) {
			t.Fatalf("behind %d writes: %v", n, err)
		}
		after(err != nil)
		if err == nil {
			if n == 0 {
				t.Error("nothing was written")
			}
			return
		}
	}
}

// Wherever a sign-up is broken off, whoever has the address has it behind another try, with that one's password, whether it is the same person or
// not.
func TestASignUpThatIsBrokenOffGoesOn(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	dyingAt(t, d, func(n int64) (func(*Directory) error, func(bool)) {
		email := fmt.Sprintf("maria.%d@example.com", n)
		return func(dying *Directory) error {
				_, err := dying.SignUp(t.Context(), Account{Email: email, Name: "Maria", Hash: "first"})
				return err
			}, func(died bool) {
				_, err := d.ByAddress(t.Context(), email)
				if died != errors.Is(err, ErrUnknown) {
					t.Errorf("behind %d writes: %v", n, err)
				}
				a, err := d.SignUp(t.Context(), Account{Email: email, Name: "Marie", Hash: "second"})
				if died != (err == nil) || !died && !errors.Is(err, ErrTaken) {
					t.Errorf("behind %d writes the second is told %v", n, err)
				}
				if is, err := d.ByAddress(t.Context(), email); err != nil || is.ID != a.ID || died != (is.Hash == "second") {
					t.Errorf("behind %d writes it is %+v, %v", n, is, err)
				}
			}
	})
}

// What nobody goes on with isn't kept, and what is through is.
func TestASignUpThatIsBrokenOffGoesByItself(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	stays, goes := newID(accountPrefix), newID(accountPrefix)
	for _, id := range []string{stays, goes} {
		if err := d.accounts.createFor(t.Context(), id, Account{ID: id, Pending: true}, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.accounts.change(t.Context(), stays, func(a *Account) (bool, error) { a.Pending = false; return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	waittest.Eventually(t, func() error {
		if _, err := d.accounts.read(t.Context(), goes); !errors.Is(err, ErrUnknown) {
			return fmt.Errorf("it is there still (%v)", err)
		}
		return nil
	})
	if _, err := d.Account(t.Context(), stays); err != nil {
		t.Errorf("the other one: %v", err)
	}
}

// Whatever the order in which a password is changed and a session made by the old one, that session is over.
func TestASessionOfTheOldPasswordIsOver(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		here, there := gateways[0], gateways[len(gateways)-1]
		a, err := sure(t, func() (Account, error) {
			return here.SignUp(t.Context(), Account{Email: "maria@example.com", Name: "Maria", Hash: "hash 0"})
		})
		if err != nil && !errors.Is(err, ErrTaken) {
			t.Fatal(err)
		}
		for turn := 1; turn < 6 || !resigned(4); turn++ {
			proved := a
			var session string
			atOnce(func() {
				// Silence leaves a session whose secret nobody knows.
				session, _ = there.NewSession(t.Context(), proved)
			}, func() {
				var err error
				a, err = sure(t, func() (Account, error) { return here.ChangePassword(t.Context(), proved, fmt.Sprint("hash ", turn)) })
				if err != nil {
					t.Error(err)
				}
			})
			if _, err := sure(t, func() (Account, error) { return there.BySession(t.Context(), session) }); !errors.Is(err, ErrUnknown) {
				t.Fatalf("a session of the old password: %v", err)
			}
			anew, err := sure(t, func() (string, error) { return here.NewSession(t.Context(), a) })
			if err == nil {
				_, err = sure(t, func() (Account, error) { return there.BySession(t.Context(), anew) })
			}
			if err != nil {
				t.Fatalf("a session of the new password: %v", err)
			}
		}
	})
}

func TestAnAccountKnowsItsNewestDevices(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	a := signedUp(t, d, "maria@example.com")
	for n := range maxDevices + 3 {
		var err error
		if a, err = d.Proven(t.Context(), a, []byte{byte(n)}, ""); err != nil {
			t.Fatal(err)
		}
	}
	for n := range maxDevices + 3 {
		if a.Knows([]byte{byte(n)}) != (n >= 3) {
			t.Errorf("device %d of %d: known is %t", n, maxDevices+3, n < 3)
		}
	}
	if a.Knows(nil) || len(a.Devices) != maxDevices {
		t.Errorf("%d are known", len(a.Devices))
	}
	if _, err := d.ChangePassword(t.Context(), a, "another"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Proven(t.Context(), a, []byte("late"), ""); !errors.Is(err, ErrUnknown) {
		t.Errorf("who has proved the old password: %v", err)
	}
}

func TestAccountsAreListedInPages(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	want := map[string]bool{}
	for n := range 5 {
		want[signedUp(t, d, fmt.Sprintf("%d@example.com", n)).ID] = true
	}
	pending := newID(accountPrefix)
	if err := d.accounts.create(t.Context(), pending, Account{ID: pending, Pending: true}); err != nil {
		t.Fatal(err)
	}
	after, pages := "", 0
	for more := true; more && pages < 10; pages++ {
		var page []Account
		var err error
		if page, more, err = d.Accounts(t.Context(), after, 2); err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			if !want[a.ID] || a.ID <= after {
				t.Errorf("%s behind %s", a.ID, after)
			}
			delete(want, a.ID)
			after = a.ID
		}
	}
	if len(want) > 0 || pages != 3 {
		t.Errorf("%d pages are without %v", pages, want)
	}
}
