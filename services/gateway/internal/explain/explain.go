// Package explain says why a store is where it is: in one sentence, with what to do next and for whom, and in one chain of what led
// there, from the command over its attempts and steps to what the cluster and Helm say of it. It is pure: whoever calls it has asked.
package explain

import (
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
)

// Part is what an explanation of a store, or a summary, does without where nobody can tell it just now. The state of the store is no such part.
type Part string

// The parts: what its history and its cluster tell, and what a summary has of the catalog.
const (
	History Part = "history"
	Cluster Part = "cluster"
	Engine  Part = "engine"
	Links   Part = "links"
)

// Parts are all of them.
var Parts = []Part{History, Cluster, Engine, Links}

// Explanation is why a store is where it is.
type Explanation struct {
	Store    store.ID     `json:"store" doc:"The store's id"`
	Status   store.Status `json:"status" doc:"How it is"`
	Sentence string       `json:"sentence" doc:"Why it is where it is, in one sentence or two"`
	query.Cause
	Object  string      `json:"object,omitempty" doc:"What of the cluster the cause is about" example:"pod/store-6d4f5b7c9-x2x9k"`
	Next    string      `json:"next" doc:"What to do about it"`
	For     reason.Whom `json:"for,omitempty" doc:"Who does it; absent where nobody has to"`
	Runbook string      `json:"runbook,omitempty" doc:"Where the gateway says more of the reason" example:"/docs/reasons#imagepullbackoff"`
	Chain   []ChainLink `json:"chain" doc:"What led there, oldest first: the newest operation from its first try on"`
	Missing []Part      `json:"missing" doc:"What couldn't be told just now, or only in part: it isn't here"`
}

// Kind says what a link of the chain is of.
type Kind string

// The kinds.
const (
	OfCommand Kind = "command"
	OfAttempt Kind = "attempt"
	OfStep    Kind = "step"
	OfEvent   Kind = "event"
	OfPod     Kind = "pod"
	OfHelm    Kind = "helm"
	OfWait    Kind = "wait"
)

// Kinds are all of them.
var Kinds = []Kind{OfCommand, OfAttempt, OfStep, OfEvent, OfPod, OfHelm, OfWait}

// ChainLink is one thing that happened, or is so.
type ChainLink struct {
	At     time.Time `json:"at,omitzero" doc:"When; absent where nobody could be asked"`
	Kind   Kind      `json:"kind" doc:"What it is of: the log's command, attempt, step and wait, the cluster's pod, Helm's release, or an event of either"`
	Title  string    `json:"title" doc:"What it was, in a word or two" example:"FailedMount"`
	Text   string    `json:"text,omitempty" doc:"What there is to say of it, the cluster's own words included"`
	Object string    `json:"object,omitempty" doc:"What of the cluster it is about"`
	Seq    uint64    `json:"seq,omitempty" doc:"Its sequence in the log, where it is of the store's history"`
	OK     *bool     `json:"ok,omitempty" doc:"Whether it went well, where that can be said"`
}

// Seen is what is known of a store.
type Seen struct {
	// State is the store as the log has it, and Why what it says of itself, as of now.
	State store.State
	Why   query.Cause
	// Pack is what the store is made of, zero where nobody knows it: its reasons are told by it.
	Pack engine.Pack
	// History is what the newest operation's log holds, oldest first; nil where nobody could be asked.
	History []query.Event
	// Cluster is what stands of the store; nil where nobody could be asked, or nothing does.
	Cluster *query.MonitoringReply
	Missing []Part
}

// Explain makes the answer.
func Explain(seen Seen) Explanation {
	s := seen.State
	e := Explanation{Store: s.ID, Status: s.Status, Cause: seen.Why, Chain: seen.chain(), Missing: append([]Part{}, seen.Missing...)}
	e.Object = query.ObjectIn(e.Detail)
	if wrong := seen.wrong(); wrong != nil && (e.Reason == "" || e.Reason == wrong.Reason || seen.since(*wrong)) {
		e.Cause = query.Cause{Reason: wrong.Reason, Message: wrong.Message, Detail: wrong.Detail}
		e.Object = wrong.Object
	}
	if e.Reason == "" {
		e.pending(seen)
	}
	e.Sentence = sentence(s, e.Cause)
	e.advise(s, seen.Pack)
	return e
}

// wrong is what the cluster says is, of a store of which something is to work. What the log says of the same is as old as the
// attempt that met it, or as the keeper's look.
func (s Seen) wrong() *query.Wrong {
	if s.Cluster == nil || s.State.Status == store.Deleting {
		return nil
	}
	return s.Cluster.Wrong
}

// since says that what the cluster says is the same trouble as the keeper has told of, as it looks by now: of one workload that goes on
// failing the keeper tells another cause only when that has lasted.
func (s Seen) since(wrong query.Wrong) bool {
	told := query.PartIn(s.Why.Detail)
	return s.State.Ails() && s.State.Trouble == nil && !s.State.InFlight() && told != "" && told == query.PartIn(wrong.Detail)
}

// pending names Helm's release where an attempt has come no further than that.
func (e *Explanation) pending(seen Seen) {
	if !seen.State.InFlight() || seen.Cluster == nil || seen.Cluster.Release == nil || !strings.HasPrefix(seen.Cluster.Release.Status, "pending") {
		return
	}
	e.Cause = query.Cause{
		Reason: "ReleasePending", Message: "What Helm has begun of the store's release hasn't come to its end.",
		Detail: joined(seen.Cluster.Release.Status, seen.Cluster.Release.Description),
	}
	e.Object = releaseObject(*seen.Cluster.Release)
}

// advise says what to do next.
func (e *Explanation) advise(s store.State, pack engine.Pack) {
	if e.Reason == "" {
		e.Next = unexplained(s)
		return
	}
	e.For = pack.Whose(e.Reason)
	if entry, known := reason.Of(e.Reason); known {
		e.Next, e.Runbook = entry.Next, entry.Runbook()
	} else {
		e.Next, e.Runbook = "The message says what there is to know.", reason.Page
	}
	if s.InFlight() || s.Status == store.Degraded || len(s.DeadLetters()) == 0 {
		return
	}
	switch e.For {
	case reason.Nobody:
		// What passes by itself has not, and nobody tries any more.
		e.Next, e.For = "Ask for a `retry`: nobody tries it again by itself any more.", reason.Merchant
	default:
		e.Next = withRetry(e.Next)
	}
}
