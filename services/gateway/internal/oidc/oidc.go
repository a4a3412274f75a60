// Package oidc lets people sign in who are known elsewhere: by OpenID Connect providers, several at once, as a file describes them.
//
// A sign-in goes to the provider and comes back with a code, which is exchanged by the gateway itself. What begins it stays here: a
// state that comes back with the code, a nonce that the provider signs, and a verifier that the code alone is worth nothing without
// (PKCE). Whoever comes back is known by issuer and subject, and never by an e-mail address: a provider may give an address to
// somebody else, and two providers may say the same of two people.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var (
	// ErrUnknown: there is no provider of that name.
	ErrUnknown = errors.New("there is no such provider")
	// ErrUnreachable: the provider doesn't answer, or not as one does. It may in a moment.
	ErrUnreachable = errors.New("the provider can't be reached")
	// ErrRefused: what came back is none of what was begun, or is good for nothing any more. Who it happened to begins anew.
	ErrRefused = errors.New("the provider's answer isn't good")
)

// answers bounds each request to a provider, skew how far its clock may be ahead of or behind this one's.
const (
	answers = 10 * time.Second
	skew    = time.Minute
)

// Providers are those of an installation. Safe for concurrent use.
type Providers struct {
	page   *url.URL
	client *http.Client
	now    func() time.Time

	all   []Provider
	mu    sync.Mutex
	found map[string]*oidc.Provider
}

// New asks nobody anything yet: a provider that is away when the gateway starts is asked when somebody comes. page is where people
// find the gateway, and where providers send them back to.
func New(s Settings, page *url.URL, now func() time.Time) *Providers {
	return &Providers{page: page, client: &http.Client{Timeout: answers}, now: now, all: s.Providers, found: map[string]*oidc.Provider{}}
}

// Choice is a provider as people choose it.
type Choice struct {
	Name  string `json:"name" doc:"Names the provider, in addresses"`
	Title string `json:"title" doc:"What people call it"`
}

// Choices lists them in the order of the file.
func (p *Providers) Choices() []Choice {
	choices := []Choice{}
	for _, one := range p.all {
		title := one.Title
		if title == "" {
			title = one.Name
		}
		choices = append(choices, Choice{one.Name, title})
	}
	return choices
}

// Begun is what a sign-in is held against that comes back. It is kept where only the browser that began it can point to.
type Begun struct {
	Provider string `json:"provider"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// Begin answers where to send somebody. state comes back with the code.
func (p *Providers) Begin(ctx context.Context, name, state, nonce string) (address string, begun Begun, err error) {
	settings, provider, err := p.find(ctx, name)
	if err != nil {
		return "", Begun{}, err
	}
	begun = Begun{Provider: name, Nonce: nonce, Verifier: oauth2.GenerateVerifier()}
	flow, err := p.flow(settings, provider)
	if err != nil {
		return "", Begun{}, err
	}
	return flow.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(begun.Verifier)), begun, nil
}

// Identity is somebody as a provider knows them.
type Identity struct {
	Provider string
	// Issuer and Subject are who it is, for ever.
	Issuer, Subject string
	Email           string
	// EmailVerified: the provider vouches for the address.
	EmailVerified bool
	Name          string
	// Groups are those of the settings in which the provider says somebody is.
	Groups []Group
	// Token is what a provider asks for who signs out there.
	Token string
}

// Finish exchanges a code for who has come back.
func (p *Providers) Finish(ctx context.Context, begun Begun, code string) (Identity, error) {
	settings, provider, err := p.find(ctx, begun.Provider)
	if err != nil {
		return Identity{}, err
	}
	flow, err := p.flow(settings, provider)
	if err != nil {
		return Identity{}, err
	}
	token, err := flow.Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		return Identity{}, exchanged(err)
	}
	signed, said, err := p.read(ctx, settings, provider, begun, token)
	if err != nil {
		return Identity{}, err
	}
	if err := p.ask(ctx, provider, token, signed.Subject, said); err != nil {
		return Identity{}, err
	}
	who := Identity{Provider: settings.Name, Issuer: signed.Issuer, Subject: signed.Subject, Groups: settings.groupsOf(said[settings.groupsClaim()])}
	who.Token, _ = token.Extra("id_token").(string)
	who.Email, _ = said["email"].(string)
	who.EmailVerified, _ = said["email_verified"].(bool)
	who.Name, _ = said["name"].(string)
	return who, nil
}

// exchanged tells a provider that refuses a code from one that doesn't answer. Its body isn't told: the code may be in it.
func exchanged(err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case !errors.As(err, &refused):
		return fmt.Errorf("%w: exchange the code: %w", ErrUnreachable, err)
	case refused.Response.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%w: exchange the code: it answered %s", ErrUnreachable, refused.Response.Status)
	}
	return fmt.Errorf("%w: it doesn't take the code (%s)", ErrRefused, refused.ErrorCode)
}

// read is what the provider has signed of somebody.
func (p *Providers) read(ctx context.Context, settings Provider, provider *oidc.Provider, begun Begun, token *oauth2.Token) (*oidc.IDToken, map[string]any, error) {
	verifier := provider.VerifierContext(oidc.ClientContext(ctx, p.client), &oidc.Config{ClientID: settings.ClientID, Now: func() time.Time { return p.now().Add(-skew) }})
	raw, _ := token.Extra("id_token").(string)
	signed, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	switch ahead := signed.IssuedAt.Sub(p.now()); {
	case signed.Nonce != begun.Nonce || begun.Nonce == "":
		return nil, nil, fmt.Errorf("%w: it was made for another sign-in", ErrRefused)
	case signed.Subject == "":
		return nil, nil, fmt.Errorf("%w: it doesn't say of whom", ErrRefused)
	case ahead > skew:
		return nil, nil, fmt.Errorf("%w: it was made %s from now: one of the clocks is wrong", ErrRefused, ahead.Round(time.Second))
	}
	said := map[string]any{}
	if err := signed.Claims(&said); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return signed, said, nil
}

// ask adds what the provider only tells who asks: some sign little more than who it is.
func (p *Providers) ask(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, subject string, said map[string]any) error {
	if provider.UserInfoEndpoint() == "" {
		return nil
	}
	more, err := provider.UserInfo(oidc.ClientContext(ctx, p.client), oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("%w: ask about whom it was: %w", ErrUnreachable, err)
	}
	// Whoever can change that answer, and not what is signed, could put another in somebody's place (OpenID Connect Core, 5.3.2).
	if more.Subject != subject {
		return fmt.Errorf("%w: it speaks of another than it has signed", ErrRefused)
	}
	if err := more.Claims(&said); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

// groupsOf are those of the settings that a provider names.
func (p Provider) groupsOf(said any) []Group {
	listed, _ := said.([]any)
	in := map[string]bool{}
	for _, one := range listed {
		if name, is := one.(string); is {
			in[name] = true
		}
	}
	var groups []Group
	for _, g := range p.Groups {
		if in[g.Name] {
			groups = append(groups, g)
		}
	}
	return groups
}

// SignOut answers where somebody signs out at the provider too; empty where it has no such page. Behind it they come back to the
// gateway's page.
func (p *Providers) SignOut(ctx context.Context, name, token string) (string, error) {
	settings, provider, err := p.find(ctx, name)
	if err != nil {
		return "", err
	}
	var pages struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&pages); err != nil || pages.EndSession == "" {
		return "", nil
	}
	u, err := url.Parse(pages.EndSession)
	if err != nil {
		return "", nil
	}
	query := u.Query()
	query.Set("client_id", settings.ClientID)
	query.Set("id_token_hint", token)
	query.Set("post_logout_redirect_uri", p.page.String())
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// find asks a provider for its own description, once.
func (p *Providers) find(ctx context.Context, name string) (Provider, *oidc.Provider, error) {
	for _, settings := range p.all {
		if settings.Name != name {
			continue
		}
		p.mu.Lock()
		known := p.found[name]
		p.mu.Unlock()
		if known != nil {
			return settings, known, nil
		}
		// The provider goes on being asked for its keys behind this request, by the same client.
		found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), settings.Issuer)
		if err != nil {
			return Provider{}, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		p.mu.Lock()
		p.found[name] = found
		p.mu.Unlock()
		return settings, found, nil
	}
	return Provider{}, nil, ErrUnknown
}

func (p *Providers) flow(settings Provider, provider *oidc.Provider) (*oauth2.Config, error) {
	secret, err := settings.secret()
	if err != nil {
		return nil, err
	}
	return &oauth2.Config{
		ClientID: settings.ClientID, ClientSecret: secret, Endpoint: provider.Endpoint(),
		RedirectURL: p.page.JoinPath("auth", "oidc", settings.Name, "callback").String(),
		Scopes:      append([]string{oidc.ScopeOpenID}, settings.scopes()...),
	}, nil
}
