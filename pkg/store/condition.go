package store

// Standing is what there is of a store, whatever is being done about it.
type Standing string

// The standings.
const (
	// Nothing was made yet, or what was made is being removed.
	Nothing Standing = "nothing"
	// Up works; DegradedStanding was up and doesn't work as it should.
	Up               Standing = "up"
	DegradedStanding Standing = "degraded"
	// SuspendedStanding runs nothing and has its data.
	SuspendedStanding Standing = "suspended"
	// Broken is what an operation that failed behind its point of no return leaves: no address, nothing to look after, and
	// only that operation's retry or a delete leads on.
	Broken Standing = "broken"
	// Gone is final.
	Gone Standing = "gone"
)

// Condition is how a store is. An operation changes it by its end, or by its point of no return.
type Condition struct {
	Standing Standing `json:"standing,omitempty"`
	// Stood says that the store holds its merchant's data, from the first time it was up until its deletion is wanted:
	// nothing of it is made anew empty, whatever the verb.
	Stood bool `json:"stood,omitempty"`
	// Running is what stands, as the last operation that succeeded left it; nil before there was one.
	Running *Running `json:"running,omitempty"`
	// URL is the store's address, while it has one.
	URL string `json:"url,omitempty"`
	// What is wrong with the store, or keeps it from being made; empty when there is nothing to explain.
	Cause
}

// Running is what stands of a store.
type Running struct {
	// Spec has the name under which the shop was made: a later one is the merchant's word for it, and no change of the shop.
	Spec
	// Settings is the digest of what the installation says of its stores, as this one has it.
	Settings string `json:"settings,omitempty"`
	// Tenant is whose the store was taken for when it was made so, where that is known: its namespace says so.
	Tenant string `json:"tenant,omitempty"`
}

// Cause is why something is as it is.
type Cause struct {
	// Reason is CamelCase for programs, Message a sentence for people, Detail the cluster's own words.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

func causeOf(f Facts) Cause { return Cause{f.Reason, f.Message, f.Detail} }

// Stands says whether the store was made and works or is meant to: it has an address, and its links and passwords hold.
func (c Condition) Stands() bool { return c.Standing == Up || c.Standing == DegradedStanding }

// Ails says whether something is said to be wrong with a store that somebody looks after.
func (c Condition) Ails() bool {
	return c.Standing == DegradedStanding || c.Standing == SuspendedStanding && c.Reason != ""
}

// Kept says whether somebody looks after the store: it stands, or is suspended.
func (c Condition) Kept() bool { return c.Stands() || c.Standing == SuspendedStanding }
