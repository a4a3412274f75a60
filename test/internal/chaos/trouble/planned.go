package trouble

import (
	"math/rand/v2"
	"slices"
	"time"
)

// spare are times at which nobody may be free for what is left.
const spare = 8

// breath is how long something is left alone that was broken, so that whatever comes next finds it whole, also on a busy
// machine.
const breath = 3 * time.Second

// Planned are troubles that come within a length of time, each kind once: in an order that the seed shuffles, evenly, so
// that several are there at a time, and each is over before the length is. Nothing is broken that is broken already.
func Planned(seed uint64, lease, length time.Duration) []Trouble {
	d := drawer{rand.New(rand.NewPCG(seed, 0)), boundsOf(lease)}
	kinds := Kinds()
	d.Shuffle(len(kinds), func(i, k int) { kinds[i], kinds[k] = kinds[k], kinds[i] })
	pause := (length - max(d.longestSleep, d.longestBreak)) / time.Duration(len(kinds)+spare)
	p := plan{}
	for at := pause; len(kinds) > 0; at += pause {
		// One whose every replica is still broken comes when the next is due.
		for i, kind := range kinds {
			if p.add(Trouble{Kind: kind, At: at, Long: d.long(kind.Manner)}, d.Int()) {
				kinds = slices.Delete(kinds, i, i+1)
				break
			}
		}
	}
	return p.troubles
}

type plan struct{ troubles []Trouble }

// add gives the trouble to one of the replicas that are free for it, if there is one.
func (p *plan) add(t Trouble, which int) bool {
	if t.Manner == Freeze && p.frozen(t) >= MostFrozen {
		return false
	}
	among := Replicas(t.Service)
	for n := range among {
		t.Replica = (which + n) % among
		if !slices.ContainsFunc(p.troubles, t.meets) {
			p.troubles = append(p.troubles, t)
			return true
		}
	}
	return false
}

// frozen counts the processes that sleep when t would begin.
func (p *plan) frozen(t Trouble) (count int) {
	for _, other := range p.troubles {
		if other.Manner == Freeze && t.At <= other.over() {
			count++
		}
	}
	return count
}

// meets tells whether the other one has the same process or way at the same time.
func (t Trouble) meets(other Trouble) bool {
	same := t.Service == other.Service && t.Way == other.Way && t.Replica == other.Replica
	return same && t.At <= other.over() && other.At <= t.over()
}

// over is when it may be broken again.
func (t Trouble) over() time.Duration { return t.At + t.Long + breath }
