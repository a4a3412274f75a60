package feed

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/cuttest"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// doom chooses the byte. A quarter end so early that the handshake, hello or the first event isn't through.
func doom(rnd *rand.Rand, conn *net.TCPConn) *cuttest.Conn {
	cut := cuttest.Cut{Read: rnd.IntN(16 << 10), Write: cuttest.Whole, Rude: rnd.IntN(2) == 0}
	switch rnd.IntN(8) {
	case 0:
		cut.Read = rnd.IntN(600)
	case 1:
		cut.Read = rnd.IntN(2000)
	case 2:
		cut.Write = rnd.IntN(400)
	}
	return cuttest.New(conn, cut)
}

// A client whose connection ends 100 times at a byte of chance while events flow, and that comes back with the cursor
// of the last message it got whole, has the log: from the ring, from Postgres, from the stream and live, whichever it
// meets. Nothing of its connections stays behind.
func TestCutsLeaveNoHole(t *testing.T) {
	const cuts = 100
	// A claim longer than the last connection may take for its handshake, shorter than the wait for the seats.
	b := setup(t, func(h *Hub) { h.ring, h.pace.claim = newRing(16), 5*time.Second })
	seed := cuttest.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 3))
	var writing sync.WaitGroup
	stop := make(chan struct{})
	// The author is a little ahead of the client all the time.
	turns := make(chan struct{}, 2)
	writing.Go(func() {
		for range turns {
			b.author.Write(t.Context(), 60, 2, 8)
		}
	})
	// The projector comes and goes, so that a replay ends in the stream as well as in the ring.
	pauses := rand.New(rand.NewPCG(seed, 4))
	writing.Go(func() {
		for {
			halt := b.project(t)
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(pauses.IntN(200)) * time.Millisecond):
			}
			halt()
		}
	})
	mine := logtest.Tenant(0)
	m := &member{cursor: feed.Cursor{Epoch: b.author.Log.Epoch()}.String()}
	for n := 0; n < cuts; {
		select {
		case turns <- struct{}{}:
		default:
		}
		var conn *cuttest.Conn
		b.wrap = func(c *net.TCPConn) net.Conn { conn = doom(rnd, c); return conn }
		m.follow(t, b, mine)
		if conn.Over() {
			n++
		}
	}
	close(turns)
	close(stop)
	writing.Wait()
	b.wrap = nil
	want := b.eventsOf(t, mine)
	rest := b.dial(t, tenant(mine), "since", m.cursor)
	m.read(rest, len(want)-len(m.list))
	if diff := cmp.Diff(want, m.list); diff != "" {
		t.Errorf("the client's list differs from the log (-log +client):\n%s", diff)
	}
	_ = rest.conn.NetConn().Close()
	b.awaitSeats(t, 0)
}

// eventsOf is the log as its tenant sees it.
func (b *testBundle) eventsOf(t *testing.T, tenant string) []query.Event {
	t.Helper()
	var events []query.Event
	for _, e := range b.author.All(t.Context()) {
		if e.Message.Tenant == tenant {
			e.Message.Time = e.Message.Time.Truncate(time.Microsecond)
			events = append(events, query.EventOf(e.Message, e.State))
		}
	}
	return events
}

// member is a client over all of its connections.
type member struct {
	list   []query.Event
	cursor string
}

// follow takes what comes until the connection ends, if it comes to one.
func (m *member) follow(t *testing.T, b *testBundle, owner string) {
	t.Helper()
	conn, _, err := b.tryDial(b.ticket(t, tenant(owner)), url.Values{"since": {m.cursor}})
	if err != nil {
		return
	}
	defer func() { _ = conn.NetConn().Close() }()
	for {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var told feed.Message
		if err := json.Unmarshal(data, &told); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		switch told.Type {
		case feed.Event:
			m.list, m.cursor = append(m.list, *told.Event), told.Cursor
		case feed.Reset:
			t.Fatalf("the cursor %s can't be continued from: %s", m.cursor, data)
		case feed.Hello, feed.Platform:
		}
	}
}

// read takes count events and keeps the cursor of the last.
func (m *member) read(c *reader, count int) {
	c.greeted()
	for range count {
		told := c.want(feed.Event)
		m.list, m.cursor = append(m.list, *told.Event), told.Cursor
	}
}
