package store

import "slices"

// Verb is what a command wants done.
type Verb string

// The verbs. What each means for a store stands in its row of Verbs.
const (
	Create Verb = "create"
	// Retry tries again what failed, with its own arguments: see Operation.Of.
	Retry Verb = "retry"
	// Mend brings back what somebody else has taken away from a store that was made, or has changed about it. The
	// store keeps its address meanwhile.
	Mend Verb = "mend"
	// Update makes another plan and other options stand.
	Update Verb = "update"
	// Suspend stops all that a store runs and keeps its data; its address says so. Resume takes that back.
	Suspend Verb = "suspend"
	Resume  Verb = "resume"
	// Refresh has a store take over what the installation says of all its stores, and takes back what an operation had changed
	// that failed or was called off.
	Refresh Verb = "refresh"
	Delete  Verb = "delete"
)

// Hand is the worker whose a command is.
type Hand string

// The hands. One only adds, the other only removes.
const (
	Provisioner Hand = "provisioner"
	Janitor     Hand = "janitor"
)

// Row is what a verb means. Admit, Evolve, the subjects, the hands, the sweeps and the documents read it: a new verb is
// a row here, and its steps in its hand.
type Row struct {
	Verb Verb
	// Does is what it does, in a few words for people.
	Does string
	// From are the conditions of a store in which it is admitted. Create and Retry have rules of their own.
	From []Standing
	// Hand does it.
	Hand Hand
	// Schema is the least write level of a log that may hold it: an older release beside this one doesn't know the verb.
	Schema int
	// Steps are its steps in order, under the names that they have in the log.
	Steps []string
	// NoReturn is the step behind which what stood can't be gone back to: until it is recorded, a failure changes nothing
	// of the store's condition. A verb without one can be tried or undone at any time.
	NoReturn string
	// Recorded says that a step which the log has under the operation's root isn't asked again. The steps of all others
	// are observed: each try looks at the world.
	Recorded bool
	// Leaves is the condition that success makes; empty leaves a store suspended that was, and else makes it Up.
	Leaves Standing
	// Changes says that the command's Spec is what is to stand. Other verbs work on what stands already.
	Changes bool
	// Yields says that any other command may overtake it: nobody but the platform itself has asked for it.
	Yields bool
	// Forgets says that its failure is nobody's to deal with: the platform asks again by itself.
	Forgets bool
	// Resend is the verb under which a sweep sends it again when nobody has worked on it.
	Resend Verb
}

var (
	making = []string{"namespace", "isolation", "credentials", "release", "workloads", "http"}
	made   = []Standing{Up, DegradedStanding, SuspendedStanding}
)

// Verbs is the table of them.
var Verbs = map[Verb]Row{
	Create: {
		Verb: Create, Does: "makes the store", Hand: Provisioner, Schema: 1, Steps: making, Leaves: Up, Changes: true, Resend: Retry,
	},
	Retry: {
		Verb: Retry, Does: "tries again what failed", Hand: Provisioner, Schema: 1, Resend: Retry,
	},
	Mend: {
		Verb: Mend, Does: "puts right what somebody changed or removed", From: made, Hand: Provisioner, Schema: 3, Steps: making,
		Yields: true, Forgets: true, Resend: Mend,
	},
	Update: {
		Verb: Update, Does: "changes plan and options", From: made, Hand: Provisioner, Schema: 4, Steps: making, Changes: true, Resend: Retry,
	},
	Suspend: {
		Verb: Suspend, Does: "stops the store and keeps its data", From: []Standing{Up, DegradedStanding}, Hand: Provisioner, Schema: 4,
		Steps: making, Leaves: SuspendedStanding, Resend: Retry,
	},
	Resume: {
		Verb: Resume, Does: "starts a suspended store again", From: []Standing{SuspendedStanding}, Hand: Provisioner, Schema: 4,
		Steps: making, Leaves: Up, Resend: Retry,
	},
	Refresh: {
		Verb: Refresh, Does: "brings the store to what it is to be, after other settings of the installation or an operation that ended early", From: made, Hand: Provisioner, Schema: 4, Steps: making,
		Yields: true, Forgets: true, Resend: Refresh,
	},
	Delete: {
		Verb: Delete, Does: "removes the store and all its data", From: append([]Standing{Nothing, Broken}, made...), Hand: Janitor, Schema: 1,
		Steps: []string{"namespace", "claims"}, Leaves: Gone, Resend: Delete,
	},
}

// IsVerb says whether the table has a row for it. A hand leaves a command without one in the queue: a newer release has
// asked for it.
func (v Verb) IsVerb() bool {
	_, known := Verbs[v]
	return known
}

// overtakes says whether a command of this verb may come while one of the other is in flight.
func (v Verb) overtakes(running Verb) bool {
	return v == Delete || Verbs[running].Yields && !Verbs[v].Yields
}

// admittedFrom says whether a store in this condition may be asked for it.
func (r Row) admittedFrom(s Standing) bool { return slices.Contains(r.From, s) }
