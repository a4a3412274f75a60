package gateway

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/cuttest"
)

// doomed cuts connections on the events service's side of the gateway.
type doomed struct {
	net.Listener
	mu  sync.Mutex
	rnd *rand.Rand
}

func (d *doomed) intn(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.IntN(n)
}

func (d *doomed) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	cut := cuttest.Cut{Read: cuttest.Whole, Write: cuttest.Whole}
	if d.intn(3) == 0 {
		cut.Write = d.intn(8 << 10)
	}
	return cuttest.New(conn, cut), nil
}

// text is the n-th message of a log without end; texts differ in length, so that frames do.
func text(n int) string { return fmt.Sprintf("%d %s", n, strings.Repeat("x", n*37%400)) }

// endless is an events service that tells of that log, behind ?since=.
func endless(t *testing.T, rnd *rand.Rand) string {
	t.Helper()
	upgrader := websocket.Upgrader{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed" {
			return
		}
		var n int
		if _, err := fmt.Sscanf(r.URL.Query().Get("since"), "epoch-%d", &n); err != nil {
			t.Errorf("asked for %s", r.URL)
		}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			n++
			_ = conn.SetWriteDeadline(time.Now().Add(patience))
			if err := conn.WriteMessage(websocket.TextMessage, []byte(text(n))); err != nil {
				return
			}
		}
	}))
	server.Listener = &doomed{Listener: server.Listener, rnd: rnd}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// A client whose way to the log is cut 100 times at a byte of chance, on this side of the gateway or on the other, and
// that comes back with the number of the last message it got whole, has all of them once and in order.
func TestCutsOnBothSidesOfTheGatewayLeaveNoHole(t *testing.T) {
	const cuts = 100
	seed := cuttest.Seed(t)
	url := endless(t, rand.New(rand.NewPCG(seed, 1)))
	b := setup(t, func(c *Config) { c.EventsURL = url })
	rnd := rand.New(rand.NewPCG(seed, 2))
	near, last := 0, 0
	for range cuts {
		cut := cuttest.Cut{Read: rnd.IntN(16 << 10), Write: cuttest.Whole}
		switch rnd.IntN(8) {
		case 0:
			cut.Read = rnd.IntN(600)
		case 1:
			cut.Write = rnd.IntN(300)
		}
		var conn *cuttest.Conn
		dialer := websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
			tcp, err := net.Dial(network, address)
			if err != nil {
				return nil, err
			}
			conn = cuttest.New(tcp, cut)
			return conn, nil
		}}
		last = listen(t, dialer, strings.Replace(b.url, "http", "ws", 1), last)
		if conn != nil && conn.Over() {
			near++
		}
	}
	t.Logf("%d messages, %d cuts between client and gateway, %d behind it", last, near, cuts-near)
	if near == 0 || near == cuts || last < cuts {
		t.Errorf("%d of %d cuts were the client's, and it has %d messages: this shows little", near, cuts, last)
	}
}

// listen takes what comes behind message last until the connection ends, and returns the newest message's number.
func listen(t *testing.T, dialer websocket.Dialer, url string, last int) int {
	t.Helper()
	conn, resp, err := dialer.DialContext(t.Context(), fmt.Sprintf("%s/feed?since=epoch-%d", url, last), nil)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return last
	}
	defer conn.Close()
	for {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, data, err := conn.ReadMessage()
		if err != nil {
			return last
		}
		if string(data) != text(last+1) {
			t.Fatalf("behind message %d comes %q", last, data)
		}
		last++
	}
}
