// Package rights says who may do what, in one table and by one pure function. A route names its action, by which its guard asks
// here whether who comes may do that to anybody's at all; whoever knows whose it is done to asks again, for that owner.
package rights

import (
	"maps"
	"slices"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Action is what a route does, for those who decide whether it may.
type Action string

// The actions.
const (
	// Look is at what is the same for everybody: pages, the catalog, probes.
	Look Action = "look"
	// SignIn is all by which nobody becomes somebody: signing up and in, out, and what a link opens.
	SignIn Action = "sign_in"

	// ReadAccount and ChangeAccount are about one's own, ListTenants about those that one belongs to.
	ReadAccount   Action = "account.read"
	ChangeAccount Action = "account.change"
	ListTenants   Action = "tenants.list"
	CreateTenant  Action = "tenants.create"
	// ManageAccounts is about those of others: who looks after the platform, and links to read out.
	ManageAccounts Action = "accounts.manage"
	// ReadTenant: its name, members and limits; Manage: these but for limits, its invites, and its end; LimitTenant: limits, and suspending it.
	ReadTenant   Action = "tenant.read"
	ManageTenant Action = "tenant.manage"
	LimitTenant  Action = "tenant.limit"
	// ManageTokens is about one's own in a tenant.
	ManageTokens Action = "tokens.manage"

	// ReadStores: with their histories, links and logs, and the feed; TicketFeed: letting a page listen that can't say who it is.
	ReadStores    Action = "stores.read"
	TicketFeed    Action = "feed.ticket"
	CreateStore   Action = "stores.create"
	CommandStores Action = "stores.command"
	TransferStore Action = "stores.transfer"
	ReadPasswords Action = "passwords.read"

	// ReadLetters and AnswerLetters are about dead letters.
	ReadLetters   Action = "letters.read"
	AnswerLetters Action = "letters.answer"
	// ReadAudit: who did what in a tenant; of operators, anywhere.
	ReadAudit Action = "audit.read"
	// ReadUsage: what a tenant's stores took, which is what it is billed by.
	ReadUsage Action = "usage.read"
	// Operate is about the platform itself: its log, its sweeps, and messages that nobody can read.
	Operate Action = "platform.operate"
)

// reach is whose things others than an owner's own people may do something to.
type reach int

const (
	// The zero value is nobody's.
	_ reach = iota
	// named: operators, for the tenant that they name.
	named
	// everybodys: operators, to whomever it belongs.
	everybodys
	// platforms: so do those who look after the platform and not after others' stores.
	platforms
)

// row is what an action takes.
type row struct {
	// open is for everybody, nobody included.
	open bool
	// by are the kinds of principals that may do it, where it is about who does it and not about an owner.
	by []principal.Kind
	// role is the least that an owner's own people must be, and scope what their tokens hold; operators' tokens, too.
	role  principal.Role
	scope principal.Scope
	reach reach
	// changes is what people of a suspended tenant may not.
	changes bool
}

// table is all that anybody may do. What has no row nobody may.
var table = map[Action]row{
	Look:   {open: true},
	SignIn: {open: true},

	ReadAccount:    {by: []principal.Kind{principal.BySession, principal.ByToken, principal.ByKey}},
	ChangeAccount:  {by: []principal.Kind{principal.BySession}},
	ListTenants:    {by: []principal.Kind{principal.BySession, principal.ByToken, principal.ByKey}},
	CreateTenant:   {by: []principal.Kind{principal.BySession, principal.ByKey}},
	ManageAccounts: {scope: principal.Operate, reach: everybodys},
	ReadTenant:     {role: principal.Viewer, scope: principal.ManageTenant, reach: everybodys},
	ManageTenant:   {role: principal.Owner, scope: principal.ManageTenant, reach: everybodys, changes: true},
	LimitTenant:    {scope: principal.Operate, reach: everybodys},
	ManageTokens:   {role: principal.Viewer, scope: principal.ManageTenant, changes: true},

	ReadStores:    {role: principal.Viewer, scope: principal.ReadStores, reach: everybodys},
	TicketFeed:    {role: principal.Viewer, scope: principal.ReadStores, reach: everybodys},
	CreateStore:   {role: principal.Member, scope: principal.WriteStores, reach: named, changes: true},
	CommandStores: {role: principal.Member, scope: principal.WriteStores, reach: everybodys, changes: true},
	TransferStore: {scope: principal.Operate, reach: platforms},
	ReadPasswords: {role: principal.Member, scope: principal.ReadPasswords, reach: everybodys, changes: true},

	ReadLetters:   {role: principal.Viewer, scope: principal.ReadStores, reach: platforms},
	AnswerLetters: {role: principal.Member, scope: principal.WriteStores, reach: platforms, changes: true},
	ReadAudit:     {role: principal.Owner, scope: principal.ManageTenant, reach: platforms},
	ReadUsage:     {role: principal.Owner, scope: principal.ManageTenant, reach: platforms},
	Operate:       {scope: principal.Operate, reach: platforms},
}

// Actions lists them all, by name.
func Actions() []Action { return slices.Sorted(maps.Keys(table)) }

// Known says whether this is an action at all.
func (a Action) Known() bool { _, known := table[a]; return known }

// Open says whether it is everybody's.
func (a Action) Open() bool { return table[a].open }

// Personal says whether it is about who does it, whatever the tenant.
func (a Action) Personal() bool { return len(table[a].by) > 0 }

// Takes is the scope without which no API token does it; empty where none is asked for, or none is enough.
func (a Action) Takes() principal.Scope { return table[a].scope }

// TakesAccounts says whether it is about accounts, which not every gateway has.
func (a Action) TakesAccounts() bool {
	return a.Personal() || slices.Contains([]Action{SignIn, ManageAccounts, ReadTenant, ManageTenant, LimitTenant, ManageTokens, TicketFeed}, a)
}

// Allow says whether somebody may do something to what is an owner's. Of what is about who does it, the owner is nothing.
func Allow(p principal.Principal, a Action, owner string) bool {
	r := table[a]
	switch {
	case r.open:
		return true
	case !p.Known():
		return false
	case a.Personal():
		return slices.Contains(r.by, p.Kind())
	case everywhere(p, r) || r.reach == named && p.Operator() && p.Holds(r.scope) && owner != "" && owner == p.Tenant():
		return true
	}
	return owner != "" && owner == p.Tenant() && r.role.Known() && p.Role().Within(r.role) == r.role &&
		p.Holds(r.scope) && !(r.changes && p.Suspended())
}

// everywhere says whether somebody may do it to whatever owner's, and to what is nobody's.
func everywhere(p principal.Principal, r row) bool {
	switch r.reach {
	case everybodys:
		return p.Operator() && p.Holds(r.scope)
	case platforms:
		return p.Operator() && (p.Holds(r.scope) || p.Holds(principal.Operate)) || p.Kind() == principal.AtHand
	}
	return false
}

// May says whether somebody may do it to anybody's at all.
func May(p principal.Principal, a Action) bool {
	return Allow(p, a, p.Tenant()) || p.Known() && everywhere(p, table[a])
}

// Scope is whose things somebody may do it to: everybody's, one tenant's or nobody's.
func Scope(p principal.Principal, a Action) query.Scope {
	switch {
	case p.Known() && everywhere(p, table[a]):
		return query.All()
	case Allow(p, a, p.Tenant()):
		return query.Of(p.Tenant())
	}
	return query.Scope{}
}
