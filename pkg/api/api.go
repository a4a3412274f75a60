// Package api is the gateway's REST interface and feed as programs in Go meet them: the bodies of what one does about stores, as the OpenAPI
// document has them. It links the standard library only, so that a client is made of it and of net/http; test/cmd/course is one. The
// gateway has types of its own: a test in its package holds these against the document that it serves.
package api

import "time"

// Statuses of a store in which something has come to an end. In between it is Queued, Provisioning or Deleting.
const (
	Ready     = "Ready"
	Degraded  = "Degraded"
	Suspended = "Suspended"
	Failed    = "Failed"
	Deleted   = "Deleted"
)

// CreateStore is the body of POST /stores. Everything has a default.
type CreateStore struct {
	Name    string         `json:"name,omitempty"`
	Engine  string         `json:"engine,omitempty"`
	Plan    string         `json:"plan,omitempty"`
	Options map[string]any `json:"options,omitempty"`
	// TTL is in hours, minutes and seconds, as in 72h; for ever when empty.
	TTL string `json:"ttl,omitempty"`
}

// ChangeStore is the body of PATCH /stores/{id}: what is left out stays.
type ChangeStore struct {
	Name    *string        `json:"name,omitempty"`
	Plan    *string        `json:"plan,omitempty"`
	Options map[string]any `json:"options,omitempty"`
	// TTL that points to nil is for ever.
	TTL **string `json:"ttl,omitempty"`
}

// Line is where an operation in flight stands.
type Line struct {
	Place int    `json:"place,omitempty"`
	Of    int    `json:"of,omitempty"`
	Why   string `json:"why"`
	ETA   *ETA   `json:"eta,omitempty"`
}

// ETA is in how many seconds it is likely over: in one of two cases, and in nineteen of twenty.
type ETA struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// At says of which moment of the past an answer is.
type At struct {
	Seq  uint64     `json:"seq"`
	Time *time.Time `json:"time,omitempty"`
}

// Store is one, as it is; as it was where At says when.
type Store struct {
	ID            string         `json:"id"`
	Tenant        string         `json:"tenant"`
	Name          string         `json:"name"`
	Engine        string         `json:"engine"`
	EngineVersion string         `json:"engineVersion"`
	Plan          string         `json:"plan"`
	Options       map[string]any `json:"options,omitempty"`
	Status        string         `json:"status"`
	Operation     string         `json:"operation,omitempty"`
	Line          *Line          `json:"line,omitempty"`
	Steps         []string       `json:"steps"`
	Progress      string         `json:"progress,omitempty"`
	Attempt       int            `json:"attempt"`
	Reason        string         `json:"reason,omitempty"`
	Message       string         `json:"message,omitempty"`
	Detail        string         `json:"detail,omitempty"`
	NotBefore     *time.Time     `json:"notBefore,omitempty"`
	URL           string         `json:"url,omitempty"`
	Generation    uint64         `json:"generation"`
	Version       uint64         `json:"version"`
	CreatedAt     time.Time      `json:"createdAt"`
	UpdatedAt     time.Time      `json:"updatedAt"`
	ExpiresAt     *time.Time     `json:"expiresAt,omitempty"`
	LastOperation Operation      `json:"lastOperation"`
	Failures      []Failure      `json:"failures,omitempty"`
	At            *At            `json:"at,omitempty"`
}

// Operation is what is being done about a store, or was done last.
type Operation struct {
	Verb       string     `json:"verb"`
	Of         string     `json:"of,omitempty"`
	Generation uint64     `json:"generation"`
	Root       uint64     `json:"root"`
	Actor      string     `json:"actor,omitempty"`
	Outcome    string     `json:"outcome,omitempty"`
	Attempt    int        `json:"attempt"`
	Steps      []string   `json:"steps"`
	Progress   string     `json:"progress,omitempty"`
	NotBefore  *time.Time `json:"notBefore,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Message    string     `json:"message,omitempty"`
	Detail     string     `json:"detail,omitempty"`
}

// Failure is an operation that failed for good.
type Failure struct {
	Verb       string    `json:"verb"`
	Generation uint64    `json:"generation"`
	Step       string    `json:"step,omitempty"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason,omitempty"`
	Message    string    `json:"message,omitempty"`
	Detail     string    `json:"detail,omitempty"`
	Discarded  string    `json:"discarded,omitempty"`
}

// StoreList is a page of GET /stores.
type StoreList struct {
	Stores []Store `json:"stores"`
	Next   string  `json:"next,omitempty"`
	// Feed is the cursor behind which the feed tells what this page doesn't.
	Feed string `json:"feed"`
	At   *At    `json:"at,omitempty"`
}

// LinkList is the body of GET /stores/{id}/links.
type LinkList struct {
	Links []Link `json:"links"`
}

// Link is a page of a store.
type Link struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// CredentialList is the body of GET /stores/{id}/credentials.
type CredentialList struct {
	Credentials []Credential `json:"credentials"`
}

// Credential is a generated password.
type Credential struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Username string `json:"username,omitempty"`
	Password string `json:"password"`
}

// EventList is a page of GET /stores/{id}/events.
type EventList struct {
	Events []Event `json:"events"`
	Next   uint64  `json:"next,omitempty"`
}

// Event is an entry of a store's history.
type Event struct {
	Seq        uint64    `json:"seq"`
	Store      string    `json:"store"`
	Type       string    `json:"type"`
	Time       time.Time `json:"time"`
	Actor      string    `json:"actor"`
	Generation uint64    `json:"generation"`
	Verb       string    `json:"verb,omitempty"`
	Facts      Facts     `json:"facts"`
}

// Facts are what there is to say of an event, by its type.
type Facts struct {
	Spec       *Spec      `json:"spec,omitempty"`
	Request    string     `json:"request,omitempty"`
	Cluster    string     `json:"cluster,omitempty"`
	Attempt    int        `json:"attempt,omitempty"`
	Step       string     `json:"step,omitempty"`
	Via        string     `json:"via,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Message    string     `json:"message,omitempty"`
	Detail     string     `json:"detail,omitempty"`
	NotBefore  *time.Time `json:"notBefore,omitempty"`
	URL        string     `json:"url,omitempty"`
	ExpiresAt  *time.Time `json:"expiresAt,omitempty"`
	DeadLetter uint64     `json:"deadLetter,omitempty"`
	Name       string     `json:"name,omitempty"`
	Settings   string     `json:"settings,omitempty"`
	Tenant     string     `json:"tenant,omitempty"`
	From       string     `json:"from,omitempty"`
}

// Spec is what a store is to be.
type Spec struct {
	Name    string         `json:"name"`
	Engine  string         `json:"engine"`
	Version string         `json:"version"`
	Plan    string         `json:"plan"`
	Options map[string]any `json:"options,omitempty"`
}

// Problem is how every request is refused (RFC 9457): branch on Code, show Detail, and ask again only where Retryable says so.
type Problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Code      string  `json:"code"`
	Detail    string  `json:"detail"`
	Retryable bool    `json:"retryable"`
	Field     string  `json:"field,omitempty"`
	Errors    []Fault `json:"errors,omitempty"`
	// Operation and Generation are of what is in the way.
	Operation  string `json:"operation,omitempty"`
	Generation uint64 `json:"generation,omitempty"`
	// Current is the store as it is, where it isn't the one that If-Match names.
	Current *Store `json:"current,omitempty"`
}

// Fault is one of several wrong fields.
type Fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is the detail, with the code for whoever reads logs.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }
