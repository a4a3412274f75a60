package accounts

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// However many gateways somebody guesses at, no more passwords are compared than one would, and whoever has signed in from a device before
// does so again, with a count of their own.
func TestGuessesAtTenGatewaysAreThoseOfOne(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		shape := storelog.Settings{Replicas: b.Replicas(), Accounts: true}
		bustest.Ensure(t, b.Conns[0], shape)
		var gateways []*gateway
		for n := range 10 {
			gateways = append(gateways, opened(t, b.Conns[n%len(b.Conns)], shape))
		}
		in, err := gateways[0].SignUp(t.Context(), NewAccount{Email: "maria@example.com", Name: "Maria", Password: secret}, home)
		for storelog.Unanswered(err) {
			in, err = gateways[0].SignUp(t.Context(), NewAccount{Email: "maria@example.com", Name: "Maria", Password: secret}, home)
		}
		if err != nil {
			t.Fatal(err)
		}
		b.AwaitStepDown(t)
		before := make([]int64, len(gateways))
		for n, g := range gateways {
			before[n] = g.hasher.Made()
		}
		var all sync.WaitGroup
		for n, g := range gateways {
			all.Go(func() {
				for try := range 4 {
					_, err := g.SignIn(t.Context(), "Maria@Example.com", fmt.Sprintf("guess %d of %d", try, n), away(n))
					var guessed *GuessesError
					if !errors.Is(err, ErrRefused) && !errors.As(err, &guessed) && !storelog.Unanswered(err) && !errors.Is(err, storelog.ErrContended) && len(b.Conns) == 1 {
						t.Errorf("a guess: %v", err)
					}
				}
			})
		}
		all.Wait()
		var made int64
		for n, g := range gateways {
			made += g.hasher.Made() - before[n]
		}
		// One of the account's was its own sign-up's, should that have been repeated.
		if made > int64(perAccount.Guesses) || len(b.Conns) == 1 && made != int64(perAccount.Guesses) {
			t.Errorf("%d passwords were compared, and one gateway compares %d", made, perAccount.Guesses)
		}
		if len(b.Conns) > 1 {
			return // who knows the password isn't who makes the broker answer
		}
		var guessed *GuessesError
		if _, err := gateways[3].SignIn(t.Context(), "maria@example.com", secret, away(99)); !errors.As(err, &guessed) || guessed.After <= 0 {
			t.Errorf("from a strange device: %v", err)
		}
		device := From{Address: home.Address, Device: in.Device}
		again, err := gateways[4].SignIn(t.Context(), "maria@example.com", secret, device)
		if err != nil || again.Device != in.Device {
			t.Errorf("from the device that is known: %v", err)
		}
		// Whoever has got hold of it has its count, and no more.
		for try := range perAccount.Guesses {
			_, err = gateways[try].SignIn(t.Context(), "maria@example.com", "guess", device)
		}
		if !errors.As(err, &guessed) {
			t.Errorf("who guesses from the device: %v", err)
		}
		link, err := gateways[0].parts.Directory.ResetLink(t.Context(), again.Account)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gateways[5].Reset(t.Context(), link, another, home); err != nil {
			t.Errorf("by a link, from wherever: %v", err)
		}
	})
}

// One network guesses at many accounts.
func TestANetworkHasSoManyGuessesAtAll(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	for n := range perNetwork.Guesses {
		if _, _, err := g.parts.Guesses.Take(t.Context(), g.parts.fromKey(principal.Network(away(1).Address)), perNetwork); err != nil {
			t.Fatal(n, err)
		}
	}
	var guessed *GuessesError
	made := g.hasher.Made()
	if _, err := g.SignIn(t.Context(), "maria@example.com", secret, away(1)); !errors.As(err, &guessed) {
		t.Errorf("to sign in: %v", err)
	}
	if _, err := g.SignUp(t.Context(), NewAccount{Email: "maria@example.com", Name: "Maria", Password: secret}, away(1)); !errors.As(err, &guessed) {
		t.Errorf("to sign up: %v", err)
	}
	if err := g.AskReset(t.Context(), "maria@example.com", away(1)); !errors.As(err, &guessed) {
		t.Errorf("to ask for a link: %v", err)
	}
	if _, err := g.Reset(t.Context(), "link", another, away(1)); !errors.As(err, &guessed) {
		t.Errorf("to follow one: %v", err)
	}
	if g.hasher.Made() != made {
		t.Errorf("%d passwords were compared", g.hasher.Made()-made)
	}
	if _, err := g.SignIn(t.Context(), "maria@example.com", secret, away(2)); !errors.Is(err, ErrRefused) {
		t.Errorf("from elsewhere: %v", err)
	}
}

// Whoever guesses from an office's address keeps nobody out of the office's own devices, and nobody from others.
func TestADeviceThatIsKnownIsNotItsNetwork(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	in := g.signUp(t, "maria@example.com")
	for range perNetwork.Guesses {
		if _, _, err := g.parts.Guesses.Take(t.Context(), g.parts.fromKey(principal.Network(home.Address)), perNetwork); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.SignIn(t.Context(), "maria@example.com", secret, From{Address: home.Address, Device: in.Device}); err != nil {
		t.Errorf("from a device that is known: %v", err)
	}
	var guessed *GuessesError
	for _, device := range []string{"", "another"} {
		if _, err := g.SignIn(t.Context(), "maria@example.com", secret, From{Address: home.Address, Device: device}); !errors.As(err, &guessed) {
			t.Errorf("from the device %q: %v", device, err)
		}
	}
	// It is known of one account, and no key to others'.
	if _, err := g.SignIn(t.Context(), "piet@example.com", secret, From{Address: home.Address, Device: in.Device}); !errors.As(err, &guessed) {
		t.Errorf("at another account: %v", err)
	}
}

// Who has a /48 has 65,536 networks to guess from.
func TestASiteHasSoManyGuessesAtAll(t *testing.T) {
	t.Parallel()
	g, nc := started(t)
	// Nothing comes back while the test counts to a thousand.
	now := time.Now()
	log, err := storelog.Open(t.Context(), nc)
	if err == nil {
		g.parts.Guesses, err = guesses.Open(t.Context(), log, storelog.Settings{Replicas: 1, Accounts: true}, func() time.Time { return now })
	}
	if err != nil {
		t.Fatal(err)
	}
	at := func(address string) From { return From{Address: netip.MustParseAddr(address)} }
	for range perSite.Guesses {
		if _, _, err := g.parts.Guesses.Take(t.Context(), g.parts.fromKey(principal.Site(at("2001:db8:1::1").Address)), perSite); err != nil {
			t.Fatal(err)
		}
	}
	var guessed *GuessesError
	if _, err := g.SignIn(t.Context(), "maria@example.com", secret, at("2001:db8:1:ffff::1")); !errors.As(err, &guessed) {
		t.Errorf("from a fresh network: %v", err)
	}
	for _, elsewhere := range []string{"2001:db8:2::1", "203.0.113.7"} {
		if _, err := g.SignIn(t.Context(), "maria@example.com", secret, at(elsewhere)); !errors.Is(err, ErrRefused) {
			t.Errorf("from %s: %v", elsewhere, err)
		}
	}
}

// asked is what a gateway asks of the broker while it does something, in order.
func asked(t *testing.T, nc *nats.Conn, act func()) []string {
	t.Helper()
	sub := bustest.Listen(t, nc, ">")
	act()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	arrived, _, err := sub.Pending()
	if err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for range arrived {
		msg, err := sub.NextMsg(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		what, _, _ := strings.Cut(strings.TrimPrefix(msg.Subject, "$JS.API."), "._INBOX")
		switch {
		case strings.HasPrefix(msg.Subject, "_INBOX."), strings.HasPrefix(msg.Subject, "$JS.EVENT"):
			continue
		case strings.HasPrefix(what, "$KV."), strings.HasPrefix(what, "audit."):
			what = strings.Join(strings.Split(what, ".")[:2], ".")
		}
		subjects = append(subjects, what)
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	return subjects
}

// Whether anybody has an address isn't told by what it costs: as many questions, writes and hashes, of the same kinds in the same order.
func TestAnUnknownAddressCostsWhatAKnownOneDoes(t *testing.T) {
	t.Parallel()
	g, nc := started(t)
	g.signUp(t, "maria@example.com")
	for name, act := range map[string]func(email string) error{
		"a wrong password": func(email string) error {
			_, err := g.SignIn(t.Context(), email, another, home)
			if errors.Is(err, ErrRefused) {
				return nil
			}
			return err
		},
		"a link asked for": func(email string) error { return g.AskReset(t.Context(), email, home) },
	} {
		cost := func(email string) (subjects []string, hashes int64) {
			hashes = -g.hasher.Made()
			subjects = asked(t, nc, func() {
				if err := act(email); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			return subjects, hashes + g.hasher.Made()
		}
		known, knownHashes := cost("maria@example.com")
		unknown, unknownHashes := cost("nobody@example.com")
		if !slices.Equal(known, unknown) || knownHashes != unknownHashes || len(known) == 0 {
			t.Errorf("%s costs %d hashes and %v, of an unknown address %d and %v", name, knownHashes, known, unknownHashes, unknown)
		}
	}
	if got := len(g.box.letters); got != 2 {
		t.Errorf("%d letters have come: %+v", got, g.box.letters)
	}
	g.box.newest(t, "maria@example.com", mail.ResetPassword)
}

// Letters that prove an address are counted for the one that they go to: who asks for a stranger's over and over would fill that box, and then
// have none left for their own.
func TestLettersToAnAddressThatIsAskedForAreItsOwn(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	maria := g.signUp(t, "maria@example.com").Account
	wish, current := "stranger@example.com", secret
	before := len(g.box.letters)
	var limited *GuessesError
	for n := range perReader.Guesses + 1 {
		in, err := g.Change(t.Context(), maria, Change{Email: &wish, Current: &current}, home)
		if n < perReader.Guesses && err != nil || n == perReader.Guesses && !errors.As(err, &limited) {
			t.Fatalf("the %dth time: %v", n+1, err)
		}
		if err == nil {
			maria = in.Account
		}
	}
	if err := g.AskVerification(t.Context(), maria); !errors.As(err, &limited) {
		t.Errorf("another letter to the stranger: %v", err)
	}
	if sent := len(g.box.letters) - before; sent != perReader.Guesses {
		t.Errorf("%d letters have come", sent)
	}
	own := maria.Email
	if in, err := g.Change(t.Context(), maria, Change{Email: &own, Current: &current}, home); err != nil {
		t.Error(err)
	} else if err := g.AskVerification(t.Context(), in.Account); err != nil {
		t.Errorf("to the own address nothing has gone but the first letter: %v", err)
	}
}

// Whoever may invite could have our letters fill a stranger's box.
func TestLettersToWhoIsInvitedAreCounted(t *testing.T) {
	t.Parallel()
	g, _ := started(t)
	// However it is written, it is one box.
	for n, to := range []string{"maria@example.com", "Maria@example.com", "MARIA@example.com", "maria@Example.com", "maria@EXAMPLE.com", "maria@example.com"} {
		if sent := g.SendInvite(t.Context(), to, "Amber", "si_text"); sent != (n < perReader.Guesses) {
			t.Errorf("letter %d to %s is sent: %v", n+1, to, sent)
		}
	}
	if !g.SendInvite(t.Context(), "piet@example.com", "Amber", "si_text") {
		t.Error("another isn't written to")
	}
	if len(g.box.letters) != perReader.Guesses+1 {
		t.Errorf("%d letters have come", len(g.box.letters))
	}
}
