package events

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
)

// ofEvents are the labels of what has no others.
const ofEvents = `{otel_scope_name="events",otel_scope_schema_url="",otel_scope_version="",service_name="store-events"}`

// Without Postgres writes go on, those who are connected are told of them, others can connect, and lists are refused.
// When it is back, so is everything that happened meanwhile.
func TestPostgresGoneForAWhile(t *testing.T) {
	nc := bustest.Start(t)
	author := logtest.New(t, nc, 1)
	url := pgtest.Database(t)
	database, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres:///"), "?")
	base := serve(t, Config{
		DatabaseURL: url, NATS: config.NATS{URL: nc.ConnectedUrl()}, Telemetry: telemetry.Config{LogLevel: "error"},
		FeedMaxConnections: 10, FeedMaxConnectionsPerTenant: 10,
	})
	await(t, base+"/readyz", http.StatusOK, "ready")
	connected := follow(t, author, base, "a")
	seen := author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna").Version
	if told := connected.next(t, feed.Event); told.Event.Seq != seen {
		t.Errorf("told of %+v", told.Event)
	}
	listed(t, nc, query.StoresRequest{Scope: query.Of("a"), Limit: 10, Seen: seen}, 1)

	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections false", database),
		fmt.Sprintf("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'", database))
	await(t, base+"/readyz", http.StatusOK, "ready for the feed only: Postgres can't be reached")
	await(t, base+"/metrics", http.StatusOK, "\nreadmodel_answers"+ofEvents+" 0\n")
	refused(t, nc, "503")
	late := follow(t, author, base, "a")
	for n := 2; n < 20; n++ {
		seen = author.Create(t.Context(), "a", logtest.Store("a", n), "Berta").Version
		for _, client := range []feedClient{connected, late} {
			if told := client.next(t, feed.Event); told.Event.Seq != seen {
				t.Errorf("told of %+v, want %d", told.Event, seen)
			}
		}
	}

	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections true", database))
	await(t, base+"/metrics", http.StatusOK, fmt.Sprintf("\nprojection_checkpoint%s %d\n", ofEvents, seen))
	await(t, base+"/metrics", http.StatusOK, "\nreadmodel_answers"+ofEvents+" 1\n")
	await(t, base+"/metrics", http.StatusOK, `,status="Queued"} 19`)
	await(t, base+"/metrics", http.StatusOK, `readmodel_dead_letters{kind="failed",`)
	await(t, base+"/readyz", http.StatusOK, "ready\n")
	listed(t, nc, query.StoresRequest{Scope: query.Of("a"), Limit: 100, Seen: seen}, 19)
}

// serve runs the service until the test ends and returns its address.
func serve(t *testing.T, cfg Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service ended with %v", err)
		}
	})
	return "http://" + listener.Addr().String()
}

// refused asks for a list that can't be had.
func refused(t *testing.T, nc *nats.Conn, code string) {
	t.Helper()
	refusedOf(t, nc, "", code)
}

// refusedOf asks for one of a log.
func refusedOf(t *testing.T, nc *nats.Conn, log, code string) {
	t.Helper()
	data, err := json.Marshal(query.StoresRequest{Scope: query.Of("a"), Log: log, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := nc.Request(query.Stores.Subject, data, patience)
	if err != nil || msg.Header.Get(micro.ErrorCodeHeader) != code {
		t.Errorf("answered %+v (%v), want the code %s", msg, err, code)
	}
}
