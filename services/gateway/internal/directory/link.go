package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// VerifyLife and ResetLife are how long links of these purposes are good.
const (
	VerifyLife = 24 * time.Hour
	ResetLife  = time.Hour
)

// ToProve is the address that the account asks for, or the one that it has.
func (a Account) ToProve() string { return cmp.Or(a.NewEmail, a.Email) }

// VerifyLink makes a link which proves the address that the account asks for, or the one that it has. Whoever gets it sees that
// it arrives there and nowhere else.
func (d *Directory) VerifyLink(ctx context.Context, account Account) (secret, email string, err error) {
	email = account.ToProve()
	secret, err = d.links.issue(ctx, Link{Purpose: VerifyEmail, Account: account.ID, Address: d.AddressKey(email), Era: account.Era}, VerifyLife)
	return secret, email, err
}

// ResetLink makes a link which lets another password be set. The zero account's is as dear to make and good for nothing: who asks in the
// name of an address that nobody has can't tell.
func (d *Directory) ResetLink(ctx context.Context, account Account) (secret string, err error) {
	return d.links.issue(ctx, Link{Purpose: ResetPassword, Account: account.ID, Address: d.AddressKey(account.Email), Era: account.Era}, ResetLife)
}

// linked is what a link is good for now, and of which account.
func (d *Directory) linked(ctx context.Context, secret string, purpose Purpose) (Link, Account, error) {
	link, err := d.links.look(ctx, secret)
	if err != nil {
		return Link{}, Account{}, err
	}
	if link.Purpose != purpose {
		return Link{}, Account{}, ErrUnknown
	}
	account, err := d.Account(ctx, link.Account)
	if err == nil && account.Era != link.Era {
		err = ErrUnknown
	}
	return link, account, err
}

// Verify proves the address that a link is of, for who is signed in. The link of another account is none: mail alone proves nothing for an account,
// or whoever signs up with a stranger's address would have it proved by that stranger, who follows the link, and keep the password.
//
// ErrTaken where another account has the address by now. A link is ended last, so that who was cut off can follow it again.
func (d *Directory) Verify(ctx context.Context, secret string, account Account) (is Account, moved bool, err error) {
	link, is, err := d.linked(ctx, secret, VerifyEmail)
	if err == nil && link.Account != account.ID {
		err = ErrUnknown
	}
	if err != nil {
		return Account{}, false, err
	}
	switch {
	// Before the other: it may be the same address, written in another way.
	case is.NewEmail != "" && link.Address == d.AddressKey(is.NewEmail):
		is, err = d.move(ctx, is, link.Address)
		moved = true
	case link.Address == d.AddressKey(is.Email):
		is, err = d.changeOf(ctx, is, func(a *Account) bool {
			changed := !a.Verified && d.AddressKey(a.Email) == link.Address
			a.Verified = a.Verified || changed
			return changed
		})
	default:
		err = ErrUnknown
	}
	if err == nil {
		is, err = d.tidy(ctx, is)
	}
	if err != nil {
		return Account{}, false, err
	}
	return is, moved, d.links.end(ctx, secret)
}

// move gives an account the address that it has asked for, whose key this is. The account lists the new lead before there is one,
// and the old one no more before that goes.
func (d *Directory) move(ctx context.Context, account Account, key string) (Account, error) {
	asks := func(a *Account) bool { return a.NewEmail != "" && d.AddressKey(a.NewEmail) == key }
	account, err := d.changeOf(ctx, account, func(a *Account) bool {
		if !asks(a) || slices.Contains(a.Leads, key) {
			return false
		}
		a.Leads = append(a.Leads, key)
		return true
	})
	if err != nil {
		return Account{}, err
	}
	if err := d.claim(ctx, key, account.ID); err != nil {
		if errors.Is(err, ErrTaken) {
			_, late := d.changeOf(ctx, account, func(a *Account) bool {
				if asks(a) {
					a.NewEmail, a.Leads = "", without(a.Leads, key)
				}
				return true
			})
			err = errors.Join(err, late)
		}
		return Account{}, err
	}
	account, err = d.changeOf(ctx, account, func(a *Account) bool {
		if !asks(a) || !slices.Contains(a.Leads, key) {
			return false
		}
		old := d.AddressKey(a.Email)
		a.Email, a.NewEmail, a.Verified = a.NewEmail, "", true
		if old != key {
			a.Leads, a.Left = without(a.Leads, old), append(a.Left, old)
		}
		return true
	})
	if err != nil {
		return Account{}, err
	}
	if d.AddressKey(account.Email) != key {
		return Account{}, ErrUnknown
	}
	return account, nil
}

// tidy removes the leads that led to an account.
func (d *Directory) tidy(ctx context.Context, account Account) (Account, error) {
	if len(account.Left) == 0 {
		return account, nil
	}
	for _, key := range account.Left {
		if err := d.letGo(ctx, key, account.ID); err != nil {
			return Account{}, err
		}
	}
	return d.accounts.change(ctx, account.ID, func(a *Account) (bool, error) {
		before := len(a.Left)
		a.Left = without(a.Left, account.Left...)
		return len(a.Left) != before, nil
	})
}

func without(keys []string, gone ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(gone, key) })
}

// LookReset answers whose password a link resets, and leaves it good.
func (d *Directory) LookReset(ctx context.Context, secret string) (Account, error) {
	_, account, err := d.linked(ctx, secret, ResetPassword)
	return account, err
}

// Reset sets another password by a link. It ends all sessions and links and forgets the devices, as the account may have been
// somebody else's hands. The era that it raises is what spends the link: of all who follow it at once one finds the era that it is of.
//
// Who follows it reads the mail, which verifies the address. Where it wasn't, somebody else may have made the account, in wait for whom the address
// belongs to: nothing that may have been left there stays, neither other ways to sign in nor tokens. Memberships do: who isn't verified founds no
// tenant and invites nobody, so they are by the word of others.
func (d *Directory) Reset(ctx context.Context, secret, hash string) (Account, error) {
	link, account, err := d.linked(ctx, secret, ResetPassword)
	if err != nil {
		return Account{}, err
	}
	verified := account.Verified
	account, err = d.accounts.change(ctx, account.ID, func(a *Account) (bool, error) {
		key := d.AddressKey(a.Email)
		switch {
		case a.Hash == hash:
			return false, nil
		// No password opens an account that its address doesn't lead to.
		case a.Pending || a.Era != link.Era || key != link.Address || !slices.Contains(a.Leads, key):
			return false, ErrUnknown
		}
		verified = a.Verified
		if !verified {
			a.Left, a.Leads = append(a.Left, without(a.Leads, key)...), []string{key}
		}
		a.Hash, a.Era, a.Verified, a.NewEmail, a.Devices = hash, a.Era+1, true, "", nil
		return true, nil
	})
	if err != nil {
		return Account{}, err
	}
	if !verified {
		for _, tenant := range account.Tenants {
			if err := d.endTokens(ctx, tenant, account.ID); err != nil {
				return Account{}, err
			}
		}
	}
	if account, err = d.tidy(ctx, account); err != nil {
		return Account{}, err
	}
	return account, d.links.end(ctx, secret)
}
