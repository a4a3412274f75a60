package accounts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

// SignedIn is somebody who has just signed in, and what to give them.
type SignedIn struct {
	Account directory.Account
	// Session and Device are secrets, for the cookies.
	Session, Device string
}

// SignIn signs in who knows an account's password. It fails with ErrRefused, with a *GuessesError, and with password.ErrBusy.
func (a *Accounts) SignIn(ctx context.Context, email, pass string, from From) (SignedIn, error) {
	p, err := a.parts()
	if err != nil {
		return SignedIn{}, err
	}
	account, err := p.Directory.ByAddress(ctx, email)
	if err != nil && !errors.Is(err, directory.ErrUnknown) {
		return SignedIn{}, err
	}
	// A device that is known has a count of its own: what others guess behind the same address keeps nobody out of where they always work.
	if device := from.device(); device == nil || !account.Knows(device) {
		if err := p.takeFrom(ctx, from); err != nil {
			return SignedIn{}, err
		}
	}
	proof, err := a.prove(ctx, p, account, email, pass, from)
	if err != nil {
		return SignedIn{}, err
	}
	return a.enter(ctx, p, proof, from)
}

// proof is that who asks knows the password of an account, which is as it was when that was seen.
type proof struct {
	account directory.Account
	// made: there was none before.
	made bool
	// hash is to take the place of the one that the account has, unless it is empty.
	hash string
	// from is the provider whose word it is; none of who has shown a password.
	from directory.Elsewhere
}

// prove holds a password against an account's. The zero account is who has an address that nobody has: it costs the same and is refused.
//
// Guesses are counted by the address that is tried, whether or not anybody has it. A device that has signed in before has a count of
// its own, so that no stranger who keeps guessing locks anybody out of where they always work.
func (a *Accounts) prove(ctx context.Context, p Parts, account directory.Account, email, pass string, from From) (proof, error) {
	key := "account." + p.Directory.AddressKey(email)
	if device := from.device(); device != nil && account.Knows(device) {
		key = "device." + hex.EncodeToString(device)
	}
	if err := p.take(ctx, key, perAccount); err != nil {
		return proof{}, err
	}
	pass = password.Normal(pass)
	right, stale, err := a.hasher.Check(ctx, pass, account.Hash)
	if err != nil {
		return proof{}, err
	}
	if !right {
		if err := p.note(ctx, storelog.SignInRefused, "", account.ID); err != nil {
			return proof{}, err
		}
		return proof{}, ErrRefused
	}
	proved := proof{account: account}
	if stale {
		proved.hash, err = a.hasher.Hash(ctx, pass)
	}
	return proved, err
}

// enter makes a session for who has proved to be an account. What it returns is given to nobody before the audit knows.
func (a *Accounts) enter(ctx context.Context, p Parts, by proof, from From) (SignedIn, error) {
	in := SignedIn{Device: from.Device}
	if device := from.device(); device == nil || !by.account.Knows(device) {
		in.Device = rand.Text()
	}
	var err error
	in.Account, err = p.Directory.Proven(ctx, by.account, From{Device: in.Device}.device(), by.hash)
	if errors.Is(err, directory.ErrUnknown) {
		// Another password was set meanwhile, or there is no such account any more.
		return SignedIn{}, ErrRefused
	}
	if err != nil {
		return SignedIn{}, err
	}
	if in.Session, err = p.Directory.NewSessionFrom(ctx, in.Account, by.from); err != nil {
		return SignedIn{}, err
	}
	return in, p.note(ctx, storelog.SignedIn, in.Account.ID, in.Account.ID)
}

// SignOut ends a session, if there is any, and answers where to sign out at the provider that it came from; empty where it came from none.
func (a *Accounts) SignOut(ctx context.Context, session string) (address string, err error) {
	p, err := a.parts()
	if err != nil {
		return "", err
	}
	account, err := p.Directory.BySession(ctx, session)
	if errors.Is(err, directory.ErrUnknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	from, err := p.Directory.Elsewhere(ctx, session)
	if err != nil && !errors.Is(err, directory.ErrUnknown) {
		return "", err
	}
	if err := p.Directory.SignOut(ctx, session); err != nil {
		return "", err
	}
	if err := p.note(ctx, storelog.SignedOut, account.ID, account.ID); err != nil {
		return "", err
	}
	return a.leaving(ctx, from), nil
}

// Account answers who has an id.
func (a *Accounts) Account(ctx context.Context, id string) (directory.Account, error) {
	p, err := a.parts()
	if err != nil {
		return directory.Account{}, err
	}
	return p.Directory.Account(ctx, id)
}

// BySession answers whose a session is, as the leader says now: what is done to an account isn't decided by what was so a moment ago.
func (a *Accounts) BySession(ctx context.Context, session string) (directory.Account, error) {
	p, err := a.parts()
	if err != nil {
		return directory.Account{}, err
	}
	return p.Directory.BySession(ctx, session)
}
