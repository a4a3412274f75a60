package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// ErrNoTenant: there is no such tenant, or it is no business of who asks. Which it is nobody is told.
var ErrNoTenant = errors.New("there is no such tenant")

// Standing is what a credential stands for, in a tenant or in none.
type Standing struct {
	Credential principal.Credential
	// Account is whose it is, and Operator says that the account looks after the platform.
	Account  string
	Operator bool
	// Scopes are a token's.
	Scopes []principal.Scope
	Place  principal.Place
}

// SignedIn finds who has a session's secret. The tenant is the one that is meant, or empty for the account's only one. It goes by what was
// said within Kept. ErrUnknown where it is nobody's; with ErrNoTenant the account stands all the same.
func (d *Directory) SignedIn(ctx context.Context, secret, tenant string) (s Standing, err error) {
	shown := principal.Credential{Kind: principal.BySession, ID: d.sessions.keyOf(secret)}
	err = d.looking(ctx, func(ctx context.Context) error {
		s, err = d.standing(ctx, shown, tenant)
		return err
	})
	return s, err
}

// Bearing finds whose API token a text is, as SignedIn does.
func (d *Directory) Bearing(ctx context.Context, text, tenant string) (s Standing, err error) {
	err = d.looking(ctx, func(ctx context.Context) error {
		token, err := d.ByToken(ctx, text)
		if err != nil {
			return err
		}
		s, err = d.bearing(ctx, token, tenant)
		return err
	})
	return s, err
}

// Stands asks the leader what a credential stands for by now. It takes nobody's word for it: a credential is what SignedIn or Bearing
// has answered before.
func (d *Directory) Stands(ctx context.Context, shown principal.Credential, tenant string) (s Standing, err error) {
	err = d.lookingAnew(ctx, func(ctx context.Context) error {
		s, err = d.standing(ctx, shown, tenant)
		return err
	})
	return s, err
}

// Exists is nil where there is such a tenant, as far as was said within Kept, and else ErrNoTenant.
func (d *Directory) Exists(ctx context.Context, tenant string) error {
	return d.looking(ctx, func(ctx context.Context) error {
		_, err := d.tenant(ctx, tenant)
		return err
	})
}

func (d *Directory) standing(ctx context.Context, shown principal.Credential, tenant string) (Standing, error) {
	switch shown.Kind {
	case principal.BySession:
		account, err := d.bySession(ctx, shown.ID)
		if err == nil {
			err = d.confirmedFor(ctx, account.ID)
		}
		if err != nil {
			return Standing{}, err
		}
		s := Standing{Credential: shown, Account: account.ID, Operator: account.Operator}
		s.Place, err = d.place(ctx, account, tenant)
		return s, err
	case principal.ByToken:
		token, err := d.Token(ctx, shown.ID)
		if err != nil {
			return Standing{}, err
		}
		return d.bearing(ctx, token, tenant)
	}
	return Standing{}, ErrUnknown
}

// bearing is standing by a token that has been read.
func (d *Directory) bearing(ctx context.Context, token Token, tenant string) (Standing, error) {
	if err := d.confirmed(ctx); err != nil {
		return Standing{}, err
	}
	account, err := d.Account(ctx, token.Account)
	if err != nil {
		return Standing{}, err
	}
	place, err := d.placeBy(ctx, token, account.Operator && slices.Contains(token.Scopes, principal.Operate), tenant)
	if err != nil {
		return Standing{}, err
	}
	return Standing{
		Credential: principal.Credential{Kind: principal.ByToken, ID: token.ID}, Account: account.ID, Operator: account.Operator,
		Scopes: slices.Clone(token.Scopes), Place: place,
	}, nil
}

// placeBy is what a token's bearer is in the token's tenant. In another only an operator is anything, and no member. ErrUnknown of a token
// whose account has left, which is none any more.
func (d *Directory) placeBy(ctx context.Context, token Token, operates bool, tenant string) (principal.Place, error) {
	own, err := d.Tenant(ctx, token.Tenant)
	role := own.RoleBy(token)
	switch {
	case err != nil:
		return principal.Place{}, err
	case role == "" && !operates:
		return principal.Place{}, ErrUnknown
	case tenant == "" || tenant == token.Tenant:
		return principal.Place{Tenant: own.ID, Role: role, Suspended: own.Suspended}, nil
	case !operates:
		return principal.Place{}, ErrNoTenant
	}
	other, err := d.tenant(ctx, tenant)
	return principal.Place{Tenant: other.ID, Suspended: other.Suspended}, err
}

// place is what an account is in a tenant.
func (d *Directory) place(ctx context.Context, account Account, tenant string) (principal.Place, error) {
	if tenant == "" {
		return d.onlyPlace(ctx, account)
	}
	t, err := d.tenant(ctx, tenant)
	if err != nil {
		return principal.Place{}, err
	}
	role := t.RoleOf(account.ID)
	if role == "" && !account.Operator {
		return principal.Place{}, ErrNoTenant
	}
	return principal.Place{Tenant: t.ID, Role: role, Suspended: t.Suspended}, nil
}

// onlyPlace is what an account is in the one tenant that it belongs to; nothing where it belongs to none, or to several.
func (d *Directory) onlyPlace(ctx context.Context, account Account) (principal.Place, error) {
	var only principal.Place
	for _, id := range account.Tenants {
		role, t, err := d.RoleIn(ctx, account.ID, id)
		switch {
		case errors.Is(err, ErrUnknown):
		case err != nil:
			return principal.Place{}, err
		case role != "" && only.Tenant != "":
			return principal.Place{}, nil
		case role != "":
			only = principal.Place{Tenant: t.ID, Role: role, Suspended: t.Suspended}
		}
	}
	return only, nil
}

func (d *Directory) tenant(ctx context.Context, id string) (Tenant, error) {
	t, err := d.Tenant(ctx, id)
	if errors.Is(err, ErrUnknown) {
		err = ErrNoTenant
	}
	return t, err
}

// FeedTicketLife is how long a ticket waits for its client.
const FeedTicketLife = 30 * time.Second

// FeedTicket lets whoever has it open the feed, once, as somebody who may then still do so.
type FeedTicket struct {
	Credential principal.Credential `json:"credential"`
	Tenant     string               `json:"tenant,omitempty"`
}

// IssueFeedTicket makes one, and returns its secret.
func (d *Directory) IssueFeedTicket(ctx context.Context, t FeedTicket) (secret string, err error) {
	return d.tickets.issue(ctx, t, FeedTicketLife)
}

// SpendFeedTicket ends one and answers what it was; ErrUnknown where it is none, or is over.
func (d *Directory) SpendFeedTicket(ctx context.Context, secret string) (FeedTicket, error) {
	return d.tickets.spend(ctx, secret)
}
