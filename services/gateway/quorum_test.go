package gateway

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/fasthttp/websocket"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// setupCluster is setup on three brokers; the gateway is connected to the first.
func setupCluster(t *testing.T, change ...func(*Config)) (*testBundle, []*server.Server) {
	t.Helper()
	brokers, conns := bustest.StartCluster(t)
	b := &testBundle{t: t, broker: brokers[0], conn: conns[0]}
	var err error
	if b.log, err = storelog.Open(t.Context(), b.conn); err != nil {
		t.Fatal(err)
	}
	b.publish(samplePack())
	b.cluster(platform.Cluster{Ready: true})
	b.start(append([]func(*Config){func(c *Config) { c.Replicas = len(brokers) }}, change...)...)
	b.await("the gateway is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
	return b, brokers
}

// Two of three brokers are gone, so that nothing can be written, and soon nobody vouches for what stands. Whatever is asked, and
// whichever part of the log it needs, the answer says that it may be asked again, also to one that stands behind others.
func TestWithoutAQuorumEveryRouteMayBeAskedAgain(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b, brokers := setupCluster(t, withFeed(u), func(c *Config) { c.AdminKey = "sesame" })
	app, _ := b.nobodys(t, u)
	for _, subject := range []string{query.Stores.Subject, query.Events.Subject, query.DeadLetters.Subject, query.Audit.Subject, query.Credentials.Subject, query.Growth.Subject, query.Places.Subject} {
		b.answers(subject, func([]byte) any { return struct{}{} })
	}
	standing, failed := b.ready(`{"name":"Tea"}`), b.failed()
	all := routes(t, app, b.get("/openapi.json"))
	for _, broker := range brokers[1:] {
		broker.Shutdown()
		broker.WaitForShutdown()
	}
	// Others find nothing to write, where what they look for is led by the one that is left: it goes on answering for a while.
	writes := map[string]bool{
		"POST /stores": true, "PATCH /stores/:id": true, "DELETE /stores/:id": true, "POST /stores/:id/suspend": true,
		"POST /stores/:id/transfer":     true,
		"POST /dead-letters/:n/redrive": true, "POST /dead-letters/:n/discard": true, "GET /stores/:id/credentials": true,
	}
	bodies := map[string]string{"POST /stores": `{}`, "PATCH /stores/:id": `{"name":"Coffee"}`, "POST /dead-letters/:n/discard": `{"reason":"it failed"}`,
		"POST /stores/:id/transfer": `{"tenant":"t-4kq7wmzc3e"}`}
	var asked sync.WaitGroup
	answers := make(chan func(), len(all)+4)
	for route := range all {
		method, pattern, _ := strings.Cut(route, " ")
		if _, listed := isPublic(pattern); listed || method == http.MethodHead || pattern == "/feed" {
			continue
		}
		path, times := stand{store: string(standing.ID), letter: failed.Generation}.path(t, pattern), 1
		if method == http.MethodPost && pattern == "/stores" {
			// They stand behind each other.
			times = 4
		}
		for range times {
			asked.Go(func() {
				a := b.do(method, path, bodies[route], "X-Api-Key", "sesame")
				answers <- func() {
					if a.status < http.StatusInternalServerError && !writes[route] {
						return
					}
					if p := wantProblem(t, a, http.StatusServiceUnavailable, problem.BrokerUnavailable); !p.Retryable {
						t.Errorf("%s: %s", route, a.body)
					}
				}
			})
		}
	}
	asked.Go(func() {
		_, resp, err := b.dial("", nil)
		if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("the feed answers %v (%v)", resp, err)
		}
	})
	asked.Wait()
	close(answers)
	for judge := range answers {
		judge()
	}
}

// One of three brokers goes, the one that the gateway is connected to. It finds another, and nobody who listens hears of it.
func TestOneOfThreeBrokersMayGo(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b, brokers := setupCluster(t, withFeed(u))
	near, far := b.feed(u, "")
	brokers[0].Shutdown()
	brokers[0].WaitForShutdown()
	b.await("stores can be created again", func() bool {
		return b.do(http.MethodPost, "/stores", `{}`).status == http.StatusAccepted
	})
	if err := far.WriteMessage(websocket.TextMessage, []byte("news")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := near.ReadMessage(); err != nil || string(got) != "news" {
		t.Fatalf("read %q (%v)", got, err)
	}
}
