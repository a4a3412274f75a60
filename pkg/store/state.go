package store

import (
	"slices"
	"time"
)

// Schema is the version of State that this code writes. A reader upcasts older ones; a writer that meets a newer one
// must step back, because appending would drop the fields it doesn't know.
//
// Schema 2 added Working, Crashes, Discarded and ExpiresAt. What schema 1 says of them is their zero value.
//
// Schema 3 added Progress, the status Degraded and the verb mend. A reader of schema 2 would take the command for an
// event, and a worker of it would acknowledge what it believes to be settled.
const Schema = 3

// MaxAttempts is how often a command is tried before its store is Failed. A delete is tried for ever, and is stuck from
// then on.
const MaxAttempts = 5

// LongestPause is what no pause before another attempt exceeds.
const LongestPause = 330 * time.Second

// Status is a store's state in one word, for people.
type Status string

// Every status says who moves the store on from it.
const (
	// Queued waits for a provisioner, or for the cluster (reason ClusterNotReady).
	Queued Status = "Queued"
	// Provisioning is worked on by a provisioner, or waits for its next attempt (NotBefore).
	Provisioning Status = "Provisioning"
	// Ready means that the shop itself answered an HTTP request. A command moves it on, or a provisioner's keeper that
	// sees it fail.
	Ready Status = "Ready"
	// Degraded was Ready and doesn't work as it should any more: a workload or the probe fails, or something of it is
	// missing. The keeper makes it Ready when it works again, or asks for what is missing to be mended; a mend that is
	// under way leaves it Degraded, and so does one that fails.
	Degraded Status = "Degraded"
	// Failed waits for a retry or a delete by its tenant.
	Failed Status = "Failed"
	// Deleting is worked on by a janitor until it is Deleted; it never fails.
	Deleting Status = "Deleting"
	// Deleted is final. The history stays readable and the id is never used again.
	Deleted Status = "Deleted"
)

// Statuses are all of them.
var Statuses = []Status{Queued, Provisioning, Ready, Degraded, Failed, Deleting, Deleted}

// Spec is what a tenant wants, whole: a command that changes one field carries all of them.
type Spec struct {
	Name    string         `json:"name"`
	Engine  string         `json:"engine"`
	Version string         `json:"version"`
	Plan    string         `json:"plan"`
	Options map[string]any `json:"options,omitempty"`
}

// State is all that is known of a store after one message of its history. The zero State is that of a store nobody
// has asked for yet.
type State struct {
	Schema int    `json:"schema"`
	ID     ID     `json:"id"`
	Tenant string `json:"tenant"`
	Spec   Spec   `json:"spec"`
	Status Status `json:"status"`

	// Verb and Generation name the newest command. Generation is its stream sequence: the writer of a command can't
	// know it, so in a command's own body it is zero and readers take it from the message (see At).
	Verb       Verb   `json:"verb"`
	Generation uint64 `json:"generation"`
	// Open lists, oldest first, the generations that have no terminal event yet. More than one stands here only
	// between a command that interrupts another and the superseded event of the other.
	Open []uint64 `json:"open,omitempty"`
	// Version is the stream sequence of the message this state came with. It is never in a body.
	Version uint64 `json:"-"`

	// Attempt counts the attempts started since the newest command, less those that were yielded on shutdown.
	Attempt int `json:"attempt"`
	// Working is set while an attempt is under way, as far as the log knows: it was started and nobody has told its end.
	Working bool `json:"working,omitempty"`
	// Crashes counts the attempts since the newest command that ended with their worker: another was started while
	// nobody had told the end of the one before.
	Crashes int `json:"crashes,omitempty"`
	// Steps lists the steps completed since the newest command, in order.
	Steps []string `json:"steps,omitempty"`
	// Progress is what the step at hand is doing, in the engine's words for people; empty when there is nothing to tell.
	Progress string `json:"progress,omitempty"`

	// Reason is CamelCase for programs, Message a sentence for people, Detail the cluster's own words. All three are
	// empty when there is nothing to explain.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	Detail  string `json:"detail,omitempty"`
	// NotBefore is when the next attempt is due; nil when none is scheduled.
	NotBefore *time.Time `json:"notBefore,omitempty"`

	// URL is set while the store is Ready or Degraded and only then.
	URL string `json:"url,omitempty"`
	// Discarded is why an operator has put the store's dead letter away; empty otherwise.
	Discarded string `json:"discarded,omitempty"`
	// ExpiresAt is when a sweep may ask for the store's deletion; nil means never.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// Request is a digest of the create request, so that a repeated Idempotency-Key can be told from a reused one.
	Request string `json:"request,omitempty"`

	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Exists says whether anybody ever asked for this store.
func (s State) Exists() bool { return s.Version != 0 }

// Stands says whether the store was made and is meant to be there: it has an address, and its links and passwords hold.
// Whether it works is another question.
func (s State) Stands() bool { return s.Status == Ready || s.Status == Degraded }

// InFlight says whether the newest command still has no terminal event.
func (s State) InFlight() bool { return s.IsOpen(s.Generation) }

// IsOpen says whether the command with this generation still has no terminal event.
func (s State) IsOpen(generation uint64) bool { return slices.Contains(s.Open, generation) }

// Stuck says whether a delete has been tried so often that somebody should look at what keeps it. It goes on by itself.
func (s State) Stuck() bool { return s.Verb == Delete && s.InFlight() && s.Attempt >= MaxAttempts }

// DeadLetter is the generation of the command that waits for an operator: it has failed for good, or is a delete that is
// stuck, and nobody has put it away. Zero means that there is none.
func (s State) DeadLetter() uint64 {
	if s.Discarded == "" && (s.Status == Failed || s.Stuck()) {
		return s.Generation
	}
	return 0
}

// Expired says whether the store has outlived the time that its create gave it.
func (s State) Expired(now time.Time) bool { return s.ExpiresAt != nil && !now.Before(*s.ExpiresAt) }

// Pause is how long the next attempt is still to be waited for. NotBefore is by the clock of the worker that scheduled it:
// one farther off than any pause is of a clock that was ahead, and is waited for no more.
func (s State) Pause(now time.Time) time.Duration {
	if s.NotBefore == nil {
		return 0
	}
	left := s.NotBefore.Sub(now)
	if left > LongestPause {
		return 0
	}
	return max(0, left)
}

// At places a state read from a message's body at the message's stream sequence.
func (s State) At(seq uint64, command bool) State {
	s.Version = seq
	if command {
		s.Generation = seq
		s.Open = append(slices.Clone(s.Open), seq)
	}
	return s
}
