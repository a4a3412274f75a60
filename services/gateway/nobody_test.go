package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/feed"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// public are the routes that answer whoever asks, each with its reason. All others refuse who isn't known.
var public = map[string]string{
	"/":             "the page itself, the same for everybody",
	"/assets/*":     "the page's files",
	"/docs":         "the API's documentation, the same for everybody",
	"/docs/reasons": "what the reasons of stores mean, the same for everybody",
	"/openapi.json": "the same, for programs",
	"/engines":      "what is on offer, the same for everybody",
	"/plans":        "what is on offer, the same for everybody",
	"/healthz":      "asked by probes, and says that the process runs",
	"/readyz":       "asked by probes, and says what of the platform answers",
	"/metrics":      "asked by Prometheus; counts by route and status, and names nobody",
}

// stand is what a walk puts in the place of a route's parameters.
type stand struct {
	store  string
	letter uint64
}

var parameter = regexp.MustCompile(`:[A-Za-z]+|\{[^}]+\}`)

func (s stand) path(t *testing.T, pattern string) string {
	return parameter.ReplaceAllStringFunc(pattern, func(name string) string {
		switch strings.Trim(name, ":{}") {
		case "id":
			return s.store
		case "n":
			return fmt.Sprint(s.letter)
		case "account", "invite", "token", "provider":
			return "of-nobody"
		default:
			t.Errorf("%s: the test doesn't know what to put for %s", pattern, name)
			return name
		}
	})
}

// routes are what the gateway serves: Fiber's own table, and the operations of its document, which may be others'.
func routes(t *testing.T, app *fiber.App, document answer) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, route := range app.GetRoutes(true) {
		found[route.Method+" "+route.Path] = true
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(document.body, &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			found[strings.ToUpper(method)+" "+regexp.MustCompile(`\{([^}]+)\}`).ReplaceAllString(path, ":$1")] = true
		}
	}
	return found
}

// isPublic names the entry of the list that a path falls under.
func isPublic(path string) (entry string, listed bool) {
	if strings.HasPrefix(path, "/assets/") {
		path = "/assets/*"
	}
	_, listed = public[path]
	return path, listed
}

// tries are requests that a route might take: with a body and without, and as a WebSocket.
func tries(method string) []func(*http.Request) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	plain := func(*http.Request) {}
	if method == http.MethodGet {
		return []func(*http.Request){plain, func(r *http.Request) {
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
			} {
				header(name, value)(r)
			}
		}}
	}
	return []func(*http.Request){plain, header("X-Api-Key", "sesame"), header("Idempotency-Key", "k")}
}

var bodies = []string{"", "{}", `{"name":"Tea","reason":"it failed"}`}

// nobodys is a gateway whose door lets everybody in without saying who.
func (b *testBundle) nobodys(t *testing.T, u *upstream) (*fiber.App, string) {
	t.Helper()
	cfg := Config{Listen: "127.0.0.1:0", Auth: "open", BaseDomain: "localhost", MaxStores: 20, Replicas: 1, AdminKey: "sesame"}
	withFeed(u)(&cfg)
	cfg.NATS.URL = b.broker.ClientURL()
	hub := feed.NewHub()
	way := bus.New(cfg.log(), hub.LogRemade)
	app, err := build(cfg, nil, way, hub, alone, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- way.Run(ctx, cfg.connect) }()
	go func() { ended <- app.Listener(listener) }()
	t.Cleanup(func() {
		leave(app, hub)
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	b.await("nobody's gateway has the log", func() bool { _, err := way.Parts(); return err == nil })
	return app, "http://" + listener.Addr().String()
}

// written is the last sequence of each stream on the broker, buckets included.
func (b *testBundle) written(t *testing.T) map[string]uint64 {
	t.Helper()
	js, err := jetstream.New(b.conn)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]uint64{}
	streams := js.ListStreams(t.Context())
	for info := range streams.Info() {
		last[info.Config.Name] = info.State.LastSeq
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return last
}

func TestNobodyIsShownAndDoesNothingOnAnyRoute(t *testing.T) {
	u := newUpstream(t)
	b := setup(t)
	app, url := b.nobodys(t, u)
	failed := b.failed()
	here := stand{store: string(failed.ID), letter: failed.Generation}
	var asked atomic.Int64
	if _, err := b.conn.Subscribe("query.>", func(*nats.Msg) { asked.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := b.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	before := b.written(t)
	used := map[string]bool{}
	for route := range routes(t, app, b.get("/openapi.json")) {
		method, pattern, _ := strings.Cut(route, " ")
		if entry, listed := isPublic(pattern); listed {
			used[entry] = true
			continue
		}
		for _, try := range tries(method) {
			for _, body := range bodies {
				refused(t, method, url+here.path(t, pattern), body, here, try)
			}
		}
	}
	for entry, reason := range public {
		if !used[entry] {
			t.Errorf("%s (%s) is no route any more", entry, reason)
		}
	}
	if after := b.written(t); !maps.Equal(before, after) {
		t.Errorf("nobody has written: streams ended at %v, and end at %v", before, after)
	}
	if err := b.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("services were asked %d times on behalf of nobody", n)
	}
	select {
	case <-u.asked:
		t.Error("the feed was dialled for nobody")
	default:
	}
}

// takesAccounts says whether this isn't to be had without them, whoever asks.
func (b *testBundle) takesAccounts(method, path string) bool {
	b.t.Helper()
	if method == http.MethodHead {
		method = http.MethodGet
	}
	a := b.do(method, path, "")
	return a.status == http.StatusNotFound && decoded[problem.Problem](b.t, a).Code == problem.AccountsOff
}

// refused sends one request of nobody's.
func refused(t *testing.T, method, url, body string, here stand, try func(*http.Request)) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	try(req)
	a := sent(t, req)
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
	default:
		t.Errorf("%s %s with %q answers nobody %d %s", method, url, body, a.status, a.body)
	}
	if strings.Contains(string(a.body), here.store) {
		t.Errorf("%s %s tells nobody of the store: %s", method, url, a.body)
	}
}

// The walk would show nothing if its requests were wrong for everybody: an operator gets further with each of them.
func TestSomebodyGetsFurtherOnEveryRoute(t *testing.T) {
	u := newUpstream(t)
	// A store of its own for each route.
	b := setup(t, withFeed(u), func(c *Config) { c.AdminKey, c.MaxStores = "sesame", 100 })
	app, _ := b.nobodys(t, u)
	for _, subject := range slices.Concat(query.Subjects(query.Remembering), query.Subjects(query.Provisioning)) {
		b.answers(subject, func([]byte) any { return struct{}{} })
	}
	for route := range routes(t, app, b.get("/openapi.json")) {
		method, pattern, _ := strings.Cut(route, " ")
		if _, listed := isPublic(pattern); listed || method == http.MethodHead {
			continue
		}
		failed := b.failed()
		here := stand{store: string(failed.ID), letter: failed.Generation}
		a := b.do(method, here.path(t, pattern), map[bool]string{true: `{"reason":"it failed"}`}[strings.HasSuffix(pattern, "/discard")],
			"X-Api-Key", "sesame")
		if b.takesAccounts(method, here.path(t, pattern)) {
			continue
		}
		if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusNotFound {
			t.Errorf("%s answers an operator %d %s", route, a.status, a.body)
		}
	}
}
