package directory

import (
	"context"
	"time"
)

// SessionLife is how long somebody stays signed in who does nothing about it.
const SessionLife = 14 * 24 * time.Hour

// NewSession signs somebody in. The account is the very one that was read when it was proved who asks: what ends its sessions raises its
// era, so a session that is being made meanwhile is over before its secret is known.
func (d *Directory) NewSession(ctx context.Context, account Account) (secret string, err error) {
	return d.sessions.issue(ctx, Session{Account: account.ID, Era: account.Era, Created: d.now().UTC()}, SessionLife)
}

// BySession answers whose a session is; ErrUnknown where there is none, or it is over.
func (d *Directory) BySession(ctx context.Context, secret string) (Account, error) {
	return d.bySession(ctx, d.sessions.keyOf(secret))
}

// bySession is BySession by where the session is kept.
func (d *Directory) bySession(ctx context.Context, key string) (Account, error) {
	session, err := d.sessions.at(ctx, key)
	if err != nil {
		return Account{}, err
	}
	account, err := d.Account(ctx, session.Account)
	if err != nil {
		return Account{}, err
	}
	if account.Era != session.Era {
		return Account{}, ErrUnknown
	}
	return account, nil
}

// SignOut ends one session, whether or not there is any.
func (d *Directory) SignOut(ctx context.Context, secret string) error {
	return d.sessions.end(ctx, secret)
}
