package store

import "time"

// Type says what a message is: a verb for a command, a word in the past tense for an event.
type Type string

// Commands have their verb for a type.
const (
	CreateCommand  = Type(Create)
	RetryCommand   = Type(Retry)
	MendCommand    = Type(Mend)
	UpdateCommand  = Type(Update)
	SuspendCommand = Type(Suspend)
	ResumeCommand  = Type(Resume)
	RefreshCommand = Type(Refresh)
	DeleteCommand  = Type(Delete)
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
	// CredentialsViewed: somebody was shown the store's passwords. Earlier releases wrote it; such a look is an audit entry
	// now (storelog.AuditEntry), since a history is for ever and a look costs nothing.
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
	// Renamed: the store is called Facts.Name from now on.
	Renamed Type = "renamed"
	// LifetimeChanged: the store may be deleted at Facts.ExpiresAt, or never by itself where that is nil.
	LifetimeChanged Type = "lifetime_changed"
	// Transferred: the store is the message's tenant's from now on, with all its history, and Facts.From's no more.
	Transferred Type = "transferred"
	// BecameReady is terminal: the shop answered.
	BecameReady Type = "ready"
	// BecameSuspended is terminal: nothing of the store runs, and its address says so.
	BecameSuspended Type = "suspended"
	// BecameFailed is terminal: no further attempt of the command will be made. A store that stood stands as it did, unless
	// the command was past its point of no return; one that never stood is Failed.
	BecameFailed Type = "failed"
	// Superseded is terminal: a newer command came before this one was done.
	Superseded Type = "superseded"
	// BecameDeleted is terminal: nothing of the store is left in the cluster.
	BecameDeleted Type = "deleted"
)

// ReasonCancelled is that of an operation which was called off.
const ReasonCancelled = "Cancelled"

// IsCommand says whether a message of this type that this program writes is a command. Of one that was read the subject
// says it: see Message.IsCommand.
func (t Type) IsCommand() bool { return Verb(t).IsVerb() }

// IsTerminal says whether an event of this type ends its command.
func (t Type) IsTerminal() bool {
	return t == BecameReady || t == BecameSuspended || t == BecameFailed || t == Superseded || t == BecameDeleted
}

// Since is the least write level of a log that may hold a message of this type: releases before it would take it for
// something else, or lose what it says.
func (t Type) Since() int {
	switch t {
	case Renamed, LifetimeChanged, Transferred, BecameSuspended:
		return 4
	}
	return max(1, Verbs[Verb(t)].Schema)
}

// Facts are what a message says beyond its type. Which ones are set depends on the type.
type Facts struct {
	Spec    *Spec  `json:"spec,omitempty" doc:"What the store is to be"`
	Request string `json:"request,omitempty" doc:"A digest of the create request"`
	// Cluster is where a create wants its store to be made; empty means DefaultCluster. No other message has one.
	Cluster   string     `json:"cluster,omitempty" doc:"Where it is made"`
	Attempt   int        `json:"attempt,omitempty" doc:"Which attempt"`
	Step      string     `json:"step,omitempty" doc:"Which step"`
	Via       string     `json:"via,omitempty" doc:"How what was done was done"`
	Reason    string     `json:"reason,omitempty" doc:"CamelCase"`
	Message   string     `json:"message,omitempty" doc:"A sentence"`
	Detail    string     `json:"detail,omitempty" doc:"The cluster's own words"`
	NotBefore *time.Time `json:"notBefore,omitempty" doc:"When the next attempt is due"`
	URL       string     `json:"url,omitempty" doc:"Where the shop is"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When the store is deleted by itself"`
	// DeadLetter is the sequence of the message that an operator has dealt with: also on the command that redrives it.
	DeadLetter uint64 `json:"deadLetter,omitempty" doc:"Which dead letter was dealt with"`
	// Name is a store's new one.
	Name string `json:"name,omitempty" doc:"The store's new name"`
	// Settings is the digest of what the installation said of its stores, and of how they are closed off, when this one was made so.
	Settings string `json:"settings,omitempty" doc:"A digest of what the installation said of its stores when this one was made so"`
	// Tenant is whose store the worker took this one for that made it so: it may have become another's meanwhile.
	Tenant string `json:"tenant,omitempty" doc:"Whose store it was when it was made so"`
	// From is whose store it was until it was transferred.
	From string `json:"from,omitempty" doc:"Whose store it was"`
}

// Message is one entry of a store's history.
type Message struct {
	// ID is unique for ever; its writer recognises its own message by it.
	ID   string
	Type Type
	// Store and Tenant are set on every message, so that one can be routed without the others. The tenant is whose store it is
	// behind the message.
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
	// Schema is the version of State that the message is written in; zero is this program's own.
	Schema int
	// Command is what the subject of a message that was read says: a verb that this program doesn't know is one, too.
	Command bool
}

// IsCommand tells what is wanted from what happened.
func (m Message) IsCommand() bool { return m.Command || m.Type.IsCommand() }
