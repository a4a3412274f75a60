package accounts

import (
	"context"
	"errors"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

// Mailed says whether links are sent. Otherwise operators read them out.
func (a *Accounts) Mailed() bool { return a.mail != nil }

func (a *Accounts) sendVerification(ctx context.Context, p Parts, account directory.Account) error {
	if a.mail == nil {
		return nil
	}
	secret, to, err := p.Directory.VerifyLink(ctx, account)
	if err != nil {
		return err
	}
	a.mail.Send(mail.Letter{Kind: mail.VerifyEmail, To: to, Secret: secret, Life: directory.VerifyLife})
	return nil
}

// countLetter fails where so many letters have gone to an address lately that it is to have no more.
func (p Parts) countLetter(ctx context.Context, to string) error {
	return p.take(ctx, "mail."+p.Directory.AddressKey(to), perReader)
}

// SendInvite brings an invite to whom it is for, and says whether it did: without mail, without an address, and where so many letters have gone
// to it lately, its maker passes it on.
func (a *Accounts) SendInvite(ctx context.Context, to, tenant, text string) bool {
	if a.mail == nil || to == "" {
		return false
	}
	p, err := a.parts()
	if err == nil {
		err = p.countLetter(ctx, to)
	}
	if err != nil {
		return false
	}
	a.mail.Send(mail.Letter{Kind: mail.Invited, To: to, Secret: text, Life: directory.InviteLife, Tenant: tenant})
	return true
}

// tell writes to an account's owner about what was done to it, which need not have been them.
func (a *Accounts) tell(kind mail.Kind, to string) {
	if a.mail != nil {
		a.mail.Send(mail.Letter{Kind: kind, To: to})
	}
}

// AskVerification sends another link that proves the account's address, or the one that it asks for.
func (a *Accounts) AskVerification(ctx context.Context, account directory.Account) error {
	p, err := a.parts()
	if err != nil {
		return err
	}
	if (account.Verified || account.Email == "") && account.NewEmail == "" {
		return nil
	}
	if err := p.countLetter(ctx, account.ToProve()); err != nil {
		return err
	}
	return a.sendVerification(ctx, p, account)
}

// Follow does for who is signed in what a link is good for: proving an address, or becoming an operator. It fails with directory.ErrUnknown
// where that is nothing, and with directory.ErrTaken where another has the address.
func (a *Accounts) Follow(ctx context.Context, account directory.Account, link string) (directory.Account, error) {
	p, err := a.parts()
	if err != nil {
		return directory.Account{}, err
	}
	if err = p.Directory.LookOperatorLink(ctx, link); err == nil {
		if account, err = p.Directory.BecomeOperator(ctx, link, account); err != nil {
			return directory.Account{}, err
		}
		return account, p.note(ctx, storelog.OperatorMade, account.ID, account.ID)
	}
	if !errors.Is(err, directory.ErrUnknown) {
		return directory.Account{}, err
	}
	before := account.Email
	account, moved, err := p.Directory.Verify(ctx, link, account)
	if err != nil {
		return directory.Account{}, err
	}
	what := storelog.EmailVerified
	if moved {
		what = storelog.EmailChanged
		a.tell(mail.EmailChanged, before)
	}
	return account, p.note(ctx, what, account.ID, account.ID)
}

// AskReset sends a link by which a password can be set anew to who has an address. Whether anybody has isn't told, nor by how long it takes; that
// nobody can, of what is no address, is.
func (a *Accounts) AskReset(ctx context.Context, email string, from From) error {
	p, err := a.parts()
	if err != nil {
		return err
	}
	if email, err = Email(email); err != nil {
		return err
	}
	if err := p.takeFrom(ctx, from); err != nil {
		return err
	}
	if err := p.countLetter(ctx, email); err != nil {
		return err
	}
	if a.mail == nil {
		// Nobody could read it.
		return nil
	}
	account, err := p.Directory.ByAddress(ctx, email)
	if err != nil && !errors.Is(err, directory.ErrUnknown) {
		return err
	}
	secret, err := p.Directory.ResetLink(ctx, account)
	if err != nil || account.ID == "" {
		return err
	}
	// To where it is kept, and not to where it was asked for: what is compared as equal may be another's letter box.
	a.mail.Send(mail.Letter{Kind: mail.ResetPassword, To: account.Email, Secret: secret, Life: directory.ResetLife})
	return nil
}

// Reset sets another password by a link, and signs in: whom strangers' guesses keep from signing in has this way to be known here. It fails with
// directory.ErrUnknown where the link is none.
func (a *Accounts) Reset(ctx context.Context, link, pass string, from From) (SignedIn, error) {
	p, err := a.parts()
	if err != nil {
		return SignedIn{}, err
	}
	if err := p.takeFrom(ctx, from); err != nil {
		return SignedIn{}, err
	}
	account, err := p.Directory.LookReset(ctx, link)
	if err != nil {
		return SignedIn{}, err
	}
	if err := fit(pass, account.Email); err != nil {
		return SignedIn{}, err
	}
	hash, err := a.hasher.Hash(ctx, password.Normal(pass))
	if err != nil {
		return SignedIn{}, err
	}
	if account, err = p.Directory.Reset(ctx, link, hash); err != nil {
		return SignedIn{}, err
	}
	if err := p.note(ctx, storelog.PasswordReset, account.ID, account.ID); err != nil {
		return SignedIn{}, err
	}
	a.tell(mail.PasswordChanged, account.Email)
	return a.enter(ctx, p, proof{account: account}, from)
}
