package query

import (
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Act is an entry of the audit as people see it: who did what, in ids only. What is done to a store by a command its own history
// says, too, and for ever.
type Act struct {
	At     time.Time `json:"at" doc:"By the broker's clock"`
	What   string    `json:"what" example:"credentials_viewed" doc:"What was done"`
	Tenant string    `json:"tenant,omitempty" doc:"Whose store it was, or the tenant that it was about"`
	Store  store.ID  `json:"store,omitempty" doc:"The store that it was about"`
	Actor  string    `json:"actor,omitempty" doc:"Who did it: an account, an account and its token, a tenant of open mode, or the holder of the admin key. Missing of a sign-in that was refused: nobody did it"`
	Origin string    `json:"origin,omitempty" doc:"The tenant that it was done from, where that may be another"`
	About  string    `json:"about,omitempty" doc:"The id of what it was done to, where that isn't a store: an account, a tenant, a token, an invite"`
	Before string    `json:"before,omitempty" doc:"Whose the store was, of a transfer"`
	After  string    `json:"after,omitempty" doc:"Whose it is since"`
}

// AuditRequest asks for acts, newest first. The audit outlives logs and rebuilds, so no log is asked for.
type AuditRequest struct {
	// Scope is whose; everybody's are also the acts that belong to no tenant, such as signing in.
	Scope Scope `json:"scope"`
	// What follows bounds it further; empty bounds nothing.
	Tenant string `json:"tenant,omitempty"`
	What   string `json:"what,omitempty"`
	Store  string `json:"store,omitempty" doc:"The store that it was about"`
	Actor  string `json:"actor,omitempty"`
	About  string `json:"about,omitempty"`
	// From is inclusive and To is exclusive; zero is no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// After is the Next of the page before; Limit is 1 to 200.
	After string `json:"after,omitempty"`
	Limit int    `json:"limit"`
}

// AuditReply is one page; Next is empty at the end.
type AuditReply struct {
	Acts []Act  `json:"acts"`
	Next string `json:"next,omitempty"`
}
