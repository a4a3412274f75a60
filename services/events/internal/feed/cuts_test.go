package feed

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// mortal is a connection that ends at a byte: in the middle of a handshake, of a frame, of a text, or between them.
type mortal struct {
	*net.TCPConn
	mu sync.Mutex
	// read and write are how many bytes it still carries.
	read, write int
	// rude ends it with a reset, which takes back what is under way; otherwise it is closed.
	rude, dead bool
}

func (m *mortal) Read(p []byte) (int, error) {
	m.mu.Lock()
	left := m.read
	m.mu.Unlock()
	if left == 0 {
		m.die()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := m.TCPConn.Read(p[:min(len(p), left)])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read -= n
	return n, err
}

func (m *mortal) Write(p []byte) (int, error) {
	m.mu.Lock()
	count := min(len(p), m.write)
	m.write -= count
	m.mu.Unlock()
	n, err := m.TCPConn.Write(p[:count])
	if err == nil && count < len(p) {
		m.die()
		err = io.ErrShortWrite
	}
	return n, err
}

func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	if m.rude {
		_ = m.SetLinger(0)
	}
	_ = m.TCPConn.Close()
}

// doom chooses the byte. A quarter die so early that the handshake, hello or the first event isn't through.
func doom(rnd *rand.Rand, conn *net.TCPConn) *mortal {
	m := &mortal{TCPConn: conn, read: rnd.IntN(16 << 10), write: 1 << 20, rude: rnd.IntN(2) == 0}
	switch rnd.IntN(8) {
	case 0:
		m.read = rnd.IntN(600)
	case 1:
		m.read = rnd.IntN(2000)
	case 2:
		m.write = rnd.IntN(400)
	}
	return m
}

// A client whose connection ends 100 times at a byte of chance while events flow, and that comes back with the cursor
// of the last message it got whole, has the log: from the ring, from Postgres, from the stream and live, whichever it
// meets. Nothing of its connections stays behind.
func TestCutsLeaveNoHole(t *testing.T) {
	const cuts = 100
	b := setup(t, func(h *Hub) { h.ring, h.pace.claim = newRing(16), 100*time.Millisecond })
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
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
	writing.Go(func() {
		for {
			halt := b.project(t)
			select {
			case <-stop:
				return
			case <-time.After(rand.N(200 * time.Millisecond)):
			}
			halt()
		}
	})
	mine := logtest.Tenant(0)
	m := &member{cursor: query.Cursor{Epoch: b.author.Log.Epoch()}.String()}
	for n := 0; n < cuts; {
		select {
		case turns <- struct{}{}:
		default:
		}
		var conn *mortal
		b.wrap = func(c *net.TCPConn) net.Conn { conn = doom(rnd, c); return conn }
		m.follow(t, b, mine)
		if conn.dead {
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
			events = append(events, query.EventOf(e.Message))
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
		var told query.FeedMessage
		if err := json.Unmarshal(data, &told); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		switch told.Type {
		case query.FeedEvent:
			m.list, m.cursor = append(m.list, *told.Event), told.Cursor
		case query.FeedReset:
			t.Fatalf("the cursor %s can't be continued from: %s", m.cursor, data)
		case query.FeedHello, query.FeedPlatform:
		}
	}
}

// read takes count events and keeps the cursor of the last.
func (m *member) read(c *reader, count int) {
	c.greeted()
	for range count {
		told := c.want(query.FeedEvent)
		m.list, m.cursor = append(m.list, *told.Event), told.Cursor
	}
}
