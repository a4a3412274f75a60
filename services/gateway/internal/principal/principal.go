// Package principal says who asks. The door makes a Principal of every request that it lets in, by one of the constructors
// here; all others only ask it, and what one may do is said by package rights alone. The zero value is nobody: it may do nothing
// and see nothing, so that a route which nobody stands before, or a context that somebody forgot to pass on, gives nothing away.
package principal

import (
	"net/netip"
	"slices"
)

// Admin is how the log names who acts with the admin key.
const Admin = "admin"

// Kind is by what somebody is known.
type Kind uint8

// The kinds. The zero value is nobody's.
const (
	Nobody Kind = iota
	// ByAddress is a client of a gateway without accounts.
	ByAddress
	// AtHand is one that sits at such a gateway's own machine, where no admin key says who operates.
	AtHand
	// ByKey is who holds the admin key.
	ByKey
	// BySession is somebody who has signed in.
	BySession
	// ByToken is a script that somebody has given an API token.
	ByToken
)

// Credential is what stands behind a principal, to ask about it again. Nobody can show it at the door: of a session it is the
// secret's digest, of a token its id.
type Credential struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id,omitempty"`
}

// Place is what somebody is in the tenant that a request is made for; zero where it is made for none.
type Place struct {
	Tenant string
	// Role is empty of an operator who isn't a member.
	Role Role
	// Suspended is the tenant's.
	Suspended bool
}

// Principal is who asks. It is a value and can be compared.
type Principal struct {
	credential Credential
	address    netip.Addr
	// actor is how the log names who acts.
	actor    string
	account  string
	place    Place
	scopes   scopes
	operator bool
}

// Client is who is known by an address alone and has the tenant of that. withPasswords is false where only the admin
// key opens these.
func Client(address netip.Addr, tenant string, withPasswords bool) Principal {
	if tenant == "" {
		return Principal{}
	}
	may := setOf(ReadStores, WriteStores)
	if withPasswords {
		may = setOf(ReadStores, WriteStores, ReadPasswords)
	}
	return Principal{
		credential: Credential{Kind: ByAddress}, address: address, actor: tenant, place: Place{Tenant: tenant, Role: Owner}, scopes: may,
	}
}

// AtMachine is a client that sits at the gateway's own machine, where no admin key says who operates. Stores of others
// are no business of who merely sits there.
func AtMachine(address netip.Addr, tenant string) Principal {
	p := Client(address, tenant, true)
	if p.Known() {
		p.credential.Kind = AtHand
	}
	return p
}

// KeyHolder holds the admin key of a gateway without accounts. What it creates is the tenant's that its address is.
func KeyHolder(address netip.Addr, tenant string) Principal {
	if tenant == "" {
		return Principal{}
	}
	return Key(address, tenant)
}

// Key holds the admin key, and acts for a tenant or for none.
func Key(address netip.Addr, tenant string) Principal {
	return Principal{
		credential: Credential{Kind: ByKey}, address: address, actor: Admin, place: Place{Tenant: tenant}, scopes: all, operator: true,
	}
}

// Person is an account that has signed in. Where it is no member, and no operator either, it is in no place.
func Person(address netip.Addr, account, session string, operator bool, in Place) Principal {
	if account == "" || session == "" {
		return Principal{}
	}
	if !in.Role.Known() && !operator {
		in = Place{}
	}
	return Principal{
		credential: Credential{Kind: BySession, ID: session}, address: address, actor: account, account: account,
		place: in, scopes: all, operator: operator,
	}
}

// Bearer is an API token of an account, in the tenant that it was made for. It is an operator where its account is, and
// it has the scope. Where neither the account is a member any more nor the token an operator's, it is nobody.
func Bearer(address netip.Addr, account, token string, operator bool, scopes []Scope, in Place) Principal {
	operator = operator && slices.Contains(scopes, Operate)
	if account == "" || token == "" || in.Tenant == "" || !in.Role.Known() && !operator {
		return Principal{}
	}
	return Principal{
		credential: Credential{Kind: ByToken, ID: token}, address: address, actor: account + "/" + token, account: account,
		place: in, scopes: setOf(scopes...), operator: operator,
	}
}

// Known says whether this is anybody.
func (p Principal) Known() bool { return p.credential.Kind != Nobody }

// Kind is by what the principal is known.
func (p Principal) Kind() Kind { return p.credential.Kind }

// Credential is what to ask about again; zero of nobody.
func (p Principal) Credential() Credential { return p.credential }

// Actor is how the log names who acts; empty of nobody, who never does.
func (p Principal) Actor() string { return p.actor }

// Account is who has signed in, or has made the token; empty of others.
func (p Principal) Account() string { return p.account }

// Tenant owns what the principal creates; empty of nobody, and of who acts for no tenant.
func (p Principal) Tenant() string { return p.place.Tenant }

// Role is what the principal is in its tenant; empty of an operator who is no member of it.
func (p Principal) Role() Role { return p.place.Role }

// Suspended says that the tenant's people may only read.
func (p Principal) Suspended() bool { return p.place.Suspended }

// Operator says whether it looks after the platform, and with it after everybody's stores.
func (p Principal) Operator() bool { return p.operator }

// Holds says whether a scope is its own; a token has those that it was made with, and nobody none.
func (p Principal) Holds(scope Scope) bool { return p.scopes&bit(scope) != 0 }

// Unmetered says whether it may write as much as it likes: who operates has to be able to act while others make too much
// noise, and answers for the log anyway. Who merely sits at the machine is a tenant like any other.
func (p Principal) Unmetered() bool { return p.operator }

// Address is where the request came from, as far as proxies that are trusted say; invalid of nobody.
func (p Principal) Address() netip.Addr { return p.address }
