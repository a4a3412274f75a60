package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/feed"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

const tenantKey = "store-platform.io/tenant-key"

// stranger is a client of another machine.
const stranger = "203.0.113.7"

var asStranger = []string{"X-Forwarded-For", stranger}

// kept is all that is on the broker's disk: subjects, headers and bodies of every stream, buckets included.
func (b *testBundle) kept() string {
	b.t.Helper()
	js, err := jetstream.New(b.conn)
	if err != nil {
		b.t.Fatal(err)
	}
	var all bytes.Buffer
	for name, last := range b.written(b.t) {
		stream, err := js.Stream(b.t.Context(), name)
		if err != nil {
			b.t.Fatal(err)
		}
		for seq := uint64(1); seq <= last; seq++ {
			if msg, err := stream.GetMsg(b.t.Context(), seq); err == nil {
				fmt.Fprintf(&all, "%s %v %s\n", msg.Subject, msg.Header, msg.Data)
			}
		}
	}
	return all.String()
}

func TestWhatIsKeptTellsNobodysAddressAndNothingTellsTheKey(t *testing.T) {
	var logged lines
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	u := newUpstream(t)
	b := setupAlone(t, trusting, withFeed(u))
	b.answers(query.Credentials.Subject, func([]byte) any { return query.CredentialsReply{} })

	s := b.ready(`{"name":"Tea"}`, asStranger...)
	if a := b.get("/stores/"+string(s.ID)+"/credentials", asStranger...); a.status != http.StatusOK {
		t.Fatalf("passwords are answered %d %s", a.status, a.body)
	}
	near, _, err := b.dial("", http.Header{"X-Forwarded-For": {stranger}})
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	defer received(t, u.conns).Close()
	kept := b.kept()
	// Stores, their claim, the look at passwords, the feed's ticket.
	if count := strings.Count(kept, b.named(stranger)); count < 4 {
		t.Errorf("the tenant stands %d times in\n%s", count, kept)
	}
	if strings.Contains(kept, stranger) {
		t.Errorf("the address stands in\n%s", kept)
	}

	js, err := jetstream.New(b.conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	key := stream.CachedInfo().Config.Metadata[tenantKey]
	if key == "" {
		t.Fatal("the log has no key")
	}
	said := []string{logged.text(), kept}
	for _, path := range []string{"/log", "/sweeps", "/readyz", "/metrics", "/stores", "/stores/" + string(s.ID), "/nothing"} {
		said = append(said, string(b.get(path).body), string(b.get(path, asStranger...).body))
	}
	for _, text := range said {
		if strings.Contains(text, key) {
			t.Errorf("the key stands in\n%s", text)
		}
	}
}

// A tenant with another name would have lost its stores.
func TestInALogOfBeforeTenantsKeepTheirNames(t *testing.T) {
	b := setup(t)
	b.before()
	var first query.Store
	for run := range 3 {
		b.start(trusting)
		b.await("the gateway is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
		s := b.create(`{}`, append(asStranger, "Idempotency-Key", "one")...)
		if run == 0 {
			first = s
		}
		if s.Tenant != "ip:"+stranger || s.ID != first.ID {
			t.Errorf("run %d: %s of %s, and was %s of %s", run, s.ID, s.Tenant, first.ID, first.Tenant)
		}
		if a := b.do(http.MethodPost, "/log/raise", ""); decoded[level](t, a).WriteLevel != store.Schema {
			t.Errorf("raising is answered %d %s", a.status, a.body)
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// lateBroker is a gateway that believes proxies and whose broker isn't there before the door leads to it.
func lateBroker(t *testing.T, change ...func(*Config)) (*testBundle, *bustest.Door) {
	t.Helper()
	b, way := &testBundle{t: t}, bustest.NewDoor(t)
	b.start(append(change, trusting, func(c *Config) { c.NATS.URL = "nats://" + way.Address })...)
	return b, way
}

// comes makes the log on a broker, as another gateway would, with an engine on offer.
func (b *testBundle) comes(broker *server.Server) {
	b.t.Helper()
	b.broker, b.conn = broker, bustest.Connect(b.t, broker)
	bustest.Ensure(b.t, b.conn, storelog.Settings{Replicas: 1})
	var err error
	if b.log, err = storelog.Open(b.t.Context(), b.conn); err != nil {
		b.t.Fatal(err)
	}
	b.publish(samplePack())
	b.cluster(platform.Cluster{Ready: true})
}

// awaitStranger asks for a store until there is one. Each refusal is one that time mends.
func (b *testBundle) awaitStranger() (s query.Store) {
	b.t.Helper()
	b.await("a stranger gets a store", func() bool {
		a := b.do(http.MethodPost, "/stores", `{}`, asStranger...)
		if a.status == http.StatusServiceUnavailable {
			return false
		}
		s = decoded[query.Store](b.t, a)
		return true
	})
	return s
}

func TestBeforeTheBrokerIsThereNobodyFromElsewhereIsLetIn(t *testing.T) {
	b, way := lateBroker(t, func(c *Config) { c.AdminKey = "sesame" })
	hub := feed.NewHub()
	app, err := build(Config{EventsURL: "http://127.0.0.1:1"}, nil, bus.New(storelog.Settings{}, hub.LogRemade), hub, alone, nil)
	if err != nil {
		t.Fatal(err)
	}
	here := stand{store: "sabcdefghijk", letter: 1}
	for route := range routes(t, app, b.get("/openapi.json")) {
		method, pattern, _ := strings.Cut(route, " ")
		path := here.path(t, pattern)
		at, elsewhere := b.do(method, path, ""), b.do(method, path, "", asStranger...)
		if _, listed := isPublic(pattern); listed {
			if at.status != elsewhere.status {
				t.Errorf("%s answers this machine %d, and another %d", route, at.status, elsewhere.status)
			}
			continue
		}
		if b.takesAccounts(method, path) {
			continue
		}
		for _, a := range []answer{elsewhere, b.do(method, path, "", append(asStranger, "X-Api-Key", "sesame")...)} {
			if method == http.MethodHead {
				if a.status != http.StatusServiceUnavailable {
					t.Errorf("%s is answered %d", route, a.status)
				}
				continue
			}
			wantProblem(t, a, http.StatusServiceUnavailable, problem.BrokerUnavailable)
		}
	}
	// Who is at the machine needs no log to have a name, and gets further.
	wantProblem(t, b.get("/feed"), http.StatusUpgradeRequired, problem.UpgradeRequired)
	wantProblem(t, b.get("/feed", append(asStranger, "X-Api-Key", "wrong")...), http.StatusUnauthorized, problem.AdminKeyWrong)

	broker := bustest.StartServer(t, &server.Options{})
	b.comes(broker)
	way.LeadTo(broker.Addr().String())
	if s := b.awaitStranger(); s.Tenant != b.named(stranger) {
		t.Errorf("%s is %s", stranger, s.Tenant)
	}
}

// A broker comes back with an empty disk, and another gateway makes the log.
func TestInALogThatIsMadeAnewTenantsHaveItsNames(t *testing.T) {
	b, way := lateBroker(t)
	first := bustest.StartServer(t, &server.Options{})
	b.comes(first)
	way.LeadTo(first.Addr().String())
	before := b.awaitStranger()
	way.Shut()
	first.Shutdown()
	first.WaitForShutdown()

	second := bustest.StartServer(t, &server.Options{})
	way.LeadTo(second.Addr().String())
	b.await("the gateway is back", func() bool { return second.NumClients() > 0 })
	wantProblem(t, b.do(http.MethodPost, "/stores", `{}`, asStranger...), http.StatusServiceUnavailable, problem.BrokerUnavailable)
	if has, err := second.Jsz(nil); err != nil || has.Streams != 0 {
		t.Fatalf("it has made %d streams (%v), over which no backup is restored", has.Streams, err)
	}
	b.comes(second)
	after := b.awaitStranger()
	if after.Tenant != b.named(stranger) || after.Tenant == before.Tenant {
		t.Errorf("it is called %s, and was %s", after.Tenant, before.Tenant)
	}
	if got := decoded[query.Store](t, b.get("/stores/"+string(after.ID), asStranger...)); got.ID != after.ID {
		t.Errorf("its store is read as %+v", got)
	}
}
