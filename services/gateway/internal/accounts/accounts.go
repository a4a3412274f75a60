// Package accounts is what people do about their own accounts, and operators about those of others: signing up and in, proving an address,
// another password, the end of it all. It knows in which order guesses are counted, passwords compared, the directory changed and the audit told;
// what the directory holds is changed by the directory alone.
package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

var (
	// ErrRefused: the address or the password is wrong; which of them isn't said.
	ErrRefused = errors.New("the address or the password is wrong")
	// ErrOff: the gateway has no accounts.
	ErrOff = errors.New("there are no accounts")
	// ErrSignUpOff: nobody signs up here.
	ErrSignUpOff = errors.New("nobody signs up here")
	// ErrInviteNeeded: nobody does without an invite.
	ErrInviteNeeded = errors.New("it takes an invite to sign up here")
	// ErrNotListed: operators are made of those only whose address ADMIN_EMAILS lists.
	ErrNotListed = errors.New("the address isn't among those of operators")
)

// SignUp is who may make an account: a value of SIGNUP.
type SignUp string

// The values. An operator's link lets somebody in with each.
const (
	Open     SignUp = "open"
	ByInvite SignUp = "invite"
	Off      SignUp = "off"
)

// Settings are the installation's.
type Settings struct {
	SignUp SignUp
	// AdminEmails are the addresses that operators may be made of; none: any that is verified.
	AdminEmails []string
}

// Parts are what accounts are kept in.
type Parts struct {
	Directory *directory.Directory
	Audit     *storelog.Audit
	Guesses   *guesses.Guesses
}

// Mail takes letters. Send returns before anything is sent: how long that takes would say whether an address is known.
type Mail interface {
	Send(mail.Letter)
}

// Accounts is safe for concurrent use. Make it with New.
type Accounts struct {
	parts  func() (Parts, error)
	hasher *password.Hasher
	mail   Mail
	// providers are nil where nobody signs in elsewhere.
	providers *oidc.Providers
	settings  Settings
}

// New makes accounts. parts fails while the broker is away, and with ErrOff where there are none. Without mail an operator reads links out.
func New(parts func() (Parts, error), hasher *password.Hasher, mail Mail, providers *oidc.Providers, settings Settings) *Accounts {
	return &Accounts{parts: parts, hasher: hasher, mail: mail, providers: providers, settings: settings}
}

// From is where a request comes from.
type From struct {
	Address netip.Addr
	// Device is the secret that the client was given when it signed in before, if it has.
	Device string
}

// device is its sum, as an account knows it; nil of none.
func (f From) device() []byte {
	if f.Device == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(f.Device))
	return sum[:]
}

// note tells the audit what an account has done, or has been done to another thing.
func (p Parts) note(ctx context.Context, what storelog.What, actor, about string) error {
	return p.Audit.Append(ctx, storelog.AuditEntry{What: what, At: time.Now(), Actor: actor, Subject: about})
}
