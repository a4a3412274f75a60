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
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// clocked is the directory at another time.
func (d *Directory) clocked(now time.Time) *Directory {
	return &Directory{
		log: d.log, now: func() time.Time { return now }, installation: d.installation,
		accounts: d.accounts, tenants: d.tenants, tokens: d.tokens, invites: d.invites,
	}
}

func newToken(t *testing.T, d *Directory, account, tenant string) string {
	t.Helper()
	_, text, err := d.NewToken(t.Context(), Token{
		Name: "script", Account: account, Tenant: tenant, Role: principal.Member, Scopes: []principal.Scope{principal.ReadStores},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatIsNoTokenOpensNothing(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner, member := account(t, d), account(t, d)
	tenant := tenantOf(t, d, owner).ID
	joined(t, d, tenant, owner, member, principal.Viewer)
	text := newToken(t, d, owner, tenant)
	made, err := d.ByToken(t.Context(), text)
	if err != nil || made.Account != owner || made.Tenant != tenant || strings.Contains(string(made.Sum), text[len(text)-secretLength:]) {
		t.Fatalf("%+v, %v", made, err)
	}
	if life := made.Expires.Sub(made.Created); life != TokenLife {
		t.Errorf("it lives %s", life)
	}
	id, secret := made.ID, text[len(text)-secretLength:]
	second := newToken(t, d, owner, tenant)
	for name, text := range map[string]string{
		"nothing": "", "a prefix": "sp_", "its id": "sp_" + id + "_", "no secret": "sp_" + id, "its secret": "sp__" + secret, "no prefix": id + "_" + secret,
		"a longer one": text + "A", "a shorter one": text[:len(text)-1], "another case": strings.ToLower(text), "with a blank": text + " ",
		"another's secret": "sp_" + id + "_" + second[len(second)-secretLength:], "of nobody": "sp_" + strings.Repeat("a", 30) + "_" + secret,
		"a pattern": "sp_" + id[:20] + "*" + id[21:] + "_" + secret, "with a dot": "sp_" + id[:20] + "." + id[21:] + "_" + secret,
		"of another tenant": "sp_" + strings.Repeat("a", 10) + id[10:] + "_" + secret,
		"of another member": "sp_" + id[:10] + strings.TrimPrefix(member, accountPrefix) + id[20:] + "_" + secret,
		"an admin's key":    "key", "an invite": invitePrefix + id[:20] + "_" + secret,
	} {
		if _, err := d.ByToken(t.Context(), text); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.clocked(made.Expires.Add(-time.Second)).ByToken(t.Context(), text); err != nil {
		t.Errorf("before its end: %v", err)
	}
	if _, err := d.clocked(made.Expires).ByToken(t.Context(), text); !errors.Is(err, ErrUnknown) {
		t.Errorf("behind its end: %v", err)
	}
	for name, by := range map[string]By{"another member": {Account: member}, "a stranger": {Account: account(t, d)}, "nobody": {}} {
		if _, err := d.RevokeToken(t.Context(), by, id); !errors.Is(err, ErrUnknown) {
			t.Errorf("revoked by %s: %v", name, err)
		}
	}
	if revoked, err := d.RevokeToken(t.Context(), By{Account: owner}, id); err != nil || revoked.Name != "script" {
		t.Fatal(revoked, err)
	}
	if _, err := d.ByToken(t.Context(), text); !errors.Is(err, ErrUnknown) {
		t.Errorf("when it was revoked: %v", err)
	}
	if _, err := d.RevokeToken(t.Context(), By{Account: owner}, id); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoking it again: %v", err)
	}
	if _, err := d.ByToken(t.Context(), second); err != nil {
		t.Errorf("the other one: %v", err)
	}
	theirs := newToken(t, d, member, tenant)
	if revoked, err := d.RevokeToken(t.Context(), By{Account: owner}, theirs[3:33]); err != nil || revoked.Account != member {
		t.Errorf("a member's by the owner: %+v, %v", revoked, err)
	}
}

// A token is worth no more than its account is now, and ends with the membership: coming back doesn't bring it back.
func TestATokenIsWorthWhatItsAccountIs(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner, member := account(t, d), account(t, d)
	tenant := tenantOf(t, d, owner).ID
	joined(t, d, tenant, owner, member, principal.Member)
	text := newToken(t, d, member, tenant)
	token, err := d.ByToken(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	roleNow := func() principal.Role { return read(t, d, tenant).RoleBy(token) }
	if role := roleNow(); role != principal.Member {
		t.Errorf("a member's is %q", role)
	}
	for _, c := range []struct{ account, want principal.Role }{{principal.Viewer, principal.Viewer}, {principal.Owner, principal.Member}} {
		if _, err := d.ChangeMember(t.Context(), By{Account: owner}, tenant, member, c.account); err != nil {
			t.Fatal(err)
		}
		if role := roleNow(); role != c.want {
			t.Errorf("of who is %s now it is %q", c.account, role)
		}
	}
	if role := tenantOf(t, d, member).RoleBy(token); role != "" {
		t.Errorf("in another tenant it is %q", role)
	}
	made, _, err := d.NewToken(t.Context(), Token{Account: member, Tenant: tenant, Role: principal.Owner, Expires: time.Now().Add(time.Hour)})
	if err != nil || made.Role != principal.Owner {
		t.Errorf("%+v, %v", made, err)
	}
	if _, err := d.ChangeMember(t.Context(), By{Account: owner}, tenant, member, principal.Viewer); err != nil {
		t.Fatal(err)
	}
	if made, _, err = d.NewToken(t.Context(), Token{Account: member, Tenant: tenant, Role: principal.Owner}); err != nil || made.Role != principal.Viewer {
		t.Errorf("a viewer made %+v, %v", made, err)
	}
	was, err := d.tokens.read(t.Context(), tokensKey(tenant, member))
	if err != nil || len(was.Tokens) != 3 {
		t.Fatal(was, err)
	}
	if err := d.RemoveMember(t.Context(), By{Account: owner}, tenant, member); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ByToken(t.Context(), text); !errors.Is(err, ErrUnknown) {
		t.Errorf("a removed member's: %v", err)
	}
	if _, _, err := d.NewToken(t.Context(), Token{Account: member, Tenant: tenant, Role: principal.Viewer}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a removed member makes one: %v", err)
	}
	// Killed between the two, whoever removed the member leaves its tokens, which are worth nothing.
	if err := d.tokens.create(t.Context(), tokensKey(tenant, member), was); err != nil {
		t.Fatal(err)
	}
	if role := roleNow(); role != "" {
		t.Errorf("of who is no member it is %q", role)
	}
	joined(t, d, tenant, owner, member, principal.Member)
	if _, err := d.ByToken(t.Context(), text); !errors.Is(err, ErrUnknown) {
		t.Errorf("it is back with its account: %v", err)
	}
}

func TestAnAccountHasSoManyTokensAndNoMore(t *testing.T) {
	each(t, func(t *testing.T, gateways []*Directory, resigned func(int64) bool) {
		d := gateways[0]
		owner := account(t, d)
		tenant := tenantOf(t, d, owner).ID
		var made atomic.Int32
		var acts []func()
		for n := range 6 {
			acts = append(acts, func() {
				for range MaxTokens/6 + 3 {
					_, _, err := gateways[n%len(gateways)].NewToken(t.Context(), Token{Account: owner, Tenant: tenant, Role: principal.Viewer})
					if err == nil {
						made.Add(1)
					} else if !full(err) {
						t.Error(err)
					}
				}
			})
		}
		atOnce(acts...)
		if all, err := d.TokensOf(t.Context(), tenant); err != nil || len(all) != MaxTokens || made.Load() != MaxTokens {
			t.Errorf("%d were made, and there are %d, %v", made.Load(), len(all), err)
		}
		// What is over makes room.
		later := d.clocked(time.Now().Add(TokenLife + time.Minute))
		if _, _, err := later.NewToken(t.Context(), Token{Account: owner, Tenant: tenant, Role: principal.Viewer}); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLastUseIsNotedOnceAnHour(t *testing.T) {
	d := opened(t, bustest.Start(t))
	owner := account(t, d)
	tenant := tenantOf(t, d, owner).ID
	text := newToken(t, d, owner, tenant)
	used := func(now time.Time) Token {
		t.Helper()
		at := d.clocked(now)
		if _, err := at.ByToken(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		// Whoever notes it holds this.
		at.noting.Lock()
		defer at.noting.Unlock()
		tokens, err := d.Tokens(t.Context(), tenant, owner)
		if err != nil || len(tokens) != 1 {
			t.Fatal(tokens, err)
		}
		return tokens[0]
	}
	start := time.Now().UTC()
	for _, c := range []struct{ after, want time.Duration }{
		{0, 0}, {time.Minute, 0}, {usedEvery - time.Second, 0}, {usedEvery, usedEvery}, {usedEvery + time.Minute, usedEvery}, {3 * usedEvery, 3 * usedEvery},
	} {
		if got := used(start.Add(c.after)).LastUsed; !got.Equal(start.Add(c.want)) {
			t.Errorf("after %s it was used after %s, want %s", c.after, got.Sub(start), c.want)
		}
	}
	// Another gateway knows of no use yet, and finds that there was one.
	stale := d.clocked(start.Add(3*usedEvery + time.Minute))
	stale.noteUse(Token{ID: strings.Split(text, "_")[1]})
	stale.noting.Lock()
	defer stale.noting.Unlock()
	if tokens, err := d.Tokens(t.Context(), tenant, owner); err != nil || !tokens[0].LastUsed.Equal(start.Add(3*usedEvery)) {
		t.Errorf("noted by two gateways: %+v, %v", tokens, err)
	}
	// A token that goes meanwhile stays gone.
	token, err := d.ByToken(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.RevokeToken(t.Context(), By{Account: owner}, token.ID); err != nil {
		t.Fatal(err)
	}
	token.LastUsed = time.Time{}
	d.noteUse(token)
	waittest.Eventually(t, func() error {
		d.noting.Lock()
		defer d.noting.Unlock()
		if tokens, err := d.Tokens(t.Context(), tenant, owner); err != nil || len(tokens) != 0 {
			return fmt.Errorf("%+v, %v", tokens, err)
		}
		return nil
	})
}

// between has something happen right before a bucket is written for the first time, or a key of it purged.
type between struct {
	jetstream.KeyValue
	once *sync.Once
	act  func()
}

func (b between) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	b.once.Do(b.act)
	return b.KeyValue.Create(ctx, key, value, opts...)
}

func (b between) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	b.once.Do(b.act)
	return b.KeyValue.Purge(ctx, key, opts...)
}

// Of a token that is made while its tenant goes nothing is left, whichever comes first; nor of one whose account leaves.
func TestATokenThatComesTooLateIsNotLeft(t *testing.T) {
	t.Parallel()
	d := opened(t, bustest.Start(t))
	a, guest := account(t, d), account(t, d)
	makes := func(d *Directory, tenant string) error {
		_, _, err := d.NewToken(t.Context(), Token{Account: guest, Tenant: tenant, Role: principal.Viewer, Scopes: principal.TokenScopes})
		return err
	}
	late := func(act func()) *Directory {
		slow := d.clocked(time.Now())
		slow.tokens.kv = between{d.tokens.kv, new(sync.Once), act}
		return slow
	}
	for name, race := range map[string]func(tenant string) error{
		"the tenant goes first": func(tenant string) error {
			return makes(late(func() {
				if err := d.DeleteTenant(t.Context(), By{Account: a}, tenant, nil, book(t, d)); err != nil {
					t.Error(err)
				}
			}), tenant)
		},
		"the account leaves first": func(tenant string) error {
			return makes(late(func() {
				if err := d.RemoveMember(t.Context(), By{Account: guest}, tenant, guest); err != nil {
					t.Error(err)
				}
			}), tenant)
		},
		"the tenant goes behind it": func(tenant string) error {
			slow, err := d.clocked(time.Now()), error(nil)
			slow.tenants.kv = between{d.tenants.kv, new(sync.Once), func() { err = makes(d, tenant) }}
			if failed := slow.DeleteTenant(t.Context(), By{Account: a}, tenant, nil, book(t, d)); failed != nil || err != nil {
				t.Errorf("%v, %v", failed, err)
			}
			return ErrUnknown
		},
	} {
		tenant := tenantOf(t, d, a).ID
		joined(t, d, tenant, a, guest, principal.Viewer)
		if err := race(tenant); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: it was made: %v", name, err)
		}
		if left, err := d.TokensOf(t.Context(), tenant); err != nil || len(left) != 0 {
			t.Errorf("%s: left are %+v, %v", name, left, err)
		}
	}
}
