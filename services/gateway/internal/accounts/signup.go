package accounts

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

// NewAccount is what somebody signs up with.
type NewAccount struct {
	Email, Name, Password string
	// Invite is the text of an invite to a tenant, or an operator's link.
	Invite string
}

// SignUp makes an account and signs it in. Who has the account already and knows its password goes on where they were cut off; all others are told
// that the address is taken (directory.ErrTaken). An installation that sends no mail has no other way to tell them, and who guesses
// addresses so is counted like who guesses passwords.
//
// Nothing is proved of the address by it, not even by an invite that was made for it: whoever made that could follow it, too.
func (a *Accounts) SignUp(ctx context.Context, asked NewAccount, from From) (SignedIn, error) {
	p, err := a.parts()
	if err != nil {
		return SignedIn{}, err
	}
	if err := asked.check(); err != nil {
		return SignedIn{}, err
	}
	if err := p.takeFrom(ctx, from); err != nil {
		return SignedIn{}, err
	}
	invites, err := a.invited(ctx, p, asked)
	if err != nil && asked.Invite != "" {
		return a.invitedBefore(ctx, p, asked, from, err)
	}
	if err != nil {
		return SignedIn{}, err
	}
	proved, err := a.make(ctx, p, asked, from)
	if err != nil {
		return SignedIn{}, err
	}
	if err := p.follow(ctx, invites, asked.Invite, proved.account); err != nil {
		if proved.made && a.settings.SignUp != Open && spent(err) {
			// That the account stays is worse than what is the matter with the invite.
			if left := p.takeBack(ctx, proved.account); left != nil {
				return SignedIn{}, left
			}
		}
		return SignedIn{}, atInvite(err)
	}
	in, err := a.enter(ctx, p, proved, from)
	if err == nil && invites != toOperate && !in.Account.Verified {
		err = a.sendVerification(ctx, p, in.Account)
	}
	return in, err
}

// follow does for who signs up what their invite is good for.
func (p Parts) follow(ctx context.Context, invites invitation, text string, account directory.Account) error {
	switch invites {
	case toOperate:
		if _, err := p.Directory.BecomeOperator(ctx, text, account); err != nil {
			return err
		}
		return p.note(ctx, storelog.OperatorMade, account.ID, account.ID)
	case toTenant:
		t, err := p.Directory.TakeInvite(ctx, text, account.ID)
		if errors.Is(err, directory.ErrMember) {
			return nil
		}
		if err != nil {
			return err
		}
		return p.Audit.Append(ctx, storelog.AuditEntry{
			What: storelog.InviteTaken, At: time.Now(), Tenant: t.ID, From: t.ID, Actor: account.ID, Subject: account.ID,
		})
	}
	return nil
}

// spent says of an error of an invite's that it invites nobody any more.
func spent(err error) bool {
	var full *directory.FullError
	return errors.Is(err, directory.ErrUnknown) || errors.As(err, &full)
}

// takeBack ends an account that was made by an invite which somebody else has taken meanwhile: where it takes one, each invite is one account.
func (p Parts) takeBack(ctx context.Context, account directory.Account) error {
	gone, err := p.Directory.TakeBack(ctx, account)
	if err != nil || !gone {
		return err
	}
	return p.note(ctx, storelog.AccountErased, account.ID, account.ID)
}

// invitedBefore is a sign-up by an invite that is good for nothing: it may be spent by this very one, whose answer was lost. Who knows the
// account's password is signed in; all others are told what is the matter with the invite.
func (a *Accounts) invitedBefore(ctx context.Context, p Parts, asked NewAccount, from From, why error) (SignedIn, error) {
	account, err := p.Directory.ByAddress(ctx, asked.Email)
	if err != nil && !errors.Is(err, directory.ErrUnknown) {
		return SignedIn{}, err
	}
	proved, err := a.prove(ctx, p, account, asked.Email, asked.Password, from)
	if errors.Is(err, ErrRefused) {
		err = why
	}
	if err != nil {
		return SignedIn{}, err
	}
	return a.enter(ctx, p, proved, from)
}

// make makes the account, or finds that who asks has it.
func (a *Accounts) make(ctx context.Context, p Parts, asked NewAccount, from From) (proof, error) {
	hash, err := a.hasher.Hash(ctx, password.Normal(asked.Password))
	if err != nil {
		return proof{}, err
	}
	account, err := p.Directory.SignUp(ctx, directory.Account{Email: asked.Email, Name: asked.Name, Hash: hash})
	if err == nil {
		return proof{account: account, made: true}, p.note(ctx, storelog.SignedUp, account.ID, account.ID)
	}
	if !errors.Is(err, directory.ErrTaken) {
		return proof{}, err
	}
	proved, err := a.prove(ctx, p, account, asked.Email, asked.Password, from)
	if errors.Is(err, ErrRefused) {
		err = directory.ErrTaken
	}
	return proved, err
}

// invitation is what a sign-up's invite is to.
type invitation int

const (
	toNothing invitation = iota
	toTenant
	toOperate
)

// invited looks whether somebody may sign up, before anything is made.
func (a *Accounts) invited(ctx context.Context, p Parts, asked NewAccount) (invitation, error) {
	if asked.Invite == "" {
		switch a.settings.SignUp {
		case Open:
			return toNothing, nil
		case ByInvite:
			return toNothing, ErrInviteNeeded
		}
		return toNothing, ErrSignUpOff
	}
	err := p.Directory.LookOperatorLink(ctx, asked.Invite)
	if err == nil {
		return toOperate, nil
	}
	if !errors.Is(err, directory.ErrUnknown) {
		return toNothing, err
	}
	if a.settings.SignUp == Off {
		return toNothing, ErrSignUpOff
	}
	invite, _, err := p.Directory.Invite(ctx, asked.Invite)
	if err != nil {
		return toNothing, atInvite(err)
	}
	if invite.Email != "" && p.Directory.AddressKey(invite.Email) != p.Directory.AddressKey(asked.Email) {
		return toNothing, atInvite(directory.ErrOthersInvite)
	}
	return toTenant, nil
}

// atInvite says of an invite that is none what is wrong with the request.
func atInvite(err error) error {
	switch {
	case errors.Is(err, directory.ErrUnknown):
		return &engine.FieldError{Field: "invite", Message: "is good for nothing: it was taken or withdrawn, or its time is over"}
	case errors.Is(err, directory.ErrOthersInvite):
		return &engine.FieldError{Field: "invite", Message: "is for another e-mail address"}
	}
	return err
}

func (n *NewAccount) check() error {
	var err error
	if n.Email, err = Email(n.Email); err != nil {
		return err
	}
	if n.Name, err = Name(n.Name); err != nil {
		return err
	}
	n.Invite = strings.TrimSpace(n.Invite)
	return fit(n.Password, n.Email)
}
