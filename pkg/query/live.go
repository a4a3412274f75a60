package query

import "github.com/store-platform/store-platform/pkg/store"

// LiveRequest asks which stores there may be something to do about: all that aren't finished (store.State.Finished), and those
// of messages that were set aside. Sweeps ask. What they learn are names: how a store is, its last message in the log says.
type LiveRequest struct {
	// Scope is whose. Stores of which nobody can say whose they are come with everybody's only.
	Scope Scope `json:"-"`
	// Cluster is where, as states say it; AnyCluster asks for those of all.
	Cluster string `json:"cluster"`
	// After is the Next of the page before.
	After store.ID `json:"after,omitempty"`
	Seen  uint64   `json:"seen,omitempty"`
}

// AnyCluster is no cluster's name.
const AnyCluster = "*"

// LiveReply is one page, in the order of the ids: as many as the broker carries in one answer. Next is empty at the end.
type LiveReply struct {
	Stores []store.ID `json:"stores"`
	Next   store.ID   `json:"next,omitempty"`
	// Checkpoint is how far the projection was when it answered, in the log of this epoch: of what came behind it nothing is
	// known here.
	Checkpoint uint64 `json:"checkpoint"`
	Epoch      string `json:"epoch"`
}
