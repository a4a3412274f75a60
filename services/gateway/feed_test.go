package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// upstream stands where the events service does, and hands each connection to the test.
type upstream struct {
	url   string
	conns chan *websocket.Conn
	asked chan *http.Request
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{conns: make(chan *websocket.Conn, 8), asked: make(chan *http.Request, 8)}
	upgrader := websocket.Upgrader{}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		u.asked <- r
		u.conns <- conn
	})
	server := httptest.NewServer(mux)
	u.url = server.URL
	t.Cleanup(server.Close)
	return u
}

func (b *testBundle) dial(query string, header http.Header) (*websocket.Conn, *http.Response, error) {
	return websocket.DefaultDialer.DialContext(b.t.Context(), strings.Replace(b.url, "http", "ws", 1)+"/feed"+query, header)
}

// feed connects a client and returns both ends.
func (b *testBundle) feed(u *upstream, query string) (near, far *websocket.Conn) {
	b.t.Helper()
	near, _, err := b.dial(query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	far = received(b.t, u.conns)
	b.t.Cleanup(func() { near.Close(); far.Close() })
	if err := errors.Join(near.SetReadDeadline(time.Now().Add(patience)), far.SetReadDeadline(time.Now().Add(patience))); err != nil {
		b.t.Fatal(err)
	}
	return near, far
}

func wantClose(t *testing.T, conn *websocket.Conn, code int) {
	t.Helper()
	for {
		_, _, err := conn.ReadMessage()
		var said *websocket.CloseError
		if errors.As(err, &said) {
			if said.Code != code {
				t.Errorf("closed with %d %q, want %d", said.Code, said.Text, code)
			}
			return
		}
		if err != nil {
			t.Fatalf("ended with %v, want close code %d", err, code)
		}
	}
}

func withFeed(u *upstream) func(*Config) {
	return func(c *Config) { c.EventsURL = u.url }
}

func TestTheFeedPassesMessagesBothWays(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u))
	s := b.create(`{}`)
	near, far := b.feed(u, "?since=epoch-7&store="+string(s.ID))
	asked := received(t, u.asked)
	if q := asked.URL.Query(); q.Get("since") != "epoch-7" || q.Get("store") != string(s.ID) {
		t.Errorf("asked for %s", asked.URL)
	}
	kv, err := b.log.Bucket(t.Context(), storelog.BucketTickets)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), asked.Header.Get(feed.TicketHeader))
	if err != nil {
		t.Fatal(err)
	}
	var ticket feed.Ticket
	if err := json.Unmarshal(entry.Value(), &ticket); err != nil || ticket.Scope != query.Of("ip:loopback") {
		t.Errorf("ticket %+v (%v)", ticket, err)
	}
	for _, text := range []string{`{"type":"hello"}`, `{"type":"event","store":"ü"}`} {
		if err := far.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := near.ReadMessage(); err != nil || string(got) != text {
			t.Fatalf("read %q (%v), want %q", got, err, text)
		}
	}
	if err := near.WriteMessage(websocket.TextMessage, []byte("up")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := far.ReadMessage(); err != nil || string(got) != "up" {
		t.Fatalf("read %q (%v)", got, err)
	}
}

func TestTheFeedPassesCloseCodes(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u))
	near, far := b.feed(u, "")
	slow := websocket.FormatCloseMessage(feed.CloseSlow, "too slow")
	if err := far.WriteControl(websocket.CloseMessage, slow, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantClose(t, near, feed.CloseSlow)

	near, far = b.feed(u, "")
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := near.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantClose(t, far, websocket.CloseNormalClosure)

	near, far = b.feed(u, "")
	far.NetConn().Close()
	wantClose(t, near, websocket.CloseServiceRestart)

	near, far = b.feed(u, "")
	near.NetConn().Close()
	wantClose(t, far, websocket.CloseGoingAway)

	near, far = b.feed(u, "")
	if err := near.WriteMessage(websocket.TextMessage, make([]byte, 4<<10)); err != nil {
		t.Fatal(err)
	}
	wantClose(t, far, websocket.CloseMessageTooBig)
}

func TestTheFeedRefuses(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u), func(c *Config) { c.TrustProxy = []string{"127.0.0.1"} })
	theirs := b.create(`{}`, "X-Forwarded-For", "203.0.113.9")
	for name, c := range map[string]struct {
		query  string
		header http.Header
		status int
		code   problem.Code
	}{
		"foreign page":  {"", http.Header{"Origin": {"http://evil.example"}}, 403, problem.ForeignOrigin},
		"wrong cursor":  {"?since=yesterday", nil, 400, problem.InvalidCursor},
		"no such store": {"?store=sabcdefghijk", nil, 404, problem.NotFound},
		"their store":   {"?store=" + string(theirs.ID), nil, 404, problem.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, resp, err := b.dial(c.query, c.header)
			if err == nil || resp == nil {
				t.Fatalf("connected (%v)", err)
			}
			defer resp.Body.Close()
			var p problem.Problem
			if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != c.status || p.Code != c.code {
				t.Errorf("answered %d %+v (%v)", resp.StatusCode, p, err)
			}
		})
	}
	if len(u.asked) != 0 {
		t.Error("a refused client reached the events service")
	}
}

func TestTheFeedSaysThatThereIsNoRoom(t *testing.T) {
	for code, status := range map[problem.Code]int{
		problem.FeedFull: http.StatusServiceUnavailable, problem.TooManyFeeds: http.StatusTooManyRequests,
		// The events service's other reasons are between it and the gateway.
		problem.FeedUnavailable: http.StatusServiceUnavailable,
	} {
		t.Run(string(code), func(t *testing.T) {
			events := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "detail": "theirs", "status": status})
			}))
			defer events.Close()
			b := setup(t, func(c *Config) { c.EventsURL = events.URL })
			_, resp, err := b.dial("", nil)
			if err == nil || resp == nil {
				t.Fatalf("connected (%v)", err)
			}
			defer resp.Body.Close()
			var p problem.Problem
			if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != status || p.Code != code ||
				p.Status != status || !p.Retryable || p.Detail == "theirs" || resp.Header.Get("Retry-After") == "" {
				t.Errorf("answered %d %+v (%v)", resp.StatusCode, p, err)
			}
		})
	}
}

func TestTheFeedWithoutEventsService(t *testing.T) {
	b := setup(t)
	_, resp, err := b.dial("", nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("answered %v (%v)", resp, err)
	}
	resp.Body.Close()
}

func TestClientsAreToldBeforeTheGatewayGoes(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u))
	near1, far1 := b.feed(u, "")
	near2, _ := b.feed(u, "")
	ended := make(chan error, 1)
	go func() { ended <- b.stop() }()
	wantClose(t, near1, websocket.CloseGoingAway)
	wantClose(t, near2, websocket.CloseGoingAway)
	wantClose(t, far1, websocket.CloseGoingAway)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("the gateway waits for clients that are gone")
	}
}

// What the clients are told comes from the events service, which knows by itself when it hears nothing.
func TestTheFeedOutlivesTheGatewaysConnection(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u))
	near, far := b.feed(u, "")
	b.broker.Shutdown()
	b.await("the gateway notices", func() bool { return b.get("/readyz").status == http.StatusServiceUnavailable })
	if err := far.WriteMessage(websocket.TextMessage, []byte("news")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := near.ReadMessage(); err != nil || string(got) != "news" {
		t.Fatalf("read %q (%v)", got, err)
	}
	_, resp, err := b.dial("", nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("answered %v (%v)", resp, err)
	}
	resp.Body.Close()
}
