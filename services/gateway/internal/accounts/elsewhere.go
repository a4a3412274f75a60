package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
)

// ErrNotAllowed: the provider has said who it is, and nothing here is for them.
var ErrNotAllowed = errors.New("nobody of that identity signs in here")

// Choices are the providers that people may sign in at.
func (a *Accounts) Choices() []oidc.Choice {
	if a.providers == nil {
		return []oidc.Choice{}
	}
	return a.providers.Choices()
}

// Begin sends somebody to a provider. The secret is for the browser's cookie, and comes back with the code. It fails with oidc.ErrUnknown,
// with oidc.ErrUnreachable, and with a *GuessesError: whoever asks has something written.
func (a *Accounts) Begin(ctx context.Context, provider string, from From) (address, secret string, err error) {
	p, err := a.parts()
	if err != nil {
		return "", "", err
	}
	if a.providers == nil {
		return "", "", oidc.ErrUnknown
	}
	if err := p.takeFrom(ctx, from); err != nil {
		return "", "", err
	}
	secret = rand.Text()
	address, begun, err := a.providers.Begin(ctx, provider, secret, rand.Text())
	if err != nil {
		return "", "", err
	}
	return address, secret, p.Directory.KeepSignIn(ctx, secret, begun)
}

// Back is what a browser comes back with: what the provider has put into the address, and what the browser has kept.
type Back struct{ State, Code, Kept string }

// Finish signs in who comes back from a provider. It fails with oidc.ErrRefused and oidc.ErrUnreachable, and with ErrNotAllowed for whom the
// provider knows and nobody here.
func (a *Accounts) Finish(ctx context.Context, provider string, back Back, from From) (SignedIn, error) {
	p, err := a.parts()
	if err != nil {
		return SignedIn{}, err
	}
	// In another browser than the one that began it, somebody would be signed in as whoever sent them the address.
	if a.providers == nil || back.Kept == "" || subtle.ConstantTimeCompare([]byte(back.State), []byte(back.Kept)) != 1 {
		return SignedIn{}, oidc.ErrRefused
	}
	begun, err := p.Directory.SpendSignIn(ctx, back.State)
	if errors.Is(err, directory.ErrUnknown) || err == nil && begun.Provider != provider {
		err = oidc.ErrRefused
	}
	if err != nil {
		return SignedIn{}, err
	}
	identity, err := a.providers.Finish(ctx, begun, back.Code)
	if err != nil {
		return SignedIn{}, err
	}
	account, err := a.identified(ctx, p, identity)
	if err != nil {
		return SignedIn{}, err
	}
	if err := p.regroup(ctx, account, identity); err != nil {
		return SignedIn{}, err
	}
	return a.enter(ctx, p, proof{account: account, from: directory.Elsewhere{Provider: provider, Token: identity.Token}}, from)
}

// identified finds whose account it is. One is made for who has none, where anybody may have one or their groups give them something here.
func (a *Accounts) identified(ctx context.Context, p Parts, identity oidc.Identity) (directory.Account, error) {
	account, err := p.Directory.ByIdentity(ctx, identity)
	if !errors.Is(err, directory.ErrUnknown) {
		return account, err
	}
	if a.settings.SignUp != Open {
		given, err := p.Directory.Grants(ctx, identity.Groups)
		if err == nil && !given {
			err = cmp.Or(p.note(ctx, storelog.SignInRefused, "", ""), ErrNotAllowed)
		}
		if err != nil {
			return directory.Account{}, err
		}
	}
	// What the provider says is shown as what people say is, or not at all.
	if identity.Email, err = Email(identity.Email); err != nil {
		identity.Email = ""
	}
	if identity.Name, err = Name(identity.Name); err != nil {
		identity.Name = ""
	}
	account, made, err := p.Directory.Introduce(ctx, identity)
	if err == nil && made {
		err = p.note(ctx, storelog.SignedUp, account.ID, account.ID)
	}
	return account, err
}

// regroup has an account be what its groups at a provider say.
func (p Parts) regroup(ctx context.Context, account directory.Account, identity oidc.Identity) error {
	gifts, failed := p.Directory.Grouped(ctx, account, identity)
	for _, gift := range gifts {
		what := storelog.MemberChanged
		switch {
		case gift.Was == "":
			what = storelog.MemberAdded
		case gift.Role == "":
			what = storelog.MemberRemoved
		}
		err := p.Audit.Append(ctx, storelog.AuditEntry{What: what, At: time.Now(), Tenant: gift.Tenant, Actor: account.ID, Subject: account.ID})
		if err != nil {
			return err
		}
	}
	if full, is := errors.AsType[*directory.FullError](failed); is {
		slog.WarnContext(ctx, "a provider's group gives a membership that there is no room for", "account", account.ID, "error", full)
		failed = nil
	}
	if failed != nil {
		return failed
	}
	operator, changed, err := p.Directory.Operates(ctx, account.ID, identity)
	if err != nil || !changed {
		return err
	}
	what := storelog.OperatorUnmade
	if operator {
		what = storelog.OperatorMade
	}
	return p.note(ctx, what, account.ID, account.ID)
}

// leaving is where somebody signs out at the provider that their session came from, too; empty where there is no such place, or nobody answers.
func (a *Accounts) leaving(ctx context.Context, from directory.Elsewhere) string {
	if a.providers == nil || from.Provider == "" {
		return ""
	}
	address, err := a.providers.SignOut(ctx, from.Provider, from.Token)
	if err != nil {
		slog.WarnContext(ctx, "nobody is signed out at the provider", "provider", from.Provider, "error", err)
	}
	return address
}
