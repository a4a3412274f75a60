package feed

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/waittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// pair is a WebSocket connection over TCP, both ends of it.
type pair struct{ near, far *websocket.Conn }

func connect(t *testing.T, adjust func(*net.TCPConn)) pair {
	t.Helper()
	upgrader := websocket.Upgrader{}
	accepted := make(chan *websocket.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- conn
	}))
	t.Cleanup(server.Close)
	dialer := websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if err == nil && adjust != nil {
			adjust(conn.(*net.TCPConn))
		}
		return conn, err
	}}
	near, resp, err := dialer.DialContext(t.Context(), strings.Replace(server.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	far := <-accepted
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	if err := errors.Join(near.SetReadDeadline(time.Now().Add(patience)), far.SetReadDeadline(time.Now().Add(patience))); err != nil {
		t.Fatal(err)
	}
	return pair{near: near, far: far}
}

// A client whose handshake was under way when another log came isn't told of that one's stores by its name of the old one.
func TestALogRemadeDuringTheHandshakeEndsTheSession(t *testing.T) {
	hub := NewHub()
	before := hub.log()
	hub.LogRemade()
	outside, inside := connect(t, nil), connect(t, nil)
	go hub.serve(outside.far, inside.near, before, nil)
	if code := endOf(outside.near); code != websocket.CloseTryAgainLater {
		t.Errorf("closed with %d, want %d", code, websocket.CloseTryAgainLater)
	}
}

// run serves a client and returns its end and that of the events service.
func run(t *testing.T, p pace, adjust func(*net.TCPConn)) (client, events *websocket.Conn) {
	t.Helper()
	hub := NewHub()
	hub.pace = p
	outside, inside := connect(t, adjust), connect(t, nil)
	served := make(chan struct{})
	go func() { defer close(served); hub.serve(outside.far, inside.near, 0, nil) }()
	t.Cleanup(func() {
		select {
		case <-served:
		case <-time.After(patience):
			t.Error("the session didn't end")
		}
	})
	return outside.near, inside.far
}

// endOf reads until the connection ends and returns the code that it was told.
func endOf(conn *websocket.Conn) int {
	for {
		_, _, err := conn.ReadMessage()
		var said *websocket.CloseError
		if errors.As(err, &said) {
			return said.Code
		}
		if err != nil {
			return 0
		}
	}
}

func unhurried() pace {
	return pace{ping: patience, silence: 2 * patience, write: 2 * patience, linger: linger}
}

func TestWhoSendsTooMuchIsClosed(t *testing.T) {
	for name, kind := range map[string]int{
		"messages": websocket.TextMessage, "pings": websocket.PingMessage, "pongs": websocket.PongMessage,
	} {
		t.Run(name, func(t *testing.T) {
			client, events := run(t, unhurried(), nil)
			heard := make(chan int, 1)
			go func() { heard <- endOf(events) }()
			go func() {
				// Not one more than is too much: what is unread when a connection is closed resets it, close code and all.
				for range maxWords + 1 {
					if client.WriteMessage(kind, nil) != nil {
						return
					}
				}
			}()
			if code := endOf(client); code != websocket.ClosePolicyViolation {
				t.Errorf("closed with %d, want %d", code, websocket.ClosePolicyViolation)
			}
			if code := <-heard; code != websocket.ClosePolicyViolation {
				t.Errorf("the events service was told %d, want %d", code, websocket.ClosePolicyViolation)
			}
		})
	}
}

// A moderate client stays, however long: what it may send is per time.
func TestWhoSendsALittleStays(t *testing.T) {
	p := unhurried()
	p.ping = 5 * time.Millisecond
	client, events := run(t, p, nil)
	pinged, over := make(chan struct{}), make(chan struct{})
	client.SetPingHandler(func(data string) error {
		select {
		case pinged <- struct{}{}:
		case <-over:
		}
		return client.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	})
	go endOf(client)
	go func() {
		for count := 0; ; count++ {
			if count == maxWords+10 {
				farewell := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
				_ = events.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(patience))
			}
			select {
			case <-pinged:
			case <-over:
				return
			}
		}
	}()
	code := endOf(events)
	close(over)
	if code != websocket.CloseNormalClosure {
		t.Errorf("ended with %d", code)
	}
}

func TestASilentSideEndsTheSession(t *testing.T) {
	p := unhurried()
	// The limit is the other side's too: it must answer some ping in this time.
	p.ping, p.silence = 10*time.Millisecond, 5*time.Second
	client, events := run(t, p, nil)
	client.SetPingHandler(func(string) error { return nil })
	go endOf(client)
	if code := endOf(events); code != feed.CloseSlow {
		t.Errorf("the events service was told %d, want %d", code, feed.CloseSlow)
	}
}

// A side that is heard of is given its time anew, although not at each word.
func TestASideThatIsHeardOfStays(t *testing.T) {
	p := unhurried()
	// Each must answer some ping in this time, on a busy machine too.
	p.ping, p.silence = 10*time.Millisecond, 8*time.Second
	client, events := run(t, p, nil)
	began := time.Now()
	events.SetPingHandler(func(data string) error {
		if time.Since(began) > 5*p.silence/4 {
			farewell := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			return events.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(patience))
		}
		return events.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	})
	go endOf(client)
	if code := endOf(events); code != websocket.CloseNormalClosure {
		t.Errorf("ended with %d", code)
	}
}

func TestEveryClientIsToldItsOwnMessagesWhole(t *testing.T) {
	const clients = 8
	// Around what is written at once, and around what is kept.
	sizes := []int{1, 700, 4095, 4097, longestKept - 1, 2 * longestKept, 2, 0, 1200}
	var all sync.WaitGroup
	for n := range clients {
		client, events := run(t, unhurried(), nil)
		text := func(turn int) string { return strings.Repeat(fmt.Sprint(n), sizes[(turn+n)%len(sizes)]) }
		all.Go(func() {
			for turn := range 10 * len(sizes) {
				if err := events.WriteMessage(websocket.TextMessage, []byte(text(turn))); err != nil {
					t.Errorf("tell client %d: %v", n, err)
					return
				}
			}
		})
		all.Go(func() {
			// What ends the session.
			defer client.Close()
			for turn := range 10 * len(sizes) {
				kind, got, err := client.ReadMessage()
				if want := text(turn); err != nil || kind != websocket.TextMessage || string(got) != want {
					t.Errorf("message %d of client %d: %d bytes of kind %d, want %d: %v", turn, n, len(got), kind, len(want), err)
					return
				}
			}
		})
	}
	all.Wait()
}

// One that is slow to read what is before its farewell is told all the same, pings and all.
func TestWhoIsSlowReadsItsFarewell(t *testing.T) {
	p := unhurried()
	p.ping, p.linger = time.Millisecond, time.Millisecond
	outside, inside := connect(t, nil), connect(t, nil)
	hub := NewHub()
	hub.pace = p
	served := make(chan struct{})
	go func() { defer close(served); hub.serve(outside.far, inside.near, 0, nil) }()
	client, events := outside.near, inside.far
	pinged := make(chan struct{})
	events.SetPingHandler(func(string) error { close(pinged); events.SetPingHandler(nil); return nil })
	go endOf(events)
	<-pinged // and so was the client
	for range 50 {
		if err := events.WriteMessage(websocket.TextMessage, []byte("news")); err != nil {
			t.Fatal(err)
		}
	}
	farewell := websocket.FormatCloseMessage(feed.CloseSlow, "too slow")
	if err := events.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// Time in which the session could be closed, and isn't to be.
	select {
	case <-served:
		t.Error("the session was closed before its client had read anything")
	case <-time.After(100 * p.linger):
	}
	if code := endOf(client); code != feed.CloseSlow {
		t.Errorf("the client was told %d, want %d", code, feed.CloseSlow)
	}
	<-served
}

// One that never reads is given up, and the events service is told why.
func TestWhoNeverReadsIsClosed(t *testing.T) {
	p := unhurried()
	p.write = 50 * time.Millisecond
	_, events := run(t, p, func(c *net.TCPConn) { _ = c.SetReadBuffer(4096) })
	told := make(chan int, 1)
	go func() { told <- endOf(events) }()
	text := []byte(strings.Repeat("x", 100_000))
	for events.WriteMessage(websocket.TextMessage, text) == nil {
	}
	if code := <-told; code != feed.CloseSlow {
		t.Errorf("the events service was told %d, want %d", code, feed.CloseSlow)
	}
}

// They come back as they were sent away: all in one instant would be too many for who has to let them in.
func TestClientsAreSentAwayOneAfterTheOther(t *testing.T) {
	hub := NewHub()
	const clients = 20
	ends := make(chan int, clients)
	for range clients {
		outside, inside := connect(t, nil), connect(t, nil)
		go hub.serve(outside.far, inside.near, 0, nil)
		go func() { ends <- endOf(outside.near) }()
	}
	waittest.Eventually(t, func() error {
		if open := hub.open(); open != clients {
			return fmt.Errorf("%d have come", open)
		}
		return nil
	})
	hub.LogRemade()
	for n := range clients {
		if code := <-ends; code != websocket.CloseTryAgainLater {
			t.Errorf("closed with %d, want %d", code, websocket.CloseTryAgainLater)
		}
		if n == 0 && hub.open() == 0 {
			t.Error("when the first was told, all had been")
		}
	}
}

// open counts the sessions that nobody has ended.
func (h *Hub) open() (open int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.sessions {
		s.mu.Lock()
		if !s.ended {
			open++
		}
		s.mu.Unlock()
	}
	return open
}
