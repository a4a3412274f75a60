package keep

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// crew are the keepers that carry the same packs: all stores of these are theirs to share out. Of two crews, as there are
// while the platform is upgraded, the one that carries more comes first. A store is kept by the first that carries its pack
// and has a keeper for its part, so that it is nobody's only where nobody carries it.
type crew struct {
	// name is in the keys of its parts.
	name  string
	packs []string
}

func crewOf(carried []string) crew {
	carried = slices.Sorted(slices.Values(carried))
	sum := sha256.Sum256([]byte(strings.Join(carried, " ")))
	return crew{name: fmt.Sprintf("%x", sum[:8]), packs: carried}
}

func (c crew) comesBefore(other crew) bool {
	return cmp.Or(cmp.Compare(len(other.packs), len(c.packs)), strings.Compare(c.name, other.name)) < 0
}

// member is what the lease of one of the crew says, besides that it is there.
func (c crew) member(holder string) string { return holder + " " + strings.Join(c.packs, " ") }

func crewOfMember(m lease.Holding) crew {
	_, carried, _ := strings.Cut(m.Holder, " ")
	return crewOf(strings.Fields(carried))
}

// senior is a crew that comes before this keeper's, and the parts for which it has a keeper.
type senior struct {
	crew
	parts [Parts]bool
}

// heed takes note of the crews that come before this keeper's.
func (k *Keeper) heed(seniors map[string]crew, taken []lease.Holding) {
	var heeded []senior
	for _, c := range seniors {
		s := senior{crew: c}
		for n := range Parts {
			s.parts[n] = isTaken(taken, c.part(n))
		}
		heeded = append(heeded, s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seniors = heeded
}

// leaves says whether a store is another crew's.
func (k *Keeper) leaves(s store.State) bool {
	if s.Running == nil {
		return false
	}
	part, pack := partOf(s.ID), packs.Name(s.Running.Engine, s.Running.Version)
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.seniors, func(c senior) bool { return c.parts[part] && slices.Contains(c.packs, pack) })
}

// members says how many keepers of this one's crew there are, itself included, and which crews come before it.
func (k *Keeper) members(ctx context.Context) (peers int, seniors map[string]crew, err error) {
	held, err := k.leases.Held(ctx, memberPrefix+"*")
	if err != nil {
		return 0, nil, err
	}
	peers, seniors = 1, make(map[string]crew)
	for _, m := range k.roster.living(time.Now(), held, k.clock.Of(storelog.LeaseTTL)/2) {
		if m.Key != k.member && crewOfMember(m).name == k.crew.name {
			peers++
		}
	}
	for _, m := range held {
		if c := crewOfMember(m); c.comesBefore(k.crew) {
			seniors[c.name] = c
		}
	}
	return peers, seniors, nil
}
