package feed

import (
	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/store"
)

// event is a message of the log as the feed holds it. Without prepared there is nothing to tell of it.
type event struct {
	seq      uint64
	tenant   string
	store    store.ID
	prepared *websocket.PreparedMessage
}

// ring holds the messages behind floor up to last.
type ring struct {
	events      []event
	floor, last uint64
}

func newRing(size int) ring { return ring{events: make([]event, size)} }

func (r *ring) size() uint64 { return uint64(len(r.events)) }

// reset empties the ring; the next message is the one behind seq.
func (r *ring) reset(seq uint64) {
	clear(r.events)
	r.floor, r.last = seq, seq
}

func (r *ring) put(e event) {
	if e.seq != r.last+1 {
		r.reset(e.seq - 1)
	}
	r.events[e.seq%r.size()] = e
	r.last = e.seq
	if r.last-r.floor > r.size() {
		r.floor = r.last - r.size()
	}
}

// at is only for sequences that the ring holds.
func (r *ring) at(seq uint64) event { return r.events[seq%r.size()] }
