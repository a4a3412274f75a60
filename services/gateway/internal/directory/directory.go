// Package directory knows who there is: accounts and how they sign in, tenants with their members, API tokens, and the passes that
// open something for a while. It is what the door asks who stands before it, and what the routes below /auth and /tenants change.
//
// What it keeps is personal and must be possible to erase, so it isn't on the log: each thing is a key of a bucket, changed under
// its revision and read from the leader. Nothing is watched, because the gateway has no consumer on what it may write. Secrets are
// kept as digests, and keys never name people: an address is found by a digest under the installation's own key.
//
// Silence of the broker is an error of its own (storelog.Unanswered): it says nothing of anybody, and nobody may be refused for it.
package directory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
)

var (
	// ErrUnknown: there is no such account, tenant, token or pass, or there is no more. It doesn't say which, so that nobody
	// can find out by asking.
	ErrUnknown = errors.New("there is nobody and nothing of that name")
	// ErrTaken: what was to be made is there already, and is another's.
	ErrTaken = errors.New("it is taken")
)

// Directory is safe for concurrent use.
type Directory struct {
	log *storelog.Log
	now func() time.Time

	installation Installation
	// restored is which restore from a backup the buckets come from; empty without one. sure: it is confirmed.
	restored string
	sure     atomic.Bool

	accounts shelf[Account]
	// leads are what leads to an account: a digest of its e-mail address, or of what a provider calls it.
	leads     shelf[Lead]
	operators shelf[Operators]
	// installations is where the installation stands, and erased where an id stays of who was erased, for backups to know.
	installations shelf[Installation]
	erased        shelf[struct{}]
	erasings      shelf[erasing]
	tenants       shelf[Tenant]
	tokens        shelf[Tokens]
	sessions      passes[Session]
	invites       shelf[Invite]
	links         passes[Link]
	tickets       passes[FeedTicket]
	signIns       passes[oidc.Begun]
	// noting is held by who writes down that a token was used: one at a time, and whoever finds it held leaves it to the next use.
	noting sync.Mutex
}

// Installation is what all accounts of an installation share.
type Installation struct {
	// Key is what digests are made under that stand for something personal.
	Key []byte `json:"key"`
	// Confirmed is the restore from a backup whose people an operator has let in.
	Confirmed string `json:"confirmed,omitempty"`
}

// keyOfInstallation is where the bucket of accounts holds it.
const keyOfInstallation = "installation"

// Open binds to the buckets that storelog.Ensure made, and makes the installation's key where there is none. The divisor is the
// installation's, of how long an answer is kept.
func Open(ctx context.Context, log *storelog.Log, divisor clock.Divisor, now func() time.Time) (*Directory, error) {
	d := &Directory{log: log, now: now}
	lately := newMemory(divisor, now)
	buckets := map[string]jetstream.KeyValue{}
	for _, name := range []string{storelog.BucketAccounts, storelog.BucketTenants, storelog.BucketTokens, storelog.BucketPasses} {
		bucket, err := log.Bucket(ctx, name)
		if err != nil {
			return nil, err
		}
		buckets[name] = remembering{bucket, lately}
	}
	d.fill(buckets)
	made := Installation{Key: make([]byte, sha256.Size)}
	_, _ = rand.Read(made.Key)
	var err error
	if d.installation, err = d.installations.ensure(ctx, keyOfInstallation, made); err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	status, err := d.accounts.kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	d.restored = storelog.RestoredAt(status.Metadata())
	if err := errors.Join(d.eraseAgain(ctx), d.finishAll(ctx)); err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	return d, nil
}

// fill gives the directory what stands in these buckets.
func (d *Directory) fill(buckets map[string]jetstream.KeyValue) {
	accounts, passing := buckets[storelog.BucketAccounts], buckets[storelog.BucketPasses]
	d.accounts, d.leads = shelf[Account]{accounts, "account."}, shelf[Lead]{accounts, "lead."}
	d.operators, d.erasings = shelf[Operators]{accounts, ""}, shelf[erasing]{accounts, "erasing."}
	d.installations, d.erased = shelf[Installation]{accounts, ""}, shelf[struct{}]{accounts, storelog.KeyErased + "."}
	d.tenants, d.tokens = shelf[Tenant]{buckets[storelog.BucketTenants], ""}, shelf[Tokens]{buckets[storelog.BucketTokens], ""}
	d.sessions, d.invites, d.links = passes[Session]{passing, "session."}, shelf[Invite]{passing, "invite."}, passes[Link]{passing, "link."}
	d.tickets, d.signIns = passes[FeedTicket]{passing, "feed."}, passes[oidc.Begun]{passing, "signin."}
}

// digest is a key for what is personal, of a kind.
func (d *Directory) digest(kind, of string) string {
	sum := hmac.New(sha256.New, d.installation.Key)
	sum.Write([]byte(kind + "\x00" + of))
	return hex.EncodeToString(sum.Sum(nil))
}

// idLength is how long an id is behind its prefix.
const idLength = 10

// newID makes an id that nobody has: fifty bits by chance, and whoever has it already is met at its create.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:idLength]) }

// IsTenant says whether a tenant may be called so, be there one or not.
func IsTenant(id string) bool { return isID(tenantPrefix, id) }

// isID says whether newID could have made it. What clients send is held to that before it becomes a key.
func isID(prefix, id string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && len(rest) == idLength && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
