package query

import "github.com/store-platform/store-platform/pkg/store"

// Order is in what order stores are listed.
type Order string

// The orders. The first two never change for a store, so that pages of them hold each store once whatever happens meanwhile; one
// that is renamed meanwhile moves in the third. There is none by the last change: it would move with every message.
const (
	Newest Order = "newest"
	Oldest Order = "oldest"
	// ByName is by the name without its case and accents, and of one name by age.
	ByName Order = "name"
)

// Orders are all of them.
var Orders = []Order{Newest, Oldest, ByName}

// StoresRequest asks for stores.
type StoresRequest struct {
	// Scope is whose.
	Scope Scope `json:"-"`
	// Log is the epoch of the asker's log; empty of gateways before it was asked for, which take any.
	Log    string       `json:"log,omitempty"`
	Status store.Status `json:"status,omitempty"`
	// Statuses are several, of which a store has one; beside them Status says nothing.
	Statuses []store.Status `json:"statuses,omitempty"`
	Engine   string         `json:"engine,omitempty"`
	Plan     string         `json:"plan,omitempty"`
	// Name is a whole one, however its case and its accents are written. Search matches part of a name or an id.
	Name   string `json:"name,omitempty"`
	Search string `json:"search,omitempty"`
	// Deleted stores are listed only when asked for.
	Deleted bool `json:"deleted,omitempty"`
	// Order is Newest where it is empty.
	Order Order `json:"order,omitempty"`
	// After is the cursor of the page before; Limit is 1 to 200.
	After string `json:"after,omitempty"`
	Limit int    `json:"limit"`
	// Seen is a version the caller has seen: the answer waits, bounded, until the projection is that far.
	Seen uint64 `json:"seen,omitempty"`
}

// Question is by which the request is put. A release before Listing reads no more than Stores asks for, and would answer the rest as if
// nobody had asked for it: what it doesn't know is put where only those listen who do. Both are answered the same way.
func (r StoresRequest) Question() Question[StoresRequest, StoresReply] {
	if r.Plain() {
		return Stores
	}
	return Listing
}

// Plain says that the request holds nothing that a release before Listing doesn't know.
func (r StoresRequest) Plain() bool {
	return len(r.Statuses) == 0 && r.Plan == "" && r.Name == "" && (r.Order == "" || r.Order == Newest)
}

// Among are the statuses asked for; none means all but Deleted, and that too where it is asked for.
func (r StoresRequest) Among() []store.Status {
	if len(r.Statuses) == 0 && r.Status != "" {
		return []store.Status{r.Status}
	}
	return r.Statuses
}

// StoresReply is one page.
type StoresReply struct {
	Stores []Store `json:"stores"`
	Next   string  `json:"next,omitempty"`
	// Checkpoint is how far the projection was when it answered.
	Checkpoint uint64 `json:"checkpoint"`
}

// CountsReply is how many stores a list of the request would hold, whatever its order, cursor and limit.
type CountsReply struct {
	ByStatus   map[store.Status]int64 `json:"byStatus"`
	Checkpoint uint64                 `json:"checkpoint"`
}
