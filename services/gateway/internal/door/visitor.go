package door

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// feedPath is the one address that tickets open.
const feedPath = "/feed"

// Directory is what the door asks who stands before it.
type Directory interface {
	SignedIn(ctx context.Context, secret, tenant string) (directory.Standing, error)
	Bearing(ctx context.Context, text, tenant string) (directory.Standing, error)
	Stands(ctx context.Context, shown principal.Credential, tenant string) (directory.Standing, error)
	Exists(ctx context.Context, tenant string) error
	SpendFeedTicket(ctx context.Context, secret string) (directory.FeedTicket, error)
}

// accounts is what a door needs where people sign in.
type accounts struct {
	// directory fails while the broker can't be reached.
	directory func() (Directory, error)
	// session is the session's secret in a Cookie header, given the Host.
	session func(cookies, host string) string
	// found are digests of what somebody was found by lately, each with the tenant that was named.
	found *lru.Cache[[sha256.Size]byte, struct{}]
}

// mostFound bounds how many those are. Of more, those that weren't used for longest are strange again.
const mostFound = 16384

// WithAccounts makes a door that goes by accounts, and by addresses no more.
func (d *Door) WithAccounts(directory func() (Directory, error), session func(cookies, host string) string) *Door {
	found, err := lru.New[[sha256.Size]byte, struct{}](mostFound)
	if err != nil {
		panic(err) // only for a size below one
	}
	d.accounts = &accounts{directory: directory, session: session, found: found}
	return d
}

// visitor is a request that says who makes it, which nobody has looked into yet. Whoever serves something that is the same for
// everybody doesn't, and so answers while the broker is silent.
type visitor struct {
	door    *Door
	address netip.Addr
	// key is an admin key or a token, session a cookie's and ticket a feed's: of several that are sent the first here counts.
	key, ticket, session string
	// tenant is the one that the request is made for.
	tenant string
}

func (d *Door) visitor(c *fiber.Ctx, asks caller) *visitor {
	v := &visitor{
		door: d, address: asks.address, tenant: c.Get("X-Tenant"), key: presentedKey(c),
		session: d.accounts.session(c.Get(fiber.HeaderCookie), string(c.Context().Host())),
	}
	if c.Path() == feedPath {
		v.ticket = c.Query("ticket")
	}
	return v
}

// sum stands for what was shown, and the tenant that it was shown for.
func (v *visitor) sum(tenant string) [sha256.Size]byte {
	return sha256.Sum256([]byte(cmp.Or(v.key, v.session) + "\x00" + tenant))
}

// Strange is principal.Finder's. Tickets are good once, so none is ever known; the admin key is compared here, and nobody is asked about it.
func (v *visitor) Strange() bool {
	switch {
	case v.key == "" && v.ticket != "":
		return true
	case v.key == "" && v.session == "", v.key != "" && !strings.HasPrefix(v.key, directory.TokenPrefix):
		return false
	}
	return !v.door.accounts.found.Contains(v.sum(v.tenant))
}

// Find is principal.Finder's.
func (v *visitor) Find(ctx context.Context, tenant string) (principal.Principal, error) {
	if tenant == "" {
		tenant = v.tenant
	}
	switch {
	case v.key != "" && !strings.HasPrefix(v.key, directory.TokenPrefix):
		if !v.door.isAdminKey(v.key) {
			return principal.Principal{}, problem.New(problem.Unauthenticated, "The key that was sent is neither an API token nor this gateway's ADMIN_API_KEY.")
		}
		return v.byKey(ctx, tenant)
	case v.key == "" && v.ticket == "" && v.session == "":
		return principal.Principal{}, problem.New(problem.Unauthenticated, "This is for somebody whom the gateway knows: sign in, or send an API token "+
			"as a bearer token or as X-Api-Key.")
	}
	people, err := v.door.accounts.directory()
	if err != nil {
		return principal.Principal{}, err
	}
	var s directory.Standing
	switch {
	case v.key != "":
		s, err = people.Bearing(ctx, v.key, tenant)
	case v.ticket != "":
		return v.byTicket(ctx, people)
	default:
		s, err = people.SignedIn(ctx, v.session, tenant)
	}
	who, err := v.from(s, err)
	switch {
	case err == nil:
		v.door.accounts.found.Add(v.sum(tenant), struct{}{})
	case !storelog.Unanswered(err):
		v.door.accounts.found.Remove(v.sum(tenant))
	}
	return who, err
}

// byKey is who holds the admin key, in a tenant that there is, or in none.
func (v *visitor) byKey(ctx context.Context, tenant string) (principal.Principal, error) {
	if tenant == "" {
		return principal.Key(v.address, ""), nil
	}
	people, err := v.door.accounts.directory()
	if err == nil {
		err = people.Exists(ctx, tenant)
	}
	switch {
	case errors.Is(err, directory.ErrNoTenant):
		return principal.Key(v.address, ""), noTenant()
	case err != nil:
		return principal.Principal{}, err
	}
	return principal.Key(v.address, tenant), nil
}

// byTicket is who the ticket was made for, if that is still somebody.
func (v *visitor) byTicket(ctx context.Context, people Directory) (principal.Principal, error) {
	ticket, err := people.SpendFeedTicket(ctx, v.ticket)
	if errors.Is(err, directory.ErrUnknown) {
		err = problem.New(problem.Unauthenticated, "The ticket has been used, or is over: a ticket opens the feed once, within half a minute.")
	}
	if err != nil {
		return principal.Principal{}, err
	}
	return v.standing(ctx, ticket.Credential, ticket.Tenant)
}

// Again is principal.Finder's.
func (v *visitor) Again(ctx context.Context, p principal.Principal) (principal.Principal, error) {
	return v.standing(ctx, p.Credential(), p.Tenant())
}

func (v *visitor) standing(ctx context.Context, shown principal.Credential, tenant string) (principal.Principal, error) {
	if shown.Kind == principal.ByKey && v.door.adminKey != nil {
		return v.byKey(ctx, tenant)
	}
	people, err := v.door.accounts.directory()
	if err != nil {
		return principal.Principal{}, err
	}
	return v.from(people.Stands(ctx, shown, tenant))
}

// from is who a standing makes of the visitor. Silence stays what it is: it says nothing of anybody.
func (v *visitor) from(s directory.Standing, err error) (principal.Principal, error) {
	switch {
	case errors.Is(err, directory.ErrUnknown):
		return principal.Principal{}, problem.New(problem.Unauthenticated, "What was sent to say who you are is nobody's, or is so no more: sign in again, "+
			"or send another API token.")
	case errors.Is(err, directory.ErrNoTenant):
		err = noTenant()
	case err != nil:
		return principal.Principal{}, err
	}
	if s.Credential.Kind == principal.BySession {
		return principal.Person(v.address, s.Account, s.Credential.ID, s.Operator, s.Place), err
	}
	return principal.Bearer(v.address, s.Account, s.Credential.ID, s.Operator, s.Scopes, s.Place), err
}

func noTenant() error { return problem.New(problem.NotFound, "There is no such tenant.") }

// isAdminKey compares digests, which takes the same time whatever the lengths.
func (d *Door) isAdminKey(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return d.adminKey != nil && subtle.ConstantTimeCompare(sum[:], d.adminKey[:]) == 1
}
