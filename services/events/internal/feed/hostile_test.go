package feed

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// Of nine clients one never reads. The others have everything while it still holds its connection, and it is told why
// it was closed when it reads at last.
func TestSlowClientIsClosedAlone(t *testing.T) {
	const count = 400
	// Neither patience is tried here, the writer's or that for a sign of life: none may end before the client reads, however
	// long the disk takes for the rest. There are pings between the events that it hasn't read, which it answers when it does.
	b := setup(t, func(h *Hub) {
		h.pace.write, h.pace.pong, h.pace.ping, h.pace.parting = time.Hour, time.Hour, time.Millisecond, time.Millisecond
	})
	delivered := make(chan int)
	for i := range 8 {
		who := tenant("a")
		if i == 0 {
			who = feed.Ticket{Scope: query.All()}
		}
		c := b.dial(t, who)
		c.greeted()
		go func() { delivered <- len(c.events(count)) }()
	}
	// To be noticed after kilobytes, not after the megabytes that the system would keep.
	b.wrap = func(c *net.TCPConn) net.Conn { _ = c.SetReadBuffer(8192); return c }
	slow := b.dial(t, tenant("a"))
	witness := b.dial(t, tenant("a"))
	witness.greeted()
	// Large enough that the system's buffers are soon full.
	name := strings.Repeat("x", 3000)
	for i := range count {
		b.author.Create(t.Context(), "a", logtest.Store("a", i), name)
		witness.want(feed.Event)
	}
	for range 8 {
		if got := <-delivered; got != count {
			t.Errorf("another client got %d of %d events", got, count)
		}
	}
	if _, clients, closed := b.hub.Stats(); clients != 9 || closed != 1 {
		t.Errorf("%d clients left, %d closed for being slow", clients, closed)
	}
	if code := slow.closed(); code != feed.CloseSlow {
		t.Errorf("closed with %d, want %d", code, feed.CloseSlow)
	}
	b.awaitSeats(t, 9)
}

// One that doesn't even read its farewell is cut off, and counted.
func TestAClientThatNeverReadsIsCutOff(t *testing.T) {
	b := setup(t, func(h *Hub) { h.pace.write = 50 * time.Millisecond })
	b.wrap = func(c *net.TCPConn) net.Conn { _ = c.SetReadBuffer(8192); return c }
	b.dial(t, tenant("a"))
	b.awaitSeats(t, 1)
	name := strings.Repeat("x", 30_000)
	for i := range 20 {
		b.author.Create(t.Context(), "a", logtest.Store("a", i), name)
	}
	b.awaitSeats(t, 0)
	if _, clients, closed := b.hub.Stats(); clients != 0 || closed != 1 {
		t.Errorf("%d clients left, %d closed for being slow", clients, closed)
	}
}

// A client that answers no ping is gone, one that does stays, whatever it does otherwise.
func TestSilenceEndsAConnection(t *testing.T) {
	// The client that stays must answer in time too.
	b := setup(t, func(h *Hub) { h.pace.ping, h.pace.pong = 20*time.Millisecond, 8*time.Second })
	silent, alive := b.dial(t, tenant("a")), b.dial(t, tenant("a"))
	silent.conn.SetPingHandler(func(string) error { return nil })
	silent.greeted()
	alive.greeted()
	go func() { _, _, _ = alive.next() }()
	if m, text, err := silent.next(); err == nil {
		t.Errorf("told %s %s", m.Type, text)
	}
	b.awaitSeats(t, 1)
}

// A client is asked for signs of life also while it waits for what it has missed, or it would be taken for gone.
func TestPingsGoOnDuringAReplay(t *testing.T) {
	b := setup(t, func(h *Hub) {
		h.ring, h.replays, h.pace.ping = newRing(4), make(chan struct{}, 1), 10*time.Millisecond
	})
	b.author.Write(t.Context(), 20, 1, 3)
	b.awaitTold(t)
	b.hub.replays <- struct{}{}
	c := b.dial(t, tenant(logtest.Tenant(0)), "since", feed.Cursor{Epoch: b.author.Log.Epoch()}.String())
	pinged := make(chan struct{}, 1)
	c.conn.SetPingHandler(func(string) error {
		select {
		case pinged <- struct{}{}:
		default:
		}
		return nil
	})
	told := make(chan int, 1)
	go func() { told <- len(c.events(20)) }()
	select {
	case <-pinged:
	case <-time.After(patience):
		t.Error("no ping while the client waits for its replay")
	}
	<-b.hub.replays
	if count := <-told; count != 20 {
		t.Errorf("%d events", count)
	}
}

func TestATooLargeMessageEndsTheConnection(t *testing.T) {
	b := setup(t, nil)
	c := b.dial(t, tenant("a"))
	c.greeted()
	// Only the head of the frame (RFC 6455, 5.2: final, binary, masked, length in two bytes): whoever closes a connection
	// on which something is unread resets it, and the client would never see why.
	const size = 10 * readLimit
	head := []byte{0x82, 0x80 | 126, size >> 8, size & 0xff, 0, 0, 0, 0}
	if _, err := c.conn.NetConn().Write(head); err != nil {
		t.Fatal(err)
	}
	if code := c.closed(); code != websocket.CloseMessageTooBig {
		t.Errorf("closed with %d, want %d", code, websocket.CloseMessageTooBig)
	}
	b.awaitSeats(t, 0)
}

func (b *testBundle) wantRefused(t *testing.T, ticket string, status int) {
	t.Helper()
	_, response, err := b.tryDial(ticket, nil)
	if err == nil || response == nil || response.StatusCode != status {
		t.Errorf("answered %+v (%v), want %d", response, err, status)
	}
}

// A refused client's ticket is still good when there is room again.
func TestRoomIsBounded(t *testing.T) {
	b := setup(t, func(h *Hub) { h.limits = Limits{Connections: 5, PerTenant: 2} })
	first := b.dial(t, tenant("a"))
	b.dial(t, tenant("a"))
	kept := b.ticket(t, tenant("a"))
	b.wantRefused(t, kept, http.StatusTooManyRequests)
	// An operator is nobody's tenant, and not one called "" either.
	operator := feed.Ticket{Scope: query.All()}
	b.dial(t, operator)
	b.dial(t, operator)
	b.wantRefused(t, b.ticket(t, operator), http.StatusTooManyRequests)
	b.dial(t, tenant("b"))
	b.wantRefused(t, b.ticket(t, tenant("b")), http.StatusServiceUnavailable)
	b.wantRefused(t, kept, http.StatusServiceUnavailable)
	if full, crowded := b.hub.Refused(); full != 2 || crowded != 2 {
		t.Errorf("%d refused for want of room, %d for their tenant's share", full, crowded)
	}
	_ = first.conn.Close()
	b.awaitSeats(t, 4)
	conn, _, err := b.tryDial(kept, nil)
	if err != nil {
		t.Fatalf("with room again, and the ticket unspent: %v", err)
	}
	_ = conn.Close()
}

// Clients that go away in the middle of the handshake take no seat with them.
func TestNoSeatIsLost(t *testing.T) {
	// Longer than the last client may take for its handshake, shorter than the wait for the seats.
	b := setup(t, func(h *Hub) { h.pace.claim = 5 * time.Second })
	for i := range 50 {
		conn, err := net.Dial("tcp", b.address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn, "GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n%s: %s\r\n\r\n",
			feed.TicketHeader, b.ticket(t, tenant("a")))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
	last := b.dial(t, tenant("b"))
	last.greeted()
	b.awaitSeats(t, 1)
}
