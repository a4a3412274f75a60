package provision

import (
	"context"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// stamping puts on a store's namespace which command works on it, and refuses to work on one that a later command has worked
// on, of which the log knows nothing: it was restored from before, and what it says was the case once.
type stamping struct {
	lineage    func(context.Context) (storelog.Lineage, error)
	store      store.ID
	generation uint64
	version    string
}

// next is the stamp to put on. It fails with cluster.Ahead.
func (s stamping) next(ctx context.Context, a Attempt) (cluster.Stamp, error) {
	// Asked each time: the log may have been restored while this process ran on.
	log, err := s.lineage(ctx)
	if err != nil {
		return cluster.Stamp{}, err
	}
	found, err := a.Stamp(ctx, s.store)
	if err != nil {
		return cluster.Stamp{}, err
	}
	if log.Lacks(found.Epoch, found.Generation, s.generation) {
		return cluster.Stamp{}, cluster.Ahead(s.store, found)
	}
	return cluster.Stamp{Version: s.version, Generation: s.generation, Epoch: log.Epoch}, nil
}
