package places

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/turn"
)

// remade is how often the order of a line is made anew at most, however often it is asked for and however much is heard.
const remade = 250 * time.Millisecond

// queue is where one waits for a slot.
type queue struct {
	hall
	lane turn.Lane
}

// places are those of all that wait in a queue, from one on.
type places map[store.ID]int

// standing is who stood where in a queue a moment ago. Whoever finds it too old makes it anew, one at a time.
type standing struct {
	queue
	making sync.Mutex
	newest atomic.Pointer[listing]
}

type listing struct {
	places
	waits waits
	at    time.Time
}

// placeOf is zero of who isn't listed.
func (l *listing) placeOf(id store.ID) int {
	if l == nil {
		return 0
	}
	return l.places[id]
}

// standing is that of a queue. The lock is held.
func (p *Places) standing(of hall, lane turn.Lane) *standing {
	q := queue{of, lane}
	if p.standings[q] == nil {
		p.standings[q] = &standing{queue: q}
	}
	return p.standings[q]
}

// listed is who stands in a queue, and how long they wait there, a moment old. Who has come since isn't in it yet.
func (p *Places) listed(s *standing) *listing {
	if l := s.newest.Load(); l != nil && time.Since(l.at) < p.apart {
		return l
	}
	s.making.Lock()
	defer s.making.Unlock()
	if l := s.newest.Load(); l != nil && time.Since(l.at) < p.apart {
		return l // somebody has made it meanwhile
	}
	l := &listing{places: places{}, at: time.Now()}
	p.mu.Lock()
	waiting := p.in(s.hall).Queue(s.lane, l.at)
	p.mu.Unlock()
	order := waiting.Order()
	for i, id := range order {
		l.places[id] = i + 1
	}
	l.waits = p.slots(s.hall, order, l.at).waits(len(order))
	s.newest.Store(l)
	return l
}
