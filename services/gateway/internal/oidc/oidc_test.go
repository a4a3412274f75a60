package oidc

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/oidc/oidctest"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

type bundle struct {
	known     *oidctest.Provider
	providers *Providers
	settings  Provider
	page      *url.URL
	// clock is how far the gateway's is ahead.
	clock atomic.Int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{page: &url.URL{Scheme: "https", Host: "stores.example", Path: "/"}}
	b.known = oidctest.Start(t, b.page, "house")
	b.settings = Provider{
		Name: "house", Issuer: b.known.Issuer, ClientID: oidctest.Client, ClientSecretFile: b.known.SecretFile,
		Groups: []Group{{Name: "staff", Tenant: "t-abc", Role: principal.Member}, {Name: "platform", Operator: true}},
	}
	if wrong := b.settings.check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	b.providers = New(Settings{Providers: []Provider{b.settings}}, b.page, func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) })
	return b
}

func (b *bundle) begin(t *testing.T) (code string, begun Begun) {
	t.Helper()
	address, begun, err := b.providers.Begin(t.Context(), "house", "the state", "the nonce")
	if err != nil {
		t.Fatal(err)
	}
	back := b.known.SignIn(t, address)
	if state := back.Query().Get("state"); state != "the state" || back.Path != "/auth/oidc/house/callback" {
		t.Fatalf("it came back to %s", back)
	}
	return back.Query().Get("code"), begun
}

func TestSomebodyKnownElsewhereSignsIn(t *testing.T) {
	b := setup(t)
	b.known.Group("staff", "canteen")
	code, begun := b.begin(t)
	who, err := b.providers.Finish(t.Context(), begun, code)
	if err != nil {
		t.Fatal(err)
	}
	if who.Issuer != b.settings.Issuer || who.Subject != "id2" || who.Email != "test-user2@zitadel.ch" || !who.EmailVerified ||
		len(who.Groups) != 1 || who.Groups[0].Tenant != "t-abc" || who.Groups[0].Role != principal.Member {
		t.Errorf("%+v", who)
	}
	// A group that is lost at the provider is lost here the next time.
	b.known.Group("canteen")
	code, begun = b.begin(t)
	if who, err = b.providers.Finish(t.Context(), begun, code); err != nil || len(who.Groups) != 0 {
		t.Errorf("%+v, %v", who.Groups, err)
	}
	to, err := b.providers.SignOut(t.Context(), "house", who.Token)
	if err != nil || !strings.HasPrefix(to, b.settings.Issuer) || !strings.Contains(to, "id_token_hint=") {
		t.Errorf("signs out at %s, %v", to, err)
	}
}

func TestWhatComesBackIsHeldAgainstWhatWasBegun(t *testing.T) {
	b := setup(t)
	for name, c := range map[string]struct {
		spoil func(*Begun, *string)
		clock time.Duration
		want  error
	}{
		"as it was begun":       {func(*Begun, *string) {}, 0, nil},
		"another nonce":         {func(begun *Begun, _ *string) { begun.Nonce = "another" }, 0, ErrRefused},
		"no nonce":              {func(begun *Begun, _ *string) { begun.Nonce = "" }, 0, ErrRefused},
		"another's verifier":    {func(begun *Begun, _ *string) { begun.Verifier = strings.Repeat("x", 43) }, 0, ErrRefused},
		"another code":          {func(_ *Begun, code *string) { *code = "another" }, 0, ErrRefused},
		"no such provider":      {func(begun *Begun, _ *string) { begun.Provider = "street" }, 0, ErrUnknown},
		"a clock a bit ahead":   {func(*Begun, *string) {}, skew / 2, nil},
		"a clock a bit behind":  {func(*Begun, *string) {}, -skew / 2, nil},
		"a clock a day ahead":   {func(*Begun, *string) {}, 24 * time.Hour, ErrRefused},
		"a clock an hour early": {func(*Begun, *string) {}, -time.Hour, ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			b.clock.Store(0)
			code, begun := b.begin(t)
			b.clock.Store(int64(c.clock))
			c.spoil(&begun, &code)
			who, err := b.providers.Finish(t.Context(), begun, code)
			if !errors.Is(err, c.want) || (err == nil) != (who.Subject != "") {
				t.Errorf("%+v, %v, want %v", who, err, c.want)
			}
		})
	}
}

func TestAnAnswerAboutAnotherIsRefused(t *testing.T) {
	b := setup(t)
	b.known.SpeakOf("id1")
	code, begun := b.begin(t)
	if who, err := b.providers.Finish(t.Context(), begun, code); !errors.Is(err, ErrRefused) {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestACodeIsGoodOnce(t *testing.T) {
	b := setup(t)
	code, begun := b.begin(t)
	if _, err := b.providers.Finish(t.Context(), begun, code); err != nil {
		t.Fatal(err)
	}
	if _, err := b.providers.Finish(t.Context(), begun, code); !errors.Is(err, ErrRefused) {
		t.Errorf("the second time: %v", err)
	}
}

func TestAProviderMayRotateItsKey(t *testing.T) {
	b := setup(t)
	for _, id := range []string{"second", "third"} {
		code, begun := b.begin(t)
		if _, err := b.providers.Finish(t.Context(), begun, code); err != nil {
			t.Fatalf("before %s: %v", id, err)
		}
		b.known.Rotate(t, id)
	}
	code, begun := b.begin(t)
	if _, err := b.providers.Finish(t.Context(), begun, code); err != nil {
		t.Errorf("behind it: %v", err)
	}
}

// A provider that is away when the gateway starts is there later.
func TestAProviderThatIsAwayIsAskedAgain(t *testing.T) {
	b := setup(t)
	b.known.Away.Store(true)
	if _, _, err := b.providers.Begin(t.Context(), "house", "s", "n"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("away: %v", err)
	}
	b.known.Away.Store(false)
	code, begun := b.begin(t)
	b.known.Away.Store(true)
	if _, err := b.providers.Finish(t.Context(), begun, code); !errors.Is(err, ErrUnreachable) {
		t.Errorf("away again: %v", err)
	}
	b.known.Away.Store(false)
	if _, err := b.providers.Finish(t.Context(), begun, code); err != nil {
		t.Errorf("and back: %v", err)
	}
}

func TestAWrongSettingIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"none":              {"providers: []", "providers"},
		"a misspelt field":  {"providers: [{name: a, isuer: https://a.example}]", "isuer"},
		"a name with space": {"providers: [{name: a b, issuer: https://a.example, clientID: x}]", "name"},
		"in clear":          {"providers: [{name: a, issuer: http://a.example, clientID: x}]", "issuer"},
		"no client":         {"providers: [{name: a, issuer: https://a.example}]", "clientID"},
		"no such file":      {"providers: [{name: a, issuer: https://a.example, clientID: x, clientSecretFile: /nowhere}]", "clientSecretFile"},
		"two of a name":     {"providers: [{name: a, issuer: https://a.example, clientID: x}, {name: a, issuer: https://a.example, clientID: x}]", "two of the name"},
		"a group's role":    {"providers: [{name: a, issuer: https://a.example, clientID: x, groups: [{name: g, tenant: t, role: king}]}]", "groups[0]"},
		"a group of both":   {"providers: [{name: a, issuer: https://a.example, clientID: x, groups: [{name: g, tenant: t, role: owner, operator: true}]}]", "groups[0]"},
	} {
		path := filepath.Join(t.TempDir(), "oidc.yaml")
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %s", name, err, c.want)
		}
	}
}
