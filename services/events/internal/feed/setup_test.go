package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
	"github.com/store-platform/store-platform/services/events/internal/projection"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const patience = 30 * time.Second

// testBundle is a feed on a real socket, with a real log behind it and a projector that can be stopped.
type testBundle struct {
	nc       *nats.Conn
	author   *logtest.Author
	pool     *pgxpool.Pool
	progress *projection.Progress
	hub      *Hub
	tickets  jetstream.KeyValue
	address  string
	// wrap changes the connections that are dialled from now on.
	wrap func(*net.TCPConn) net.Conn
	// end stops the hub and waits for it.
	end func()
}

// setup opens a feed; adjust changes the hub before it runs.
func setup(tb testing.TB, adjust func(*Hub)) *testBundle {
	tb.Helper()
	return setupOver(tb, bustest.Start, func(nc *nats.Conn) *nats.Conn { return nc }, adjust)
}

// setupOver is setup with brokers that start makes, and a hub whose connection to them way makes of the author's.
func setupOver(
	tb testing.TB, start func(testing.TB) *nats.Conn, way func(*nats.Conn) *nats.Conn, adjust func(*Hub),
) *testBundle {
	tb.Helper()
	// Most of each test is waiting, and each has a broker and a database of its own.
	if t, ok := tb.(*testing.T); ok {
		t.Parallel()
	}
	nc := start(tb)
	b := &testBundle{nc: nc, author: logtest.New(tb, nc, 1), pool: pgtest.Pool(tb), progress: projection.NewProgress()}
	var err error
	if b.tickets, err = b.author.Log.Bucket(tb.Context(), storelog.BucketTickets); err != nil {
		tb.Fatal(err)
	}
	b.hub = New(b.pool, b.progress, Limits{Connections: 10_000, PerTenant: 10_000})
	if adjust != nil {
		adjust(b.hub)
	}
	heard := way(nc)
	b.end = b.background(tb, func(ctx context.Context) error { return b.hub.Run(ctx, heard) })
	b.listen(tb)
	b.awaitOpen(tb)
	return b
}

func (b *testBundle) listen(tb testing.TB) {
	tb.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
	app.Get("/feed", b.hub.Handler())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	b.address = listener.Addr().String()
	go func() { _ = app.Listener(Listener{Listener: listener}) }()
	tb.Cleanup(func() { _ = app.ShutdownWithTimeout(time.Second) })
}

func (b *testBundle) awaitOpen(tb testing.TB) {
	tb.Helper()
	b.await(tb, "the feed is open", func() bool { return b.hub.Ready() == nil })
}

// awaitTold waits until the hub has heard of the whole log.
func (b *testBundle) awaitTold(tb testing.TB) {
	tb.Helper()
	head, err := b.author.Log.Head(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	b.await(tb, fmt.Sprintf("the hub has heard of message %d", head), func() bool {
		last, _, _ := b.hub.Stats()
		return last >= head
	})
}

// awaitSeats waits until so many clients have a seat.
func (b *testBundle) awaitSeats(tb testing.TB, want int) {
	tb.Helper()
	b.await(tb, fmt.Sprintf("%d seats taken", want), func() bool {
		b.hub.mu.Lock()
		defer b.hub.mu.Unlock()
		return b.hub.taken == want && len(b.hub.takenBy) <= want
	})
}

func (b *testBundle) await(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-deadline:
			tb.Fatalf("waited %s in vain: %s", patience, what)
		case <-time.After(time.Millisecond):
		}
	}
}

// background runs something until the returned function is called, or the test ends.
func (b *testBundle) background(tb testing.TB, run func(context.Context) error) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	tb.Cleanup(stop)
	return stop
}

// project runs a projector until the returned function is called, or the test ends.
func (b *testBundle) project(tb testing.TB) (stop func()) {
	tb.Helper()
	return b.background(tb, projection.New(b.nc, b.pool.Config().ConnConfig, b.progress).Run)
}

func (b *testBundle) awaitProjected(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	head, err := b.author.Log.Head(ctx)
	if err == nil {
		err = b.progress.Wait(ctx, "", head)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func (b *testBundle) ticket(tb testing.TB, t feed.Ticket) string {
	tb.Helper()
	data, err := json.Marshal(t)
	if err != nil {
		tb.Fatal(err)
	}
	// A write that wasn't answered may have been done: the next try is another ticket.
	for deadline := time.Now().Add(patience); ; {
		key := nats.NewInbox()[7:]
		_, err := b.tickets.Create(tb.Context(), key, data)
		if err == nil {
			return key
		}
		if !storelog.Unanswered(err) || time.Now().After(deadline) {
			tb.Fatal(err)
		}
	}
}

func (b *testBundle) tryDial(ticket string, params url.Values) (*websocket.Conn, *http.Response, error) {
	target := url.URL{Scheme: "ws", Host: b.address, Path: "/feed", RawQuery: params.Encode()}
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil && b.wrap != nil {
			conn = b.wrap(conn.(*net.TCPConn))
		}
		return conn, err
	}}
	return dialer.Dial(target.String(), http.Header{feed.TicketHeader: []string{ticket}})
}

// dial connects a tenant's client. Parameters are since and store.
func (b *testBundle) dial(tb testing.TB, t feed.Ticket, params ...string) *reader {
	tb.Helper()
	values := url.Values{}
	for i := 0; i < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	conn, _, err := b.tryDial(b.ticket(tb, t), values)
	if err != nil {
		tb.Fatalf("dial the feed: %v", err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &reader{tb: tb, conn: conn}
}

func tenant(name string) feed.Ticket { return feed.Ticket{Scope: query.Of(name)} }

// reader is a client's end.
type reader struct {
	tb   testing.TB
	conn *websocket.Conn
}

// next returns a message and its text, or an error when the connection has ended.
func (r *reader) next() (feed.Message, string, error) {
	r.tb.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(patience))
	_, data, err := r.conn.ReadMessage()
	if err != nil {
		return feed.Message{}, "", err
	}
	var m feed.Message
	if err := json.Unmarshal(data, &m); err != nil {
		r.tb.Errorf("%s: %v", data, err)
	}
	return m, string(data), nil
}

// want reads a message of this type.
func (r *reader) want(kind feed.Type) feed.Message {
	r.tb.Helper()
	m, text, err := r.next()
	if err != nil {
		r.tb.Fatalf("wanted %s: %v", kind, err)
	}
	if m.Type != kind {
		r.tb.Fatalf("wanted %s, got %s", kind, text)
	}
	return m
}

// greeted reads hello and the platform's state and returns hello.
func (r *reader) greeted() feed.Message {
	r.tb.Helper()
	hello := r.want(feed.Hello)
	r.want(feed.Platform)
	return hello
}

// events reads that many events and returns their texts. It may be called beside the test's own goroutine.
func (r *reader) events(count int) []string {
	r.tb.Helper()
	var texts []string
	for len(texts) < count {
		m, text, err := r.next()
		if err != nil {
			r.tb.Errorf("after %d of %d events: %v", len(texts), count, err)
			return texts
		}
		if m.Type == feed.Event {
			texts = append(texts, text)
		}
	}
	return texts
}

// closed reads until the connection is closed and returns the code.
func (r *reader) closed() int {
	r.tb.Helper()
	for {
		_, _, err := r.next()
		var end *websocket.CloseError
		if errors.As(err, &end) {
			return end.Code
		}
		if err != nil {
			r.tb.Errorf("the connection broke without a close message: %v", err)
			return 0
		}
	}
}
