package directory

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// SessionLife is how long somebody stays signed in who does nothing about it.
const SessionLife = 14 * 24 * time.Hour

// Elsewhere is where else a session's end may be told: at the provider that it came from.
type Elsewhere struct {
	Provider string `json:"provider"`
	// Token is what the provider has signed of who it is.
	Token string `json:"token"`
}

// NewSession signs somebody in. The account is the very one that was read when it was proved who asks: what ends its sessions raises its
// era, so a session that is being made meanwhile is over before its secret is known.
func (d *Directory) NewSession(ctx context.Context, account Account) (secret string, err error) {
	return d.NewSessionFrom(ctx, account, Elsewhere{})
}

// NewSessionFrom is NewSession of who has signed in at a provider; the zero Elsewhere: at none.
func (d *Directory) NewSessionFrom(ctx context.Context, account Account, from Elsewhere) (secret string, err error) {
	secret = rand.Text()
	session := Session{Account: account.ID, Era: account.Era, Created: d.now().UTC()}
	if from != (Elsewhere{}) {
		if session.Elsewhere, err = from.seal(secret); err != nil {
			return "", err
		}
	}
	return secret, d.sessions.put(ctx, secret, session, SessionLife)
}

// sealing is what a session's secret seals with. The token names a person, and would otherwise stand in backups and outlive the account.
func sealing(secret string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "where a session comes from", sha256.Size)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (e Elsewhere) seal(secret string) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("seal a session: %w", err)
	}
	seal, err := sealing(secret)
	if err != nil {
		return nil, fmt.Errorf("seal a session: %w", err)
	}
	return seal.Seal(nil, nil, data, nil), nil
}

// Elsewhere answers where the session of a secret comes from; the zero one where that is no provider.
func (d *Directory) Elsewhere(ctx context.Context, secret string) (from Elsewhere, err error) {
	session, err := d.sessions.look(ctx, secret)
	if err != nil || session.Elsewhere == nil {
		return Elsewhere{}, err
	}
	seal, err := sealing(secret)
	if err != nil {
		return Elsewhere{}, fmt.Errorf("open a session: %w", err)
	}
	data, err := seal.Open(nil, nil, session.Elsewhere, nil)
	if err != nil {
		return Elsewhere{}, fmt.Errorf("open a session: %w", err)
	}
	return from, json.Unmarshal(data, &from)
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
