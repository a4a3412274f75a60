package store

import (
	"slices"
	"time"
)

// Schema is the version of State that this code knows. A log is written in its write level, which is no higher; a reader
// upcasts older states, and a writer that meets a newer one must step back, because appending would drop the fields it
// doesn't know.
//
// Schema 2 added Working, Crashes, Discarded and ExpiresAt. What schema 1 says of them is their zero value.
//
// Schema 3 added Progress, the status Degraded and the verb mend. A reader of schema 2 would take the command for an
// event, and a worker of it would acknowledge what it believes to be settled.
//
// Schema 4 tells a store's condition from the operation on it, keeps failures, and added the verbs update, suspend, resume
// and refresh. What schema 3 says of it stands in upcast.
const Schema = 4

// FirstSchema is the write level of a log that doesn't name one: it was written before logs did.
const FirstSchema = 3

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
	// Suspended runs nothing, by its tenant's wish, and has its data. A resume moves it on.
	Suspended Status = "Suspended"
	// Failed waits for a retry or a delete by its tenant.
	Failed Status = "Failed"
	// Deleting is worked on by a janitor until it is Deleted; it never fails.
	Deleting Status = "Deleting"
	// Deleted is final. The history stays readable and the id is never used again.
	Deleted Status = "Deleted"
)

// Statuses are all of them.
var Statuses = []Status{Queued, Provisioning, Ready, Degraded, Suspended, Failed, Deleting, Deleted}

// Spec is what a tenant wants, whole: a command that changes one field carries all of them.
type Spec struct {
	Name    string         `json:"name" doc:"What the store is called"`
	Engine  string         `json:"engine" doc:"What it is made of"`
	Version string         `json:"version" doc:"The version of that"`
	Plan    string         `json:"plan" doc:"Its size"`
	Options map[string]any `json:"options,omitempty" doc:"All that were chosen"`
}

// State is all that is known of a store after one message of its history. The zero State is that of a store nobody
// has asked for yet.
type State struct {
	Schema int `json:"schema"`
	ID     ID  `json:"id"`
	// Tenant is whose store it is: its creator's until it is transferred.
	Tenant string `json:"tenant"`
	// Cluster is the one that the store is made in, for ever: a move is a clone and a delete. Empty means DefaultCluster
	// (see ClusterName), and is what logs say that were written before stores had one.
	Cluster string `json:"cluster,omitempty"`
	// Spec is what is wanted.
	Spec Spec `json:"spec"`
	// Status is derived from all the rest, by Evolve.
	Status Status `json:"status"`
	Condition
	Operation
	// Failures are what nobody has dealt with, oldest first, one a verb.
	Failures []Failure `json:"failures,omitempty"`

	// Open lists, oldest first, the generations that have no terminal event yet. More than one stands here only
	// between a command that interrupts another and the superseded event of the other.
	Open []uint64 `json:"open,omitempty"`
	// Version is the stream sequence of the message this state came with. It is never in a body.
	Version uint64 `json:"-"`
	// Changed is the sequence of the last message that changed what clients can set: a store's ETag. Zero in that
	// message's own body (see At).
	Changed uint64 `json:"changed,omitempty"`

	// ExpiresAt is when a sweep may ask for the store's deletion; nil means never.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// Request is a digest of the create request, so that a repeated Idempotency-Key can be told from a reused one.
	Request string `json:"request,omitempty"`

	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Exists says whether anybody ever asked for this store.
func (s State) Exists() bool { return s.Version != 0 }

// InFlight says whether the newest command still has no terminal event.
func (s State) InFlight() bool { return s.IsOpen(s.Generation) }

// IsOpen says whether the command with this generation still has no terminal event.
func (s State) IsOpen(generation uint64) bool { return slices.Contains(s.Open, generation) }

// Finished says whether nobody has anything to do about the store any more: it was deleted, and none of its commands is open.
// Sweeps look at no other, unless something of it stands in the cluster.
func (s State) Finished() bool { return s.Status == Deleted && len(s.Open) == 0 }

// Stuck says whether a delete has been tried so often that somebody should look at what keeps it. It goes on by itself.
func (s State) Stuck() bool { return s.Verb == Delete && s.InFlight() && s.Attempt >= MaxAttempts }

// Leaves is the condition in which the operation leaves the store when it succeeds.
func (s State) Leaves() Standing {
	switch leaves := Verbs[s.Doing()].Leaves; {
	case leaves != "":
		return leaves
	case s.Standing == SuspendedStanding:
		return SuspendedStanding
	}
	return Up
}

// Target is what the operation is to make stand.
func (s State) Target() Spec {
	if s.Running != nil && !Verbs[s.Doing()].Changes {
		return s.Running.Spec
	}
	target := s.Spec
	switch {
	case s.Running != nil:
		target.Name = s.Running.Name
	case s.As != "":
		target.Name = s.As
	}
	return target
}

// MadeAs is whose store it is as far as its namespace says.
func (s State) MadeAs() string {
	if s.Running == nil || s.Running.Tenant == "" {
		return s.Tenant
	}
	return s.Running.Tenant
}

// Expired says whether the store has outlived the time that its create gave it.
func (s State) Expired(now time.Time) bool { return s.ExpiresAt != nil && !now.Before(*s.ExpiresAt) }

// At places a state read from a message's body at the message's stream sequence: what the writer couldn't know yet.
func (s State) At(seq uint64, command bool) State {
	s.Version = seq
	if command {
		s.Generation = seq
		s.Open = append(slices.Clone(s.Open), seq)
	}
	if s.Root == 0 {
		s.Root = s.Generation
	}
	if s.Changed == 0 {
		s.Changed = seq
	}
	return s
}
