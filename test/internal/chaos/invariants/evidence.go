// Package invariants holds a platform that has come to rest against what it promises, from outside: by its log, its read
// model, its cluster, its claims, and what its clients wrote down while it was killed, frozen and cut off. Nothing here
// shares code with what it judges but the domain's fold and the log's envelope, which are the promise itself.
package invariants

import (
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// Evidence is everything that is looked at.
type Evidence struct {
	Epoch string
	// Log is the whole log in its order, Unreadable the sequences that can't be decoded.
	Log        []storelog.Entry
	Unreadable []uint64
	Model      Model
	Cluster    Cluster
	// Claims are the tenants by the store they claimed: one, but for what a transfer leaves that was killed.
	Claims   map[store.ID][]string
	Requests []record.Request
	Feeds    []record.Feed
	Spaces   []record.Space
	Secrets  []record.Secret
}

// Model is the read model.
type Model struct {
	Epoch      string
	Checkpoint uint64
	Stores     map[store.ID]Row
	Events     []EventRow
	SetAside   []uint64
}

// Row is a store's.
type Row struct {
	Opened, Version uint64
	Tenant, Name    string
	Status          store.Status
	State           store.State
}

// EventRow is a message's.
type EventRow struct {
	Seq, Generation uint64
	Store           store.ID
	Tenant, Actor   string
	Type            store.Type
	State           store.State
}

// Cluster is what carries the installation's label.
type Cluster struct {
	Namespaces []Namespace
	// Releases are Helm's revisions, by namespace; Credentials counts what has to be there once.
	Releases    map[string][]Release
	Credentials map[string]int
	// Workloads are what has pods, by namespace, Pools the nodes that they want, in the same order.
	Workloads map[string][]Workload
	Pools     map[string][]string
	// Pool is the nodes that the installation says they are to want.
	Pool string
}

// Workload is a Deployment: how many pods it wants, and how many there are.
type Workload struct {
	Name         string
	Wanted, Pods int
}

// Namespace is a store's.
type Namespace struct {
	Name, UID string
	// Store is what its label says.
	Store store.ID
	// Leaving says that it is being removed.
	Leaving bool
}

// Release is one revision.
type Release struct {
	Name, Status, Revision string
	Values                 Values
}

// Values are as much of what a release was made with as the log says, too.
type Values struct {
	Plan struct {
		Name string `json:"name"`
	} `json:"plan"`
	Options map[string]any `json:"options"`
	// Running is missing in charts whose stores can't be suspended.
	Running *bool `json:"running"`
}

// histories are the log by store.
func (e *Evidence) histories() map[store.ID][]storelog.Entry {
	all := map[store.ID][]storelog.Entry{}
	for _, entry := range e.Log {
		id := entry.Message.Store
		all[id] = append(all[id], entry)
	}
	return all
}
