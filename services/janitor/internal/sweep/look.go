package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// readers is how many stores are read at once: enough to hide the way to the broker, few beside a gateway's.
const readers = 16

// sightings is what a sweep keeps of what it saw: little of each store, and of most stores only the id.
type sightings struct {
	// namespaces are the stores' by their ids, as they were before the log was read.
	namespaces map[store.ID]cluster.Sighting
	// doubts are where cluster and log seem to differ.
	doubts []doubt
	// live are the ids of stores that aren't deleted, by tenant.
	live map[string][]store.ID
	// spared are ids that the log can't speak for.
	spared []store.ID

	strays, expired, idle []store.State

	// lineage is which log this is.
	lineage storelog.Lineage
	// clock is what both this process and the broker say has come.
	clock time.Time
	// cluster is what the platform says of its own.
	cluster platform.Cluster
}

// doubt is something to look at once more before it is a finding.
type doubt struct {
	kind  platform.FindingKind
	name  string
	state store.State
	first cluster.Sighting
}

// look reads the cluster and then the log, so that a namespace that was made in between is no finding.
func (r *round) look(ctx context.Context) error {
	seen := &r.seen
	namespaces, err := r.cfg.Cluster.Namespaces(ctx)
	if err != nil {
		return fmt.Errorf("look at the cluster: %w", err)
	}
	present, err := r.log.Present(ctx)
	if err != nil {
		return err
	}
	ids, err := r.living(ctx, present)
	if err != nil {
		return err
	}
	seen.lineage = present.Lineage
	if seen.cluster, err = platform.Read(ctx, r.platform, r.cfg.ClusterName); err != nil {
		return err
	}
	seen.clock = r.now
	if present.Time.Before(seen.clock) {
		seen.clock = present.Time
	}
	r.report.Namespaces = len(namespaces)
	seen.live = map[string][]store.ID{}
	seen.namespaces = make(map[store.ID]cluster.Sighting, len(namespaces))
	for _, ns := range namespaces {
		if ns.Store == "" {
			seen.doubts = append(seen.doubts, doubt{kind: platform.Unknown, name: ns.Name, first: ns})
			continue
		}
		seen.namespaces[ns.Store] = ns
	}
	return r.readStores(ctx, joined(ids, slices.Collect(maps.Keys(seen.namespaces))))
}

// joined is each id once.
func joined(lists ...[]store.ID) []store.ID {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *round) readStores(ctx context.Context, ids []store.ID) error {
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	var mu sync.Mutex
	for _, id := range ids {
		if reading.Err() != nil {
			break
		}
		group.Go(func() error {
			s, heard, err := r.log.LastAt(reading, id)
			if err == nil && s.Schema > store.Schema {
				// A newer version lets this one show it. What is to be done about it is that one's to say.
				err = storelog.ErrNewerSchema
			}
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				r.judge(id, s, heard)
				return nil
			}
			// A broker that answers otherwise says that it is the message.
			if _, down := r.log.Head(reading); down != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.report.Stores++
			r.spare(id)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the stores: %w", err)
	}
	return context.Cause(ctx)
}

// spare leaves a store alone that the log can't speak for, as far as this version understands it.
func (r *round) spare(id store.ID) {
	if !slices.Contains(r.seen.spared, id) {
		r.seen.spared = append(r.seen.spared, id)
		r.found.add(platform.Unreadable, string(id))
	}
}

// unreadable says whether the broker has answered, and with something that this version can't read or go on behind. It may
// have come since the store was judged: such a store ends no round, which is all others' too.
func unreadable(err error) bool {
	return errors.Is(err, storelog.ErrNewerSchema) || errors.Is(err, storelog.ErrUnreadable)
}

// judge sorts a store by what there may be to do about it; heard is when the broker got the last word of it.
func (r *round) judge(id store.ID, s store.State, heard time.Time) {
	seen := &r.seen
	namespace, here := seen.namespaces[id]
	doubtful := func(kind platform.FindingKind) {
		seen.doubts = append(seen.doubts, doubt{kind: kind, name: id.Namespace(), state: s, first: namespace})
	}
	switch {
	case !s.Exists(), s.ClusterName() != r.cfg.ClusterName:
		// Made here, another cluster's store is as strange here as one that the log doesn't know. All else about it is for
		// that cluster's sweeps to say; whoever mends the claims counts it all the same.
		if here {
			doubtful(platform.Unknown)
		}
		if s.Exists() && r.mendsClaims() {
			r.count(s)
		}
		return
	case here && store.AdmitSweep(s) == nil:
		doubtful(platform.Stray)
	case !here && s.Kept():
		doubtful(platform.Missing)
	}
	r.report.Stores++
	r.count(s)
	if s.Expired(seen.clock) && store.Admit(s, store.Delete) == nil {
		r.found.add(platform.Expired, string(id))
		// Of a store that a lost command has worked on nobody knows how long it was to live.
		if stamp := namespace.Stamp; !seen.lineage.Lacks(stamp.Epoch, stamp.Generation, s.Generation) {
			seen.expired = append(seen.expired, s)
		}
	}
	if len(s.Open) > 0 && r.silent(s, heard) {
		seen.idle = append(seen.idle, s)
	}
}

// count notes a store that its tenant has.
func (r *round) count(s store.State) {
	if s.Status != store.Deleted {
		r.seen.live[s.Tenant] = append(r.seen.live[s.Tenant], s.ID)
	}
}
