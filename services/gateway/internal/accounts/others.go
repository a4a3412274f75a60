package accounts

import (
	"context"
	"slices"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
)

// List is a page of all accounts behind an id, for operators.
func (a *Accounts) List(ctx context.Context, after string, limit int) (page []directory.Account, more bool, err error) {
	p, err := a.parts()
	if err != nil {
		return nil, false, err
	}
	return p.Directory.Accounts(ctx, after, limit)
}

// MayOperate says whether an operator may make this account one.
func (a *Accounts) MayOperate(account directory.Account) bool {
	return account.Verified && a.listed(account.Email)
}

func (a *Accounts) listed(email string) bool {
	return len(a.settings.AdminEmails) == 0 || slices.ContainsFunc(a.settings.AdminEmails, func(one string) bool { return directory.SameAddress(one, email) })
}

// SetOperator makes an account an operator, or ends that it is one. by is the operator who says so. It fails with directory.ErrUnverified and
// ErrNotListed, and with directory.ErrLastOperator.
func (a *Accounts) SetOperator(ctx context.Context, by, id string, operator bool) (directory.Account, error) {
	p, err := a.parts()
	if err != nil {
		return directory.Account{}, err
	}
	account, err := p.Directory.Account(ctx, id)
	if err != nil {
		return directory.Account{}, err
	}
	what := storelog.OperatorUnmade
	switch {
	case !operator:
		account, err = p.Directory.UnmakeOperator(ctx, id)
	case !account.Verified:
		return directory.Account{}, directory.ErrUnverified
	case !a.listed(account.Email):
		return directory.Account{}, ErrNotListed
	default:
		what = storelog.OperatorMade
		account, err = p.Directory.MakeOperator(ctx, id)
	}
	if err != nil {
		return directory.Account{}, err
	}
	return account, p.note(ctx, what, by, id)
}

// Restored is who was restored from a backup and waits to be let in.
func (a *Accounts) Restored(ctx context.Context) (directory.Restored, error) {
	p, err := a.parts()
	if err != nil {
		return directory.Restored{}, err
	}
	return p.Directory.Restored(ctx)
}

// ConfirmRestored lets them in. by is the operator who says so, which is noted first: nobody comes back without a note of who let them. Where nobody
// waits, nothing is done and nothing noted.
func (a *Accounts) ConfirmRestored(ctx context.Context, by string) error {
	p, err := a.parts()
	if err != nil {
		return err
	}
	if waiting, err := p.Directory.Waiting(ctx); err != nil || !waiting {
		return err
	}
	if err := p.note(ctx, storelog.RestoreConfirmed, by, ""); err != nil {
		return err
	}
	return p.Directory.Confirm(ctx)
}

// ReadOut makes a link of an account's for an operator to read out: nobody can read one that was made before, because only digests are kept.
func (a *Accounts) ReadOut(ctx context.Context, by, id string, purpose directory.Purpose) (link string, err error) {
	p, err := a.parts()
	if err != nil {
		return "", err
	}
	account, err := p.Directory.Account(ctx, id)
	if err != nil {
		return "", err
	}
	if purpose == directory.ResetPassword {
		if !p.Directory.LedByAddress(account) {
			return "", directory.ErrElsewhere
		}
		link, err = p.Directory.ResetLink(ctx, account)
	} else {
		link, _, err = p.Directory.VerifyLink(ctx, account)
	}
	if err != nil {
		return "", err
	}
	return link, p.note(ctx, storelog.LinkMade, by, id)
}
