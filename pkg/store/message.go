package store

import "time"

// Verb is what a command wants done.
type Verb string

// The verbs. Delete is the janitor's, all others are the provisioner's.
const (
	Create Verb = "create"
	Retry  Verb = "retry"
	// Mend brings back what somebody else has taken away from a store that was made, or has changed about it. The
	// store keeps its address meanwhile.
	Mend   Verb = "mend"
	Delete Verb = "delete"
)

// Type says what a message is: a verb for a command, a word in the past tense for an event.
type Type string

// Commands have their verb for a type.
const (
	CreateCommand = Type(Create)
	RetryCommand  = Type(Retry)
	MendCommand   = Type(Mend)
	DeleteCommand = Type(Delete)
)

// Events. The terminal ones end the command whose generation they carry.
const (
	// Waited: nothing could be attempted yet (no cluster); costs no attempt.
	Waited Type = "waited"
	// AttemptStarted stands before the first call to Kubernetes, so that an attempt that kills its worker counts.
	AttemptStarted Type = "attempt_started"
	// AttemptYielded takes an attempt back that a clean shutdown interrupted.
	AttemptYielded Type = "attempt_yielded"
	StepCompleted  Type = "step_completed"
	// Progressed: the step Facts.Step is now doing what Facts.Message says.
	Progressed Type = "progressed"
	// RetryScheduled: the attempt failed for a reason that may pass; the next is due at NotBefore.
	RetryScheduled Type = "retry_scheduled"
	// CredentialsViewed: somebody was shown the store's passwords.
	CredentialsViewed Type = "credentials_viewed"

	// Redriven: an operator wants the message Facts.DeadLetter, which the projection has set aside, read once more.
	Redriven Type = "redriven"
	// Discarded: an operator has put the dead letter Facts.DeadLetter away, for the reason in Facts.Message.
	Discarded Type = "discarded"
	// BecameDegraded: a store that was Ready doesn't work as it should any more, or does so for another reason than
	// before. Nobody has asked for anything, so it belongs to the newest command, which ended long ago.
	BecameDegraded Type = "degraded"
	// Recovered: a Degraded store works again by itself.
	Recovered Type = "recovered"
	// BecameReady is terminal: the shop answered.
	BecameReady Type = "ready"
	// BecameFailed is terminal: no further attempt of the command will be made. It leaves a store Failed, one that was to
	// be mended Degraded.
	BecameFailed Type = "failed"
	// Superseded is terminal: a newer command came before this one was done.
	Superseded Type = "superseded"
	// BecameDeleted is terminal: nothing of the store is left in the cluster.
	BecameDeleted Type = "deleted"
)

// IsCommand tells what is wanted from what happened.
func (t Type) IsCommand() bool {
	return t == CreateCommand || t == RetryCommand || t == MendCommand || t == DeleteCommand
}

// IsTerminal says whether an event of this type ends its command.
func (t Type) IsTerminal() bool {
	return t == BecameReady || t == BecameFailed || t == Superseded || t == BecameDeleted
}

// Facts are what a message says beyond its type. Which ones are set depends on the type.
type Facts struct {
	Spec      *Spec      `json:"spec,omitempty"`
	Request   string     `json:"request,omitempty"`
	Attempt   int        `json:"attempt,omitempty"`
	Step      string     `json:"step,omitempty"`
	Via       string     `json:"via,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
	Detail    string     `json:"detail,omitempty"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	URL       string     `json:"url,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// DeadLetter is the sequence of the message that an operator has dealt with: also on the command that redrives it.
	DeadLetter uint64 `json:"deadLetter,omitempty"`
}

// Message is one entry of a store's history.
type Message struct {
	// ID is unique for ever; its writer recognises its own message by it.
	ID   string
	Type Type
	// Store and Tenant are set on every message, so that one can be routed without the others.
	Store  ID
	Tenant string
	// Actor is who caused it: a client, or "provisioner", "janitor".
	Actor string
	// Generation is the command an event belongs to; zero on commands.
	Generation uint64
	Time       time.Time
	// Seq is the message's stream sequence; zero until it is appended.
	Seq   uint64
	Facts Facts
}
