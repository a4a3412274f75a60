package accounts

import (
	"context"
	"errors"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

// Change is what somebody changes of the own account; what is nil stays.
type Change struct {
	Name *string
	// Email is an address to have in the place of the one that is there, once it is proved. Password is a new one. Either takes Current, the
	// password that there is: a session may be of a browser that was left open.
	Email, Password, Current *string
}

// Change changes the account whose session it is. Another password ends all of its sessions and links; the one who set it is given
// a new session, and all others whom the old one was told to are out.
func (a *Accounts) Change(ctx context.Context, account directory.Account, c Change, from From) (SignedIn, error) {
	p, err := a.parts()
	if err != nil {
		return SignedIn{}, err
	}
	if err := c.check(account); err != nil {
		return SignedIn{}, err
	}
	if c.Password != nil && !p.Directory.LedByAddress(account) {
		return SignedIn{}, directory.ErrElsewhere
	}
	if c.Email != nil || c.Password != nil {
		if err := a.confirm(ctx, p, account, c.Current, from); err != nil {
			return SignedIn{}, err
		}
	}
	if c.Email != nil && a.mail != nil && newAddress(account, *c.Email) != "" {
		// Before anything is changed. It is a stranger's box that could be filled by asking for its address over and over.
		if err := p.countLetter(ctx, *c.Email); err != nil {
			return SignedIn{}, err
		}
	}
	if c.Name != nil {
		if account, err = p.Directory.Rename(ctx, account, *c.Name); err != nil {
			return SignedIn{}, err
		}
	}
	in := SignedIn{Account: account}
	if c.Password != nil {
		if in, err = a.changePassword(ctx, p, account, *c.Password, from); err != nil {
			return SignedIn{}, err
		}
	}
	if c.Email != nil {
		if in.Account, err = p.Directory.AskAddress(ctx, in.Account, newAddress(in.Account, *c.Email)); err == nil && in.Account.NewEmail != "" {
			err = a.sendVerification(ctx, p, in.Account)
		}
		if err != nil {
			return SignedIn{}, err
		}
	}
	if c.Name != nil || c.Email != nil {
		err = p.note(ctx, storelog.AccountChanged, account.ID, account.ID)
	}
	return in, err
}

// newAddress is what to ask for: nothing, where the account has the address already.
func newAddress(account directory.Account, email string) string {
	if account.Email == email {
		return ""
	}
	return email
}

func (c *Change) check(account directory.Account) error {
	email := account.Email
	if c.Name != nil {
		name, err := Name(*c.Name)
		if err != nil {
			return err
		}
		c.Name = &name
	}
	if c.Email != nil {
		address, err := Email(*c.Email)
		if err != nil {
			return err
		}
		c.Email, email = &address, address
	}
	if c.Password != nil {
		return errors.Join(fit(*c.Password, email), fit(*c.Password, account.Email))
	}
	return nil
}

func (a *Accounts) changePassword(ctx context.Context, p Parts, account directory.Account, pass string, from From) (SignedIn, error) {
	hash, err := a.hasher.Hash(ctx, password.Normal(pass))
	if err != nil {
		return SignedIn{}, err
	}
	if account, err = p.Directory.ChangePassword(ctx, account, hash); err != nil {
		return SignedIn{}, err
	}
	if err := p.note(ctx, storelog.PasswordChanged, account.ID, account.ID); err != nil {
		return SignedIn{}, err
	}
	a.tell(mail.PasswordChanged, account.Email)
	return a.enter(ctx, p, proof{account: account}, from)
}

// confirm holds a password against that of who is signed in. An account without one is signed in to elsewhere, and has nothing to hold it against.
func (a *Accounts) confirm(ctx context.Context, p Parts, account directory.Account, current *string, from From) error {
	if account.Hash == "" {
		return nil
	}
	given := ""
	if current != nil {
		given = *current
	}
	_, err := a.prove(ctx, p, account, account.Email, given, from)
	return err
}

// EndSessions ends all sessions of the account, the one that asks included.
func (a *Accounts) EndSessions(ctx context.Context, account directory.Account) error {
	p, err := a.parts()
	if err != nil {
		return err
	}
	if err := p.Directory.EndSessions(ctx, account); err != nil {
		return err
	}
	return p.note(ctx, storelog.AllSignedOut, account.ID, account.ID)
}

// Erase ends the account, for who knows its password. It fails with directory.ErrLastOwner and directory.ErrLastOperator.
func (a *Accounts) Erase(ctx context.Context, account directory.Account, current string, from From) error {
	p, err := a.parts()
	if err != nil {
		return err
	}
	if err := a.confirm(ctx, p, account, &current, from); err != nil {
		return err
	}
	if err := p.Directory.Erase(ctx, account); err != nil {
		return err
	}
	return p.note(ctx, storelog.AccountErased, account.ID, account.ID)
}

// Memberships are the tenants that the account belongs to.
func (a *Accounts) Memberships(ctx context.Context, account directory.Account) ([]directory.Tenant, error) {
	p, err := a.parts()
	if err != nil {
		return nil, err
	}
	return p.Directory.Memberships(ctx, account)
}
