package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/fasthttp/websocket"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const patience = 2 * time.Minute

func TestConfigNamesWhatIsMissing(t *testing.T) {
	// Setenv puts back what Unsetenv takes away.
	t.Setenv("DATABASE_URL", "")
	if err := os.Unsetenv("DATABASE_URL"); err != nil {
		t.Fatal(err)
	}
	var cfg Config
	parser, err := kong.New(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err == nil || !strings.Contains(err.Error(), "database-url") {
		t.Errorf("without DATABASE_URL: %v", err)
	}
	t.Setenv("DATABASE_URL", "postgres://db/x")
	if _, err := parser.Parse(nil); err != nil || cfg.Listen != "127.0.0.1:8082" {
		t.Errorf("listens on %q (%v)", cfg.Listen, err)
	}
	if err := cfg.check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	cfg.FeedMaxConnections, cfg.FeedMaxConnectionsPerTenant = 0, -1
	err = Run(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "FEED_MAX_CONNECTIONS=0") || !strings.Contains(err.Error(), "FEED_MAX_CONNECTIONS_PER_TENANT=-1") {
		t.Errorf("without room for anybody: %v", err)
	}
}

// The whole service, from a start before everything else is there to its end: it waits and says for what, projects,
// answers, tells, and says goodbye.
func TestRun(t *testing.T) {
	url := pgtest.Database(t)
	database, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres:///"), "?")
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections false", database))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	door := bustest.NewDoor(t)
	cfg := Config{
		DatabaseURL: url, Telemetry: telemetry.Config{LogLevel: "error"}, FeedMaxConnections: 10, FeedMaxConnectionsPerTenant: 1,
		NATS: config.NATS{URL: "nats://" + door.Address},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, listener) }()

	await(t, base+"/readyz", http.StatusServiceUnavailable, "waiting for the broker")
	await(t, base+"/healthz", http.StatusOK, "ok")
	broker := bustest.StartServer(t, &server.Options{})
	door.LeadTo(broker.Addr().String())
	nc := bustest.Connect(t, broker)
	await(t, base+"/readyz", http.StatusServiceUnavailable, "waiting for Postgres")
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections true", database))
	await(t, base+"/readyz", http.StatusServiceUnavailable, "the feed isn't open")
	if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	await(t, base+"/readyz", http.StatusOK, "ready")

	author := logtest.New(t, nc, 1)
	client := follow(t, author, base, "a")
	after := author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna")
	if told := client.next(t, feed.Event); told.Event.Seq != after.Version {
		t.Errorf("told of %+v", told.Event)
	}
	listed(t, nc, query.StoresRequest{Scope: query.Of("a"), Limit: 10, Seen: after.Version}, 1)
	placed(t, nc, after.ID)
	await(t, base+"/metrics", http.StatusOK, "projection_checkpoint")
	refuseAnother(t, author, base, "a")
	await(t, base+"/metrics", http.StatusOK, `feed_refused_total{limit="tenant"`)

	// Some clients open a connection ahead, and ask nothing on it.
	unused, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	cancel()
	client.wait(t)
	var end *websocket.CloseError
	if _, _, err := client.ReadMessage(); !asClose(err, &end) || end.Code != websocket.CloseGoingAway {
		t.Errorf("goodbye was %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the service ended with %v", err)
	}
	wantClosed(t, unused)
}

// wantClosed wants a connection closed at the other end: one that the end has waited for in vain is open still.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	err := c.SetReadDeadline(time.Now().Add(time.Second))
	if _, read := io.Copy(io.Discard, c); err != nil || read != nil {
		t.Errorf("a connection on which nothing came: %v, %v", read, err)
	}
}

// placed waits until the service says that the store is the next in the line.
func placed(t *testing.T, nc *nats.Conn, id store.ID) {
	t.Helper()
	waittest.Eventually(t, func() error {
		reply, err := question.Ask(t.Context(), nc, query.Places, query.LineRequest{Scope: query.Of("a"), Stores: []store.ID{id}})
		if err == nil && reply.Lines[id].Place != 1 {
			err = fmt.Errorf("it is placed as %+v", reply.Lines)
		}
		return err
	})
}

func asClose(err error, end **websocket.CloseError) bool {
	closed, ok := err.(*websocket.CloseError)
	*end = closed
	return ok
}

// await asks until the answer is as wanted.
func await(t *testing.T, url string, status int, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		var body []byte
		response, err := http.Get(url)
		if err == nil {
			body, _ = io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode == status && strings.Contains(string(body), text) {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatalf("%s answers %q (%v), wanted %d %q", url, body, err, status, text)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

type feedClient struct{ *websocket.Conn }

// follow opens the feed as the gateway does for a tenant. Only who has been greeted is told what happens from then on.
func follow(t *testing.T, author *logtest.Author, base, tenant string) feedClient {
	t.Helper()
	conn, _, err := dial(t, author, base, tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client := feedClient{conn}
	client.next(t, feed.Hello)
	return client
}

// refuseAnother holds the answer to a client that there is no room for against what the gateway looks for in it.
func refuseAnother(t *testing.T, author *logtest.Author, base, tenant string) {
	t.Helper()
	_, response, err := dial(t, author, base, tenant)
	if err == nil || response == nil {
		t.Fatalf("a client too many: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	var problem struct {
		Status    int
		Code      string
		Retryable bool
	}
	err = json.NewDecoder(response.Body).Decode(&problem)
	if err != nil || response.StatusCode != http.StatusTooManyRequests || problem.Status != http.StatusTooManyRequests ||
		problem.Code != feed.CodeTooMany || !problem.Retryable {
		t.Errorf("a client too many is answered %d %+v (%v)", response.StatusCode, problem, err)
	}
}

func dial(t *testing.T, author *logtest.Author, base, tenant string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	tickets, err := author.Log.Bucket(t.Context(), storelog.BucketTickets)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(feed.Ticket{Scope: query.Of(tenant)})
	if err != nil {
		t.Fatal(err)
	}
	ticket := rand.Text()
	if _, err := tickets.Create(t.Context(), ticket, data); err != nil {
		t.Fatal(err)
	}
	header := http.Header{feed.TicketHeader: []string{ticket}}
	return websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/feed", header)
}

// wait bounds the next read.
func (c feedClient) wait(t *testing.T) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
}

// next reads the next message of a type.
func (c feedClient) next(t *testing.T, wanted feed.Type) feed.Message {
	t.Helper()
	for {
		c.wait(t)
		var m feed.Message
		if err := c.ReadJSON(&m); err != nil {
			t.Fatal(err)
		}
		if m.Type == wanted {
			return m
		}
	}
}

func listed(t *testing.T, nc *nats.Conn, r query.StoresRequest, count int) {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	// The service waits for what was seen, but not for ever; its answer then says that it is from behind.
	for deadline := time.Now().Add(patience); ; {
		msg, err := nc.Request(query.Stores.Subject, data, patience)
		if err != nil {
			t.Fatal(err)
		}
		var reply query.StoresReply
		err = json.Unmarshal(msg.Data, &reply)
		if err == nil && reply.Checkpoint < r.Seen && time.Now().Before(deadline) {
			continue
		}
		if err != nil || reply.Checkpoint < r.Seen || len(reply.Stores) != count {
			t.Errorf("listed %s (%v)", msg.Data, err)
		}
		return
	}
}
