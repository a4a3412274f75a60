package query

import (
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// DeadLetterKind says what waits for an operator.
type DeadLetterKind string

// The kinds. Redriving sends the command of the first two again; the third is read once more by the projection.
const (
	// DeadFailed: a command ended Failed, after its attempts or for good at once.
	DeadFailed DeadLetterKind = "failed"
	// DeadStuck: a delete that has had its attempts and goes on every five minutes.
	DeadStuck DeadLetterKind = "stuck"
	// DeadSetAside: a message that the projection could not read or Postgres could not hold.
	DeadSetAside DeadLetterKind = "set_aside"
)

// DeadLetterKinds are all of them.
var DeadLetterKinds = []DeadLetterKind{DeadFailed, DeadStuck, DeadSetAside}

// DeadLetter is one of them as operators see it.
type DeadLetter struct {
	Seq     uint64         `json:"seq" doc:"Names it: the sequence of the command, or of the message that was set aside"`
	Kind    DeadLetterKind `json:"kind" doc:"What became of it"`
	Store   store.ID       `json:"store" doc:"The store's id"`
	Tenant  string         `json:"tenant,omitempty" doc:"Unknown of a message that can't be read"`
	Name    string         `json:"name,omitempty" doc:"The store's"`
	Verb    store.Verb     `json:"verb,omitempty" doc:"What was wanted"`
	Attempt int            `json:"attempt,omitempty" doc:"Attempts made"`
	Reason  string         `json:"reason,omitempty" doc:"CamelCase"`
	Message string         `json:"message" doc:"A sentence"`
	Detail  string         `json:"detail,omitempty" doc:"The cluster's own words"`
	Since   time.Time      `json:"since,omitzero" doc:"Missing where nobody has noted it"`
}

// DeadLettersRequest asks for them, oldest first.
type DeadLettersRequest struct {
	// Scope is whose; everybody's are also the messages that were set aside.
	Scope Scope `json:"-"`
	// Log is that of StoresRequest.
	Log  string         `json:"log,omitempty"`
	Kind DeadLetterKind `json:"kind,omitempty"`
	// After is the Seq of the page before's last; Limit is 1 to 200.
	After uint64 `json:"after,omitempty"`
	Limit int    `json:"limit"`
	Seen  uint64 `json:"seen,omitempty"`
}

// DeadLettersReply is one page; Next is the After of the following one, zero at the end.
type DeadLettersReply struct {
	DeadLetters []DeadLetter `json:"deadLetters"`
	Next        uint64       `json:"next,omitempty"`
	// Checkpoint is how far the projection was when it answered.
	Checkpoint uint64 `json:"checkpoint"`
}
