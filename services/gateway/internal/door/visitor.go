package door

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// tokenPrefix is how API tokens begin, so that they are told from the admin key, and found where they were left lying about.
const tokenPrefix = "sp_"

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
}

// WithAccounts makes a door that goes by accounts, and by addresses no more.
func (d *Door) WithAccounts(directory func() (Directory, error), session func(cookies, host string) string) *Door {
	d.accounts = &accounts{directory: directory, session: session}
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
	// unsaid: the request changes something, and doesn't say which page sends it.
	unsaid bool
}

func (d *Door) visitor(c *fiber.Ctx, asks caller) *visitor {
	v := &visitor{
		door: d, address: asks.address, tenant: c.Get("X-Tenant"), key: presentedKey(c),
		session: d.accounts.session(c.Get(fiber.HeaderCookie), string(c.Context().Host())),
		unsaid:  !looks(c.Method()) && c.Get(fiber.HeaderOrigin) == "" && c.Get("Sec-Fetch-Site") == "",
	}
	if c.Path() == feedPath {
		v.ticket = c.Query("ticket")
	}
	return v
}

// looks says whether a method changes nothing.
func looks(method string) bool {
	return method == fiber.MethodGet || method == fiber.MethodHead || method == fiber.MethodOptions
}

// Find is principal.Finder's.
func (v *visitor) Find(ctx context.Context, tenant string) (principal.Principal, error) {
	if tenant == "" {
		tenant = v.tenant
	}
	switch {
	case v.key != "" && !strings.HasPrefix(v.key, tokenPrefix):
		if !v.door.isAdminKey(v.key) {
			return principal.Principal{}, problem.New(problem.Unauthenticated, "The key that was sent is neither an API token nor this gateway's ADMIN_API_KEY.")
		}
		return v.byKey(ctx, tenant)
	case v.key == "" && v.ticket == "" && v.session == "":
		return principal.Principal{}, problem.New(problem.Unauthenticated, "This is for somebody whom the gateway knows: sign in, or send an API token "+
			"as a bearer token or as X-Api-Key.")
	// A browser adds the cookie to whatever any page has it send, so a page that changes something has to say that it is ours. The door has
	// refused those which say that they aren't.
	case v.key == "" && v.ticket == "" && v.unsaid:
		return principal.Principal{}, problem.New(problem.ForeignOrigin, "A request that is its sender's by a cookie, and changes something, "+
			"says in Origin which page sends it.")
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
	return v.from(s, err)
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
		return principal.Person(v.address, s.Account.ID, s.Credential.ID, s.Account.Operator, s.Place), err
	}
	return principal.Bearer(v.address, s.Account.ID, s.Credential.ID, s.Account.Operator, s.Scopes, s.Place), err
}

func noTenant() error { return problem.New(problem.NotFound, "There is no such tenant.") }

// isAdminKey compares digests, which takes the same time whatever the lengths.
func (d *Door) isAdminKey(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return d.adminKey != nil && subtle.ConstantTimeCompare(sum[:], d.adminKey[:]) == 1
}
