// Package oidctest runs an OpenID Connect provider for tests: zitadel's, which knows two people.
package oidctest

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
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client is what the provider knows a gateway by.
const Client = "stores"

// The one who signs in.
const (
	Subject = "id2"
	Email   = "test-user2@zitadel.ch"
)

// Provider serves until the test ends.
type Provider struct {
	*storage.Storage
	Issuer string
	// SecretFile holds the client's secret.
	SecretFile string
	// Away: it doesn't answer.
	Away atomic.Bool

	page    *url.URL
	groups  atomic.Pointer[[]string]
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

// Start runs one for the gateway that people find at page, and which calls it by name.
func Start(t *testing.T, page *url.URL, name string) *Provider {
	t.Helper()
	p := &Provider{page: page}
	var handler atomic.Pointer[http.Handler]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.Away.Load() {
			panic(http.ErrAbortHandler)
		}
		(*handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.Issuer = server.URL
	clients := map[string]*storage.Client{Client: storage.WebClient(Client, "hush", page.JoinPath("auth", "oidc", name, "callback").String())}
	p.Storage = storage.NewStorageWithClients(storage.NewUserStore(server.URL), clients)
	p.Rotate(t, "first")
	var served http.Handler = exampleop.SetupServer(server.URL, p, nil, false)
	handler.Store(&served)
	p.SecretFile = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(p.SecretFile, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// Rotate has the provider sign with another key from now on, and publish that one alone.
func (p *Provider) Rotate(t *testing.T, id string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.key.Store(&signing{id, key})
}

// Group puts everybody into these groups, and no others.
func (p *Provider) Group(groups ...string) { p.groups.Store(&groups) }

// SpeakOf has it tell of this one whoever it is asked about.
func (p *Provider) SpeakOf(another string) { p.another.Store(&another) }

// SigningKey is what it signs with.
func (p *Provider) SigningKey(context.Context) (op.SigningKey, error) { return p.key.Load(), nil }

// KeySet is what it publishes.
func (p *Provider) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{published{p.key.Load()}}, nil
}

// SetUserinfoFromToken is what the provider answers who asks it about somebody.
func (p *Provider) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := p.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	if groups := p.groups.Load(); groups != nil {
		info.AppendClaims("groups", *groups)
	}
	if another := p.another.Load(); another != nil {
		info.Subject = *another
	}
	return nil
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// SignIn is what a browser does that is sent to the provider. It answers where it is sent back to.
func (p *Provider) SignIn(t *testing.T, address string) *url.URL {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == p.page.Host {
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
	back, err := browser.PostForm(p.Issuer+"/login/username",
		url.Values{"id": {string(id[1])}, "username": {"test-user2"}, "password": {"verysecure"}})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Body.Close()
	to, err := back.Location()
	if err != nil || to.Host != p.page.Host {
		t.Fatalf("%s leads to %v, %v", back.Status, to, err)
	}
	return to
}
