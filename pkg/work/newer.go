package work

import (
	"context"
	"sync"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// newerCommands cancels an operation the moment a newer command for its store is appended. One consumer a process
// serves all of them; should it miss one, the operation's next heartbeat reads the log.
type newerCommands struct {
	// filter is that of the cluster's commands.
	filter string
	// heard is told of each.
	heard   func(id store.ID, generation uint64)
	mu      sync.Mutex
	running map[*running]struct{}
}

type running struct {
	id         store.ID
	generation uint64
	cancel     context.CancelCauseFunc
}

func newNewerCommands(filter string, heard func(store.ID, uint64)) *newerCommands {
	return &newerCommands{filter: filter, heard: heard, running: map[*running]struct{}{}}
}

// register returns the function that ends the registration. A store may have several at once: a command that is
// delivered again meets the slot that still works on it.
func (n *newerCommands) register(id store.ID, generation uint64, cancel context.CancelCauseFunc) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := &running{id, generation, cancel}
	n.running[r] = struct{}{}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.running, r)
	}
}

// appended tells what runs before what rests: of an operation that comes to rest meanwhile it shows that it was cancelled.
func (n *newerCommands) appended(id store.ID, generation uint64) {
	n.cancelOlder(id, generation)
	n.heard(id, generation)
}

func (n *newerCommands) cancelOlder(id store.ID, generation uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for r := range n.running {
		if r.id == id && generation > r.generation {
			r.cancel(ErrSuperseded)
		}
	}
}

func (n *newerCommands) follow(ctx context.Context, log *storelog.Log) {
	log.Notice(ctx, n.filter, func(raw storelog.Raw) {
		if id, err := storelog.StoreOf(raw.Subject); err == nil {
			n.appended(id, raw.Seq)
		}
	})
}
