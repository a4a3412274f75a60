package keep

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
)

// Parts is how many parts a cluster's stores are in. Whoever holds the lease of one keeps its stores, and nobody else of the crew
// does.
const Parts = 32

// What the keepers' leases are called, all of them no store's: ids have no dots. A keeper holds one that says that it is there,
// one for each of its parts, and one for each turn of a store that takes over other settings (renew.go).
const (
	leasePrefix  = "keeper."
	memberPrefix = leasePrefix + "member."
	partPrefix   = leasePrefix + "part."
)

// PartKeys are the leases of all parts where these packs are carried.
func PartKeys(packs []string) (keys []string) {
	for n := range Parts {
		keys = append(keys, crewOf(packs).part(n))
	}
	return keys
}

func (c crew) part(n int) string { return partPrefix + c.name + "." + strconv.Itoa(n) }

func isTaken(taken []lease.Holding, key string) bool {
	return slices.ContainsFunc(taken, func(h lease.Holding) bool { return h.Key == key })
}

func partOf(id store.ID) int { return int(sumOf(id) % Parts) }

// share says how many of the parts a keeper among so many holds at most.
func share(peers int) int { return (Parts + peers - 1) / peers }

// divide gives parts back that are others' and takes those that nobody has, as far as they are this keeper's to hold.
func (k *Keeper) divide(ctx context.Context) error {
	if err := k.barBefore(ctx); err != nil {
		return err
	}
	peers, seniors, err := k.members(ctx)
	if err != nil {
		return err
	}
	most := share(peers)
	held := k.held()
	for _, t := range held[min(most, len(held)):] {
		t.end()
	}
	if len(held) >= most && len(seniors) == 0 {
		k.heed(nil, nil)
		return nil
	}
	taken, err := k.leases.Held(ctx, partPrefix+"*.*")
	if err != nil {
		return err
	}
	k.heed(seniors, taken)
	for _, n := range rand.Perm(Parts) {
		if len(k.held()) >= most {
			return nil
		}
		if isTaken(taken, k.crew.part(n)) {
			continue
		}
		if err := k.take(ctx, n); err != nil && !errors.Is(err, lease.ErrHeld) {
			return err
		}
	}
	return nil
}

// take begins to keep a part.
func (k *Keeper) take(ctx context.Context, n int) error {
	held, err := k.leases.Take(ctx, k.crew.part(n), k.cfg.Holder)
	if err != nil {
		return err
	}
	serving, stop := held.Hold(ctx)
	release := sync.OnceFunc(stop)
	// Once for a term: the lease doesn't outlive the broker on whose empty disk a log is restored.
	lineage, err := k.cfg.Log.Lineage(serving)
	if err != nil {
		release()
		return err
	}
	t := &term{Keeper: k, part: n, held: held, lineage: lineage, ctx: serving, release: release, stores: make(map[store.ID]*entry)}
	k.mu.Lock()
	k.terms[n] = t
	k.mu.Unlock()
	context.AfterFunc(serving, t.end)
	slog.DebugContext(ctx, "keeping a part of the stores", "part", n, "holder", k.cfg.Holder)
	k.begin(t)
	return nil
}

// held are the terms of this keeper.
func (k *Keeper) held() []*term {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*term
	for _, t := range k.terms {
		if t != nil {
			all = append(all, t)
		}
	}
	return all
}

// endAll gives all parts back.
func (k *Keeper) endAll() {
	var ending sync.WaitGroup
	for _, t := range k.held() {
		ending.Go(t.end)
	}
	ending.Wait()
}
