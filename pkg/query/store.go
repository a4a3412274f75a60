package query

import (
	"cmp"
	"regexp"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Store is a store as tenants see it.
type Store struct {
	ID            store.ID       `json:"id" doc:"Names the store for ever" example:"sabcdefghijk"`
	Tenant        string         `json:"tenant" doc:"Who owns it"`
	Name          string         `json:"name" doc:"What it is called"`
	Engine        string         `json:"engine" doc:"What it is made of"`
	EngineVersion string         `json:"engineVersion" doc:"The version of that"`
	Plan          string         `json:"plan" doc:"Its size"`
	Options       map[string]any `json:"options,omitempty" doc:"As they were chosen; what was not has the engine's default"`
	Status        store.Status   `json:"status" doc:"How it is"`
	Operation     store.Verb     `json:"operation,omitempty" doc:"The operation in flight, if any"`
	Line          *Line          `json:"line,omitempty" doc:"Where that stands, where somebody knows"`
	Steps         []string       `json:"steps" doc:"Steps completed by the newest operation, in order"`
	Progress      string         `json:"progress,omitempty" doc:"What the step at hand is doing, for people" example:"Installing WooCommerce"`
	Attempt       int            `json:"attempt" doc:"Attempts started by the newest operation"`
	Cause
	NotBefore  *time.Time `json:"notBefore,omitempty" doc:"When the next attempt is due"`
	URL        string     `json:"url,omitempty" doc:"Where the shop is, once it has answered"`
	Generation uint64     `json:"generation" doc:"Sequence of the newest command"`
	Version    uint64     `json:"version" doc:"Sequence of the newest message"`
	CreatedAt  time.Time  `json:"createdAt" doc:"When it was asked for"`
	UpdatedAt  time.Time  `json:"updatedAt" doc:"When anything was said of it last"`
	ExpiresAt  *time.Time `json:"expiresAt,omitempty" doc:"When the store is deleted by itself, if ever"`
	// Operation was a word before there was more to say of one.
	LastOperation Operation `json:"lastOperation" doc:"The newest operation, whatever became of it. What it meets isn't the store's own reason, while the store stands"`
	Failures      []Failure `json:"failures,omitempty" doc:"Operations that failed or were called off, until a retry or another success of the verb: retry takes the newest that nobody has discarded"`
	At            *At       `json:"at,omitempty" doc:"When it was so, of a store that was asked for as it was. Absent of one as it is"`
}

// Cause is why something is as it is. Its texts are bounded: a log from before they were may hold any.
type Cause struct {
	Reason  string `json:"reason,omitempty" doc:"Why it is where it is, CamelCase: docs/reasons.md explains each"`
	Message string `json:"message,omitempty" doc:"The same as a sentence"`
	Detail  string `json:"detail,omitempty" doc:"The cluster's own words"`
}

func causeOf(c store.Cause) Cause {
	return Cause{Reason: store.Bounded(c.Reason), Message: store.Bounded(c.Message), Detail: store.Bounded(c.Detail)}
}

// The cluster's words about something begin with its name, behind that of the part of the store which it keeps from working.
var named = regexp.MustCompile(`^((?:deployment|statefulset)/[a-z0-9.-]+)?(?:: )?([a-z]+/[a-z0-9.-]+)?`)

// ObjectIn is what of the cluster a cause's detail is about, like pod/web-1; empty where it names nothing.
func ObjectIn(detail string) string {
	found := named.FindStringSubmatch(detail)
	return cmp.Or(found[2], found[1])
}

// PartIn is the workload that doesn't work for it, like deployment/web; empty where the detail begins with none.
func PartIn(detail string) string { return named.FindStringSubmatch(detail)[1] }

// Operation is what is being done about a store, or was done last.
type Operation struct {
	Verb       store.Verb    `json:"verb" doc:"What was asked for"`
	Of         store.Verb    `json:"of,omitempty" doc:"What a retry tries again"`
	Generation uint64        `json:"generation" doc:"Names it: the sequence of its command"`
	Root       uint64        `json:"root" doc:"The generation of its first try"`
	Actor      string        `json:"actor,omitempty" doc:"Who asked"`
	Outcome    store.Outcome `json:"outcome,omitempty" doc:"How it ended; absent while it runs"`
	Attempt    int           `json:"attempt" doc:"Attempts started"`
	Steps      []string      `json:"steps" doc:"Steps completed, in order"`
	Progress   string        `json:"progress,omitempty" doc:"What the step at hand is doing, for people"`
	NotBefore  *time.Time    `json:"notBefore,omitempty" doc:"When the next attempt is due"`
	Cause
}

// Failure is an operation that failed for good.
type Failure struct {
	Verb       store.Verb `json:"verb" doc:"What was asked for"`
	Generation uint64     `json:"generation" doc:"Names it, also as a dead letter"`
	Step       string     `json:"step,omitempty" doc:"Where it failed"`
	At         time.Time  `json:"at" doc:"When"`
	Cause
	Discarded string `json:"discarded,omitempty" doc:"Why nobody need look at it any more"`
}

// View shows a state to its tenant.
func View(s store.State) Store {
	v := Store{
		ID: s.ID, Tenant: s.Tenant, Name: s.Spec.Name, Engine: s.Spec.Engine, EngineVersion: s.Spec.Version, Plan: s.Spec.Plan,
		Options: s.Spec.Options, Status: s.Status, Steps: s.Steps, Attempt: s.Attempt,
		Progress: store.Bounded(s.Progress), Cause: causeOf(s.Cause), NotBefore: s.NotBefore, URL: s.URL,
		Generation: s.Generation, Version: s.Version, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		ExpiresAt: s.ExpiresAt,
	}
	if v.Steps == nil {
		v.Steps = []string{}
	}
	if s.InFlight() {
		v.Operation = s.Verb
	}
	v.LastOperation = operationOf(s)
	for _, f := range s.Failures {
		v.Failures = append(v.Failures, Failure{
			Verb: f.Verb, Generation: f.Generation, Step: f.Step, At: f.At, Cause: causeOf(f.Cause), Discarded: store.Bounded(f.Discarded),
		})
	}
	return v
}

func operationOf(s store.State) Operation {
	o := Operation{
		Verb: s.Verb, Of: s.Of, Generation: s.Generation, Root: s.Root, Actor: s.Actor, Outcome: s.Outcome, Attempt: s.Attempt, Steps: s.Steps,
		Progress: store.Bounded(s.Progress), NotBefore: s.NotBefore,
	}
	if o.Steps == nil {
		o.Steps = []string{}
	}
	switch {
	case s.Trouble != nil:
		o.Cause = causeOf(*s.Trouble)
	case s.InFlight() && (s.Standing == store.Nothing || s.Doing() == store.Mend):
		// Of a store that doesn't stand yet, or is mended for its own sake, there is one reason for both.
		o.Cause = causeOf(s.Cause)
	}
	return o
}

// Event is one entry of a store's history as tenants see it.
type Event struct {
	Seq        uint64      `json:"seq" doc:"Sequence in the log"`
	Store      store.ID    `json:"store" doc:"The store's id"`
	Type       store.Type  `json:"type" doc:"What happened, or was asked for" example:"step_completed"`
	Time       time.Time   `json:"time" doc:"When"`
	Actor      string      `json:"actor" doc:"Who did it"`
	Generation uint64      `json:"generation" doc:"The command it belongs to"`
	Verb       store.Verb  `json:"verb,omitempty" doc:"What that command does: of a retry, what it tries again. Absent behind a newer command"`
	Facts      store.Facts `json:"facts" doc:"What there is to say of it, by its type"`
}

// EventOf shows a message, behind which its store is so, to the store's tenant. A command belongs to itself. Steps of all verbs
// have the same names, so what one of them has done is told by the verb.
func EventOf(m store.Message, after store.State) Event {
	e := Event{Seq: m.Seq, Store: m.Store, Type: m.Type, Time: m.Time, Actor: m.Actor, Generation: m.Generation, Facts: m.Facts.Bounded()}
	if m.IsCommand() {
		e.Generation = m.Seq
	}
	if e.Generation == after.Generation {
		e.Verb = after.Doing()
	}
	e.Facts.Request = ""
	return e
}
