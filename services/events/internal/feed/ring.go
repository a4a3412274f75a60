package feed

import (
	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// event is a message of the log as the feed holds it. Without prepared there is nothing to tell of it.
type event struct {
	seq      uint64
	tenant   string
	store    store.ID
	prepared *websocket.PreparedMessage
	// left is what former, whose the store was until then, is told instead; nil where it stays whose it is.
	left   *websocket.PreparedMessage
	former string
}

// eventOf prepares a message of the log for all that may be told of it.
func eventOf(epoch string, entry storelog.Entry) (e event, err error) {
	m := entry.Message
	e = event{seq: m.Seq, tenant: m.Tenant, store: m.Store}
	if e.prepared, err = prepare(eventMessage(epoch, entry)); err != nil {
		return event{}, err
	}
	if m.Type == store.Transferred {
		e.former = m.Facts.From
		e.left, err = prepare(leftMessage(epoch, m))
	}
	return e, err
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
