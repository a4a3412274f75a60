package turn

import (
	"container/heap"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Wait is what a command waits for.
type Wait int

// What there is to wait for. Nobody knows of what isn't in the line, and what is begun waits for nothing.
const (
	Unknown Wait = iota
	Turn
	Another
	Time
	Begun
)

// Waits says what a store's newest command waits for, and by which lane it is begun first.
func (l *Line) Waits(id store.ID, now time.Time) (Wait, Lane) {
	c := l.at[id]
	if c == nil {
		return Unknown, All
	}
	lane := All
	if c.stood && l.hand == store.Provisioner {
		lane = Standing
	}
	switch {
	case c.busy():
		return Begun, lane
	case c.parked != "":
		return Another, lane
	case !c.waits(lane, now):
		return Time, lane
	}
	return Turn, lane
}

// Queue is who waits for a slot at a moment, by tenants. What becomes of the line later changes nothing in it, and is in nobody's way.
type Queue struct {
	turns  rounds
	newest uint64
}

// Queue says who waits for a slot.
func (l *Line) Queue(lane Lane, now time.Time) Queue {
	q := Queue{newest: l.newest}
	for _, t := range l.tenants {
		r := &round{}
		for _, c := range t.commands {
			if c.waits(lane, now) {
				r.left = append(r.left, c)
			}
		}
		if len(r.left) > 0 {
			r.claim = l.claim(t, lane, r.left[0])
			q.turns = append(q.turns, r)
		}
	}
	return q
}

// Order lists them as they would be begun, one after the other, if nobody came and nothing that is worked on ended. It uses the queue up.
func (q *Queue) Order() []store.ID {
	heap.Init(&q.turns)
	var order []store.ID
	for turn := q.newest + 1; len(q.turns) > 0; {
		r := q.turns[0]
		order = append(order, r.left[0].id)
		if r.left = r.left[1:]; len(r.left) == 0 {
			heap.Pop(&q.turns)
			continue
		}
		turn++
		r.claim = claim{running: r.running + 1, served: turn, oldest: r.left[0].generation}
		heap.Fix(&q.turns, 0)
	}
	return order
}

// round is a tenant's part of an order that is being made.
type round struct {
	claim
	left []*command
}

type rounds []*round

func (r rounds) Len() int           { return len(r) }
func (r rounds) Less(i, j int) bool { return r[i].before(r[j].claim) }
func (r rounds) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *rounds) Push(x any)        { *r = append(*r, x.(*round)) }
func (r *rounds) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	*r = (*r)[:last]
	return x
}
