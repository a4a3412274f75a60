package feed

import (
	"math/rand/v2"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// Clients that are sent away together come back together: they are sent away one after the other.
const (
	partingStep    = 2 * time.Millisecond
	partingLongest = 2 * time.Second
)

// enter admits a client and returns the log that it will be told of.
func (h *Hub) enter(c *client) (*storelog.Log, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log == nil || h.ended {
		return nil, false
	}
	h.handlers.Add(1)
	h.clients[c] = struct{}{}
	return h.log, true
}

// leave is the last thing that a client's handler does.
func (h *Hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(c)
	h.handlers.Done()
}

// forget needs the lock.
func (h *Hub) forget(c *client) {
	delete(h.clients, c)
	delete(h.operators, c)
	if same := h.tenants[c.ticket.Scope.Tenant()]; same != nil {
		delete(same, c)
		if len(same) == 0 {
			delete(h.tenants, c.ticket.Scope.Tenant())
		}
	}
}

// join makes a client that knows everything up to seq a live one, with what the ring holds behind that in its queue.
// When that is too much for the queue, join returns a part to write first and the sequence it reaches to; when the ring
// doesn't hold it any more, nothing and the same sequence.
func (h *Hub) join(c *client, seq uint64) (part []*websocket.PreparedMessage, reached uint64, joined bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, here := h.clients[c]; !here {
		return nil, seq, true
	}
	if seq < h.ring.floor {
		return nil, seq, false
	}
	for next := seq + 1; next <= h.ring.last; next++ {
		m := c.told(h.ring.at(next))
		if m == nil {
			continue
		}
		if len(part) == queueSize/2 {
			return part, next - 1, false
		}
		part = append(part, m)
	}
	for _, m := range part {
		c.queue <- m
	}
	if h.cluster != c.cluster {
		c.queue <- h.cluster
	}
	c.after = max(seq, h.ring.last)
	h.index(c)
	return nil, c.after, true
}

func (h *Hub) index(c *client) {
	if c.ticket.Scope.SeesAll() {
		h.operators[c] = struct{}{}
		return
	}
	same := h.tenants[c.ticket.Scope.Tenant()]
	if same == nil {
		same = map[*client]struct{}{}
		h.tenants[c.ticket.Scope.Tenant()] = same
	}
	same[c] = struct{}{}
}

// closeAll sends everybody away; for ever, when the hub has ended.
func (h *Hub) closeAll(why parting, ended bool) {
	h.mu.Lock()
	h.ended = h.ended || ended
	parted := make([]*client, 0, len(h.clients))
	for c := range h.clients {
		parted = append(parted, c)
	}
	for _, c := range parted {
		h.forget(c)
	}
	h.mu.Unlock()
	rand.Shuffle(len(parted), func(i, j int) { parted[i], parted[j] = parted[j], parted[i] })
	step := partingStep
	if len(parted) > 0 {
		step = min(step, partingLongest/time.Duration(len(parted)))
	}
	for _, c := range parted {
		c.end(why)
		<-time.After(rand.N(2 * step))
	}
}
