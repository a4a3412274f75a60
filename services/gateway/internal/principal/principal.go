// Package principal says who asks and what they may do. The door makes a Principal of every request that it lets in, by
// one of the constructors here; all others only ask it. The zero value is nobody: it may do nothing and see nothing, so
// that a route which nobody stands before, or a context that somebody forgot to pass on, gives nothing away.
package principal

import (
	"cmp"
	"context"
	"errors"
	"net/netip"

	"github.com/store-platform/store-platform/pkg/query"
)

// ErrNobody: it isn't known who asks, and nobody gets this.
var ErrNobody = errors.New("nobody asks")

// Admin is how the log names who acts with the admin key.
const Admin = "admin"

// may is a set of rights. Each is asked for by one method and given by a constructor.
type may uint8

const (
	// seeOwn: read the tenant's stores, and command them.
	seeOwn may = 1 << iota
	// seePasswords: of the stores that may be seen.
	seePasswords
	// seeAll: every tenant's stores as the tenant's own.
	seeAll
	// operate: look after the platform itself, its sweeps and everybody's dead letters.
	operate
)

// Principal is who asks. It is a value and can be compared.
type Principal struct {
	// id is how the log names who acts.
	id      string
	tenant  string
	address netip.Addr
	may     may
}

// Client is who is known by an address alone and has the tenant of that. withPasswords is false where only the admin
// key opens these.
func Client(address netip.Addr, tenant string, withPasswords bool) Principal {
	if tenant == "" {
		return Principal{}
	}
	p := Principal{id: tenant, tenant: tenant, address: address, may: seeOwn}
	if withPasswords {
		p.may |= seePasswords
	}
	return p
}

// AtMachine is a client that sits at the gateway's own machine, where no admin key says who operates. Stores of others
// are no business of who merely sits there.
func AtMachine(address netip.Addr, tenant string) Principal {
	p := Client(address, tenant, true)
	if p.Known() {
		p.may |= operate
	}
	return p
}

// KeyHolder holds the admin key. What it creates is the tenant's that its address is.
func KeyHolder(address netip.Addr, tenant string) Principal {
	p := Client(address, tenant, true)
	if p.Known() {
		p.id, p.may = Admin, p.may|seeAll|operate
	}
	return p
}

// Known says whether this is anybody.
func (p Principal) Known() bool { return p.may != 0 }

// Actor is how the log names who acts; empty of nobody, who never does.
func (p Principal) Actor() string { return p.id }

// Tenant owns what the principal creates; empty of nobody.
func (p Principal) Tenant() string { return p.tenant }

// Address is where the request came from, as far as proxies that are trusted say; invalid of nobody.
func (p Principal) Address() netip.Addr { return p.address }

// MayCreate says whether the principal may have stores of its own.
func (p Principal) MayCreate() bool { return p.has(seeOwn) && p.tenant != "" }

// MaySee says whether a tenant's stores are the principal's business, to look at and to command.
func (p Principal) MaySee(tenant string) bool { return p.Stores().Sees(tenant) }

// MaySeePasswords says whether it may be shown those of the stores that it may see.
func (p Principal) MaySeePasswords() bool { return p.has(seePasswords) }

// MayOperate says whether it looks after the platform itself.
func (p Principal) MayOperate() bool { return p.has(operate) }

// Unmetered says whether it may write as much as it likes: who holds the admin key has to be able to act while others make
// too much noise, and answers for the log anyway. Who merely sits at the machine is a tenant like any other.
func (p Principal) Unmetered() bool { return p.has(seeAll) }

// Stores is whose stores it sees, in lists and on the feed.
func (p Principal) Stores() query.Scope {
	switch {
	case p.has(seeAll):
		return query.All()
	case p.has(seeOwn):
		return query.Of(p.tenant)
	default:
		return query.Scope{}
	}
}

// DeadLetters is whose dead letters it deals with: an operator everybody's, stores of others or not.
func (p Principal) DeadLetters() query.Scope {
	if p.MayOperate() {
		return query.All()
	}
	return p.Stores()
}

func (p Principal) has(right may) bool { return p.may&right != 0 }

type key struct{}

// asking is what a context says of who asks: a principal, or why there is none.
type asking struct {
	who Principal
	why error
}

// With says who asks in what is done with the context.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, key{}, asking{who: p})
}

// Without says that nobody asks, and why it can't be told who: whoever refuses nobody says that.
func Without(ctx context.Context, why error) context.Context {
	return context.WithValue(ctx, key{}, asking{why: why})
}

// In returns who asks; nobody, where the door has let nobody in.
func In(ctx context.Context) Principal {
	a, _ := ctx.Value(key{}).(asking)
	return a.who
}

// Missing is why nobody asks; nil where somebody does. A route that is for somebody asks this first of all.
func Missing(ctx context.Context) error {
	a, _ := ctx.Value(key{}).(asking)
	if a.who.Known() {
		return nil
	}
	return cmp.Or(a.why, ErrNobody)
}
