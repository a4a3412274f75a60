package places

import (
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// full is how long somebody has to wait for a slot for all to be taken: one that is free is given away at once. Until then nobody knows
// whether anybody has to wait.
const full = time.Second

// slots are the slots of a hall. How many there are is what is worked on while somebody waits.
type slots struct {
	// left is what is left of those that are worked on, then next is what takes their place; nil where nobody knows.
	left []*likely
	next *likely
}

// slots are those of a hall before which an order waits.
func (p *Places) slots(where hall, order []store.ID, now time.Time) slots {
	p.mu.Lock()
	defer p.mu.Unlock()
	var s slots
	taken := slices.ContainsFunc(order, func(id store.ID) bool {
		f := p.flights[id]
		return f != nil && now.Sub(f.since) > full
	})
	if !taken {
		return s
	}
	working := p.working[where]
	var all likely
	known := time.Duration(0)
	for _, f := range working {
		if whole := p.times.whole(f.course, len(working)); whole != nil {
			all, known = likely{all.half + whole.half, all.nearlyAll + whole.nearlyAll}, known+1
		}
		s.left = append(s.left, p.times.left(f.course, now, len(working)))
	}
	if known > 0 {
		s.next = &likely{all.half / known, all.nearlyAll / known}
	}
	return s
}

// waits are how long each of a line waits for a slot, the first first.
type waits struct{ half, nearlyAll []time.Duration }

// waits are those of so many that are begun one after the other, as slots get free; empty where nobody knows.
func (s slots) waits(many int) waits {
	if s.next == nil {
		return waits{}
	}
	half, nearlyAll := make([]time.Duration, len(s.left)), make([]time.Duration, len(s.left))
	for i, l := range s.left {
		// What has taken longer than all before takes as long as one of them again, at most.
		if l == nil {
			l = s.next
		}
		half[i], nearlyAll[i] = l.half, l.nearlyAll
	}
	return waits{half: takenFrom(half, many, s.next.half), nearlyAll: takenFrom(nearlyAll, many, s.next.nearlyAll)}
}

// until is how long it takes until so many are begun.
func (w waits) until(place int) *likely {
	if place > len(w.half) {
		return nil
	}
	return &likely{w.half[place-1], w.nearlyAll[place-1]}
}

// takenFrom is when so many get a slot, one after the other, of those that are free at some time, and each is free again after so long.
func takenFrom(free []time.Duration, many int, long time.Duration) []time.Duration {
	slices.Sort(free)
	begun := make([]time.Duration, many)
	for i := range begun {
		begun[i] = free[0]
		again := free[0] + long
		later, _ := slices.BinarySearch(free[1:], again)
		copy(free, free[1:later+1])
		free[later] = again
	}
	return begun
}
