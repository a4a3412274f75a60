package accounts

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

// gateway is what one has of accounts: a directory, a count of guesses and a hasher of its own.
type gateway struct {
	*Accounts
	parts Parts
	box   *box
}

// box is where letters arrive.
type box struct {
	mu      sync.Mutex
	letters []mail.Letter
}

func (b *box) Send(l mail.Letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, l)
}

// newest is the link in the letter of a kind that came last, which must be one to the address.
func (b *box) newest(t *testing.T, to string, kind mail.Kind) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range slices.Backward(b.letters) {
		if l.Kind == kind {
			if l.To != to {
				t.Fatalf("the last letter of the kind is %+v, want one to %s", l, to)
			}
			return l.Secret
		}
	}
	t.Fatalf("there is no letter of kind %s", kind)
	return ""
}

// started is a gateway on a broker of its own, where everybody may sign up.
func started(t *testing.T) (*gateway, *nats.Conn) {
	t.Helper()
	nc, shape := bustest.Start(t), storelog.Settings{Replicas: 1, Accounts: true}
	bustest.Ensure(t, nc, shape)
	return opened(t, nc, shape), nc
}

// opened is a gateway on a broker where the buckets are made.
func opened(t *testing.T, nc *nats.Conn, shape storelog.Settings) *gateway {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	var p Parts
	if p.Directory, err = directory.Open(t.Context(), log, 1, time.Now); err != nil {
		t.Fatal(err)
	}
	if p.Guesses, err = guesses.Open(t.Context(), log, shape, time.Now); err != nil {
		t.Fatal(err)
	}
	if p.Audit, err = log.Audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	letters := &box{}
	g := &gateway{parts: p, box: letters}
	g.Accounts = New(func() (Parts, error) { return g.parts, nil }, password.NewHasher(), letters, nil, Settings{SignUp: Open})
	return g
}

const (
	secret  = "a long sentence"
	another = "another sentence"
)

var home = From{Address: netip.MustParseAddr("203.0.113.7")}

// away is a stranger's address.
func away(n int) From {
	return From{Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(n)})}
}

func (g *gateway) signUp(t *testing.T, email string) SignedIn {
	t.Helper()
	in, err := g.SignUp(t.Context(), NewAccount{Email: email, Name: "Maria", Password: secret}, home)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// verifiedUp signs up and follows the letter.
func (g *gateway) verifiedUp(t *testing.T, email string) SignedIn {
	t.Helper()
	in := g.signUp(t, email)
	var err error
	if in.Account, err = g.Follow(t.Context(), in.Account, g.box.newest(t, email, mail.VerifyEmail)); err != nil {
		t.Fatal(err)
	}
	return in
}

// audited is what the audit has of each kind.
func (g *gateway) audited(t *testing.T) map[storelog.What][]storelog.AuditEntry {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	found := map[storelog.What][]storelog.AuditEntry{}
	err := g.parts.Audit.Tail(ctx, 0, func(a storelog.Audited) error {
		if a.Err != nil || strings.Contains(string(a.Data), "@") {
			t.Errorf("%s, %v", a.Data, a.Err)
		}
		found[a.Entry.What] = append(found[a.Entry.What], a.Entry)
		if a.Pending == 0 {
			cancel()
		}
		return nil
	})
	if ctx.Err() == nil {
		t.Fatal(err)
	}
	return found
}
