package oidc

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

const client = "stores"

// known is a provider that knows two people.
type known struct {
	*storage.Storage
	// groups are those of everybody.
	groups atomic.Pointer[[]string]
	// another is of whom it speaks instead of who was asked about.
	another atomic.Pointer[string]
	key     atomic.Pointer[signing]
}

type signing struct {
	id  string
	key *rsa.PrivateKey
}

func (s *signing) ID() string                                  { return s.id }
func (s *signing) Key() any                                    { return s.key }
func (s *signing) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

type published struct{ *signing }

func (p published) Key() any                           { return &p.key.PublicKey }
func (p published) Use() string                        { return "sig" }
func (p published) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

// rotate has the provider sign with another key from now on, and publish that one alone.
func (k *known) rotate(t *testing.T, id string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k.key.Store(&signing{id, key})
}

func (k *known) SigningKey(context.Context) (op.SigningKey, error) { return k.key.Load(), nil }
func (k *known) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{published{k.key.Load()}}, nil
}

// SetUserinfoFromToken is what the provider answers who asks it about somebody.
func (k *known) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := k.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	if groups := k.groups.Load(); groups != nil {
		info.AppendClaims("groups", *groups)
	}
	if another := k.another.Load(); another != nil {
		info.Subject = *another
	}
	return nil
}

type bundle struct {
	known     *known
	providers *Providers
	settings  Provider
	page      *url.URL
	// clock is how far the gateway's is ahead.
	clock atomic.Int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{page: &url.URL{Scheme: "https", Host: "stores.example", Path: "/"}}
	var handler atomic.Pointer[http.Handler]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	clients := map[string]*storage.Client{client: storage.WebClient(client, "hush", b.page.JoinPath("auth/oidc/house/callback").String())}
	b.known = &known{Storage: storage.NewStorageWithClients(storage.NewUserStore(server.URL), clients)}
	b.known.rotate(t, "first")
	var served http.Handler = exampleop.SetupServer(server.URL, b.known, nil, false)
	handler.Store(&served)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.settings = Provider{
		Name: "house", Issuer: server.URL, ClientID: client, ClientSecretFile: secret,
		Groups: []Group{{Name: "staff", Tenant: "t-abc", Role: principal.Member}, {Name: "platform", Operator: true}},
	}
	if wrong := b.settings.check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	b.providers = New(Settings{Providers: []Provider{b.settings}}, b.page, func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) })
	return b
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn is what a browser does between Begin and the callback. It answers what came back.
func (b *bundle) signIn(t *testing.T, address string) (code, state string) {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == b.page.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	form, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(form.Body)
	if err := errors.Join(err, form.Body.Close()); err != nil {
		t.Fatal(err)
	}
	id := requestID.FindSubmatch(page)
	if id == nil {
		t.Fatalf("no form to sign in by: %s %s", form.Status, page)
	}
	back, err := browser.PostForm(form.Request.URL.Scheme+"://"+form.Request.URL.Host+"/login/username",
		url.Values{"id": {string(id[1])}, "username": {"test-user2"}, "password": {"verysecure"}})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Body.Close()
	to, err := back.Location()
	if err != nil || to.Host != b.page.Host || to.Path != "/auth/oidc/house/callback" {
		t.Fatalf("%s leads to %v, %v", back.Status, to, err)
	}
	return to.Query().Get("code"), to.Query().Get("state")
}

func (b *bundle) begin(t *testing.T) (code string, begun Begun) {
	t.Helper()
	address, begun, err := b.providers.Begin(t.Context(), "house", "the state", "the nonce")
	if err != nil {
		t.Fatal(err)
	}
	code, state := b.signIn(t, address)
	if state != "the state" {
		t.Fatalf("it came back with state %q", state)
	}
	return code, begun
}

func TestSomebodyKnownElsewhereSignsIn(t *testing.T) {
	b := setup(t)
	b.known.groups.Store(&[]string{"staff", "canteen"})
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
	b.known.groups.Store(&[]string{"canteen"})
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
	another := "id1"
	b.known.another.Store(&another)
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
		b.known.rotate(t, id)
	}
	code, begun := b.begin(t)
	if _, err := b.providers.Finish(t.Context(), begun, code); err != nil {
		t.Errorf("behind it: %v", err)
	}
}

// A provider that is away when the gateway starts is there later.
func TestAProviderThatIsAwayIsAskedAgain(t *testing.T) {
	b := setup(t)
	var away atomic.Bool
	away.Store(true)
	b.providers.client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
		if away.Load() {
			return nil, io.ErrUnexpectedEOF
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	if _, _, err := b.providers.Begin(t.Context(), "house", "s", "n"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("away: %v", err)
	}
	away.Store(false)
	code, begun := b.begin(t)
	away.Store(true)
	if _, err := b.providers.Finish(t.Context(), begun, code); !errors.Is(err, ErrUnreachable) {
		t.Errorf("away again: %v", err)
	}
	away.Store(false)
	if _, err := b.providers.Finish(t.Context(), begun, code); err != nil {
		t.Errorf("and back: %v", err)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

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
