package accounts

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Letters go where their links prove something, and nowhere else.
func TestLettersGoToTheAddressThatTheyProve(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	maria := g.verifiedUp(t, "Maria@example.com").Account
	stranger := g.signUp(t, "stranger@example.com").Account
	theirs := g.box.newest(t, "stranger@example.com", mail.VerifyEmail)
	if _, err := g.Follow(t.Context(), maria, theirs); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("a letter to somebody else: %v", err)
	}
	if err := g.AskVerification(t.Context(), maria); err != nil {
		t.Fatal(err)
	}
	g.box.newest(t, "stranger@example.com", mail.VerifyEmail) // who is verified is sent nothing
	if err := g.AskReset(t.Context(), "MARIA@example.com", home); err != nil {
		t.Fatal(err)
	}
	g.box.newest(t, "Maria@example.com", mail.ResetPassword)

	current, wish := secret, "magdalena@example.com"
	changed, err := g.Change(t.Context(), maria, Change{Email: &wish, Current: &current}, home)
	if err != nil || changed.Account.NewEmail != wish || changed.Session != "" {
		t.Fatalf("%+v, %v", changed, err)
	}
	first := g.box.newest(t, wish, mail.VerifyEmail)
	// Taken back: the letter that has gone out is good for nothing, and one that is asked for goes nowhere.
	own := "Maria@example.com"
	if changed, err = g.Change(t.Context(), changed.Account, Change{Email: &own, Current: &current}, home); err != nil || changed.Account.NewEmail != "" {
		t.Fatalf("%+v, %v", changed, err)
	}
	if _, err := g.Follow(t.Context(), changed.Account, first); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("the wish that was taken back: %v", err)
	}
	if changed, err = g.Change(t.Context(), changed.Account, Change{Email: &wish, Current: &current}, home); err != nil {
		t.Fatal(err)
	}
	is, err := g.Follow(t.Context(), changed.Account, g.box.newest(t, wish, mail.VerifyEmail))
	if err != nil || is.Email != wish || !is.Verified {
		t.Errorf("%+v, %v", is, err)
	}
	// An address that somebody has isn't told to be had, before its mail is read.
	taken := "stranger@example.com"
	if changed, err = g.Change(t.Context(), is, Change{Email: &taken, Current: &current}, home); err != nil {
		t.Fatal(err)
	}
	if _, err = g.Follow(t.Context(), changed.Account, g.box.newest(t, taken, mail.VerifyEmail)); !errors.Is(err, directory.ErrTaken) {
		t.Errorf("an address that is another's: %v", err)
	}
	if is, err := g.parts.Directory.ByAddress(t.Context(), taken); err != nil || is.ID != stranger.ID {
		t.Errorf("it is %+v's, %v", is, err)
	}
	for range perReader.Guesses {
		err = g.AskVerification(t.Context(), stranger)
	}
	if err == nil {
		err = g.AskVerification(t.Context(), stranger)
	}
	var guessed *GuessesError
	if !errors.As(err, &guessed) {
		t.Errorf("letter upon letter: %v", err)
	}
}

// A hash of other parameters than today's is replaced by whoever shows that they know its password, and by nobody else.
func TestAHashOfTheOldKindIsReplaced(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	in := g.signUp(t, "maria@example.com")
	old, err := argon2id.CreateHash(secret, &argon2id.Params{Memory: 8 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err == nil {
		_, err = g.parts.Directory.ChangePassword(t.Context(), in.Account, old)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.SignIn(t.Context(), "maria@example.com", another, home); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	if is, err := g.parts.Directory.ByAddress(t.Context(), "maria@example.com"); err != nil || is.Hash != old {
		t.Errorf("behind a wrong one it is %+v, %v", is, err)
	}
	for range 2 {
		if in, err = g.SignIn(t.Context(), "maria@example.com", secret, home); err != nil {
			t.Fatal(err)
		}
		if in.Account.Hash == old || !strings.Contains(in.Account.Hash, "m=19456,t=2,p=1") {
			t.Errorf("it is %s", in.Account.Hash)
		}
	}
	if is, err := g.BySession(t.Context(), in.Session); err != nil || is.Hash != in.Account.Hash {
		t.Errorf("%+v, %v", is, err)
	}
}

// Who has an account signs up again and is signed in; who hasn't is told that it is taken, and changes nothing about it.
func TestSigningUpAgainIsForWhoKnowsThePassword(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	first := g.signUp(t, "maria@example.com")
	again := g.signUp(t, "MARIA@example.com")
	if again.Account.ID != first.Account.ID || again.Account.Hash != first.Account.Hash {
		t.Errorf("%+v", again.Account)
	}
	_, err := g.SignUp(t.Context(), NewAccount{Email: "maria@example.com", Name: "Mallory", Password: another}, home)
	if !errors.Is(err, directory.ErrTaken) {
		t.Errorf("who doesn't know it: %v", err)
	}
	if is, err := g.parts.Directory.Account(t.Context(), first.Account.ID); err != nil || is.Name != "Maria" || is.Hash != first.Account.Hash {
		t.Errorf("%+v, %v", is, err)
	}
	entries := g.audited(t)
	if len(entries[storelog.SignedUp]) != 1 || len(entries[storelog.SignedIn]) != 2 || len(entries[storelog.SignInRefused]) != 1 {
		t.Errorf("the audit has %+v", entries)
	}
}

func TestWhatIsAnAddress(t *testing.T) {
	for text, want := range map[string]string{
		"maria@example.com": "maria@example.com", "  Maria.Rossi+shop@Example.COM ": "Maria.Rossi+shop@Example.COM", "mari\u0301a@ejemplo.es": "mar\u00eda@ejemplo.es",
		"root@localhost": "root@localhost",
		"":               "", "maria": "", "@example.com": "", "maria@": "", "maria@example": "", "a@b@example.com": "", "Maria <maria@example.com>": "", `"maria"@example.com`: "",
		"maria@[127.0.0.1]": "", "maria@example.com, other@example.com": "", "maria@exa mple.com": "", "maria\u202e@example.com": "", "maria@example.com\nBcc: x@y.zz": "",
		strings.Repeat("a", 65) + "@example.com": "", "a@" + strings.Repeat("b.", 126) + "com": "",
	} {
		if got, err := Email(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// Where it takes an invite, or an operator's link, to have an account, one of them is one account, however many sign up by it at once.
func TestAnInviteMakesOneAccount(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	owner := g.verifiedUp(t, "owner@example.com").Account
	tenant, err := g.parts.Directory.NewTenant(t.Context(), owner.ID, "Amber")
	if err != nil {
		t.Fatal(err)
	}
	_, invite, err := g.parts.Directory.NewInvite(t.Context(), directory.By{Account: owner.ID}, tenant.ID, principal.Viewer, "")
	if err != nil {
		t.Fatal(err)
	}
	link, err := g.parts.Directory.OperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, by := range []struct {
		takes SignUp
		text  string
	}{{ByInvite, invite}, {Off, link}} {
		g.settings.SignUp = by.takes
		if in := g.signUpAtOnce(t, by.text, i); in != 1 {
			t.Errorf("%d have signed up by one %s", in, by.text[:3])
		}
		if people, _, err := g.List(t.Context(), "", 100); err != nil || len(people) != 2+i {
			t.Errorf("there are %d accounts, %v", len(people), err)
		}
	}
}

// signUpAtOnce has four people sign up by the same, and says how many have: the others are told that it is good for nothing.
func (g *gateway) signUpAtOnce(t *testing.T, text string, round int) int64 {
	var all sync.WaitGroup
	var in atomic.Int64
	for n := range 4 {
		all.Go(func() {
			email := fmt.Sprintf("%d.%d@example.com", n, round)
			_, err := g.SignUp(t.Context(), NewAccount{Email: email, Name: "Guest", Password: secret, Invite: text}, away(n))
			var field *engine.FieldError
			switch {
			case err == nil:
				in.Add(1)
			case !errors.As(err, &field) || field.Field != "invite":
				t.Errorf("sign-up %d: %v", n, err)
			}
		})
	}
	all.Wait()
	return in.Load()
}

// An account that should be taken back and stays is worse than an invite that is good for nothing: who signs up is told of the platform's
// fault, and not of their own.
func TestWhoseAccountCannotBeTakenBackIsToldThat(t *testing.T) {
	t.Parallel()
	g, nc := started(t)
	owner := g.verifiedUp(t, "owner@example.com").Account
	tenant, err := g.parts.Directory.NewTenant(t.Context(), owner.ID, "Amber")
	if err != nil {
		t.Fatal(err)
	}
	invite, text, err := g.parts.Directory.NewInvite(t.Context(), directory.By{Account: owner.ID}, tenant.ID, principal.Viewer, "")
	if err != nil {
		t.Fatal(err)
	}
	gate := bustest.NewGate(t, nc.ConnectedUrl())
	behind, err := nats.Connect("nats://" + gate.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(behind.Close)
	late := opened(t, behind, storelog.Settings{Replicas: 1, Accounts: true})
	late.settings.SignUp = ByInvite
	made := gate.ShutBefore(func(subject string) bool { return strings.HasPrefix(subject, "audit."+string(storelog.SignedUp)) })
	answered := make(chan error, 1)
	go func() {
		_, err := late.SignUp(t.Context(), NewAccount{Email: "guest@example.com", Name: "Guest", Password: secret, Invite: text}, away(1))
		answered <- err
	}()
	<-made
	if err := g.parts.Directory.WithdrawInvite(t.Context(), directory.By{Account: owner.ID}, tenant.ID, invite.ID); err != nil {
		t.Fatal(err)
	}
	guest, err := g.parts.Directory.ByAddress(t.Context(), "guest@example.com")
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, nc, "account."+guest.ID)
	gate.Open()
	var field *engine.FieldError
	if err := <-answered; err == nil || errors.As(err, &field) || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("the sign-up ended with %v", err)
	}
}

// spoil writes what nobody can read in the place of an account.
func spoil(t *testing.T, nc *nats.Conn, key string) {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := log.Bucket(t.Context(), storelog.BucketAccounts)
	if err == nil {
		_, err = bucket.Put(t.Context(), key, []byte("{"))
	}
	if err != nil {
		t.Fatal(err)
	}
}
