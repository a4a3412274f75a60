package feed

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

func TestHelloThenLive(t *testing.T) {
	b := setup(t, nil)
	b.project(t)
	b.author.Append(t.Context(), "a", logtest.Store("a", 1))
	b.awaitTold(t)
	c := b.dial(t, tenant("a"))
	hello := c.greeted()
	if want := (feed.Cursor{Epoch: b.author.Log.Epoch(), Seq: 1}).String(); hello.Cursor != want {
		t.Errorf("cursor %s, want %s", hello.Cursor, want)
	}
	after := b.author.Append(t.Context(), "a", logtest.Store("a", 1))
	m := c.want(feed.Event)
	if m.Event.Seq != 2 || m.Store.Version != 2 || m.Store.ID != after.ID {
		t.Errorf("told %+v of %+v", m.Event, m.Store)
	}
}

func TestPlatformIsTold(t *testing.T) {
	b := setup(t, nil)
	b.project(t)
	said, err := b.author.Log.Bucket(t.Context(), storelog.BucketPlatform)
	if err != nil {
		t.Fatal(err)
	}
	c := b.dial(t, tenant("a"))
	c.greeted()
	if err := platform.Publish(t.Context(), said, store.DefaultCluster, platform.Cluster{Part: "containerd", Done: 3, Total: 8}); err != nil {
		t.Fatal(err)
	}
	if m := c.want(feed.Platform); m.Platform.Part != "containerd" {
		t.Errorf("told %+v", m.Platform)
	}
	late := b.dial(t, tenant("a"))
	late.want(feed.Hello)
	if m := late.want(feed.Platform); m.Platform.Done != 3 {
		t.Errorf("greeted with %+v", m.Platform)
	}
}

// However a client comes by an event, it is the same text.
func TestReplaysLookLikeLive(t *testing.T) {
	for _, way := range []struct {
		name      string
		ring      int
		projected bool
	}{{"ring", 1000, false}, {"Postgres", 4, true}, {"stream", 4, false}} {
		t.Run(way.name, func(t *testing.T) {
			b := setup(t, func(h *Hub) { h.ring = newRing(way.ring) })
			halt := b.project(t)
			b.author.Append(t.Context(), "a", logtest.Store("a", 1))
			b.awaitTold(t)
			live := b.dial(t, tenant("a"))
			hello := live.greeted()
			if !way.projected {
				halt()
			}
			for n := range 30 {
				b.author.Append(t.Context(), "a", logtest.Store("a", n%4))
			}
			want := live.events(30)
			if way.projected {
				b.awaitProjected(t)
			}
			again := b.dial(t, tenant("a"), "since", hello.Cursor)
			again.greeted()
			if diff := cmp.Diff(want, again.events(30)); diff != "" {
				t.Errorf("-live +replayed:\n%s", diff)
			}
		})
	}
}

func TestOwnTenantOnly(t *testing.T) {
	b := setup(t, func(h *Hub) { h.ring = newRing(4) })
	b.project(t)
	for range 20 {
		b.author.Write(t.Context(), 1, 3, 3)
	}
	mine, one := logtest.Tenant(1), logtest.Store(logtest.Tenant(1), 2)
	begin := feed.Cursor{Epoch: b.author.Log.Epoch()}.String()
	clients := map[string]*reader{
		"tenant":   b.dial(t, tenant(mine), "since", begin),
		"store":    b.dial(t, tenant(mine), "since", begin, "store", string(one)),
		"operator": b.dial(t, feed.Ticket{Scope: query.All()}, "since", begin),
		"stranger": b.dial(t, tenant("tenant-0"), "since", begin, "store", string(one)),
	}
	for _, c := range clients {
		c.greeted()
	}
	b.author.Write(t.Context(), 100, 3, 3)
	// The last words of both, so that every client has something to end at.
	b.author.Append(t.Context(), mine, one)
	all := b.author.All(t.Context())
	for name, wants := range map[string]func(m store.Message) bool{
		"tenant":   func(m store.Message) bool { return m.Tenant == mine },
		"store":    func(m store.Message) bool { return m.Store == one },
		"operator": func(store.Message) bool { return true },
	} {
		var want []uint64
		for _, e := range all {
			if wants(e.Message) {
				want = append(want, e.Message.Seq)
			}
		}
		var got []uint64
		for _, text := range clients[name].events(len(want)) {
			var m feed.Message
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Event.Seq)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	b.end()
	for _, text := range clients["stranger"].rest() {
		t.Errorf("a stranger was told %s", text)
	}
}

// rest reads whatever comes before the connection is closed.
func (r *reader) rest() []string {
	r.tb.Helper()
	var texts []string
	for {
		_, text, err := r.next()
		if err != nil {
			return texts
		}
		texts = append(texts, text)
	}
}

func TestResets(t *testing.T) {
	b := setup(t, func(h *Hub) { h.behind = 10 })
	b.project(t)
	b.author.Write(t.Context(), 30, 1, 3)
	epoch := b.author.Log.Epoch()
	for _, test := range []struct {
		name, since, reason string
	}{
		{"foreign epoch", "other-3", "epoch"},
		{"beyond the log's end", feed.Cursor{Epoch: epoch, Seq: 1000}.String(), "epoch"},
		{"too far behind", feed.Cursor{Epoch: epoch, Seq: 19}.String(), "behind"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.awaitTold(t)
			c := b.dial(t, tenant(logtest.Tenant(0)), "since", test.since)
			hello := c.greeted()
			if m := c.want(feed.Reset); m.Reason != test.reason {
				t.Errorf("reason %q, want %q", m.Reason, test.reason)
			}
			head, err := b.author.Log.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.author.Append(t.Context(), logtest.Tenant(0), logtest.Store(logtest.Tenant(0), 1))
			if m := c.want(feed.Event); m.Event.Seq != head+1 {
				t.Errorf("goes on at %d, hello said %s", m.Event.Seq, hello.Cursor)
			}
		})
	}
}

func TestTicketIsGoodOnce(t *testing.T) {
	b := setup(t, nil)
	b.project(t)
	for n, deadline := 0, time.Now().Add(patience); n < 10; {
		key := b.ticket(t, tenant("a"))
		codes := make(chan int, 8)
		for range cap(codes) {
			go func() {
				conn, response, err := b.tryDial(key, nil)
				if err == nil {
					_ = conn.Close()
				}
				if response == nil {
					t.Error(err)
					response = &http.Response{}
				}
				codes <- response.StatusCode
			}()
		}
		got := map[int]int{}
		for range cap(codes) {
			got[<-codes]++
		}
		// Who spends a ticket and hears nothing of it is let in by nobody: of such a round only that no two came in is known.
		if got[http.StatusServiceUnavailable] > 0 && got[http.StatusSwitchingProtocols] <= 1 && time.Now().Before(deadline) {
			continue
		}
		n++
		if got[http.StatusSwitchingProtocols] != 1 || got[http.StatusUnauthorized] != cap(codes)-1 {
			t.Fatalf("one ticket, answers %v", got)
		}
	}
}

func TestRefusals(t *testing.T) {
	b := setup(t, nil)
	for _, test := range []struct {
		name, ticket string
		params       url.Values
		code         int
	}{
		{"no ticket", "", nil, http.StatusUnauthorized},
		{"unknown ticket", "unknown", nil, http.StatusUnauthorized},
		{"a pattern for a ticket", "*.>", nil, http.StatusUnauthorized},
		{"a ticket for nobody", b.ticket(t, feed.Ticket{}), nil, http.StatusUnauthorized},
		{"no cursor", "unknown", url.Values{"since": {"yesterday"}}, http.StatusBadRequest},
		{"no store", "unknown", url.Values{"store": {"*"}}, http.StatusBadRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, response, err := b.tryDial(test.ticket, test.params)
			if err == nil || response == nil || response.StatusCode != test.code {
				t.Errorf("answer %+v (%v), want %d", response, err, test.code)
			}
		})
	}
	response, err := http.Get("http://" + b.address + "/feed")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a plain request is answered %d", response.StatusCode)
	}
}

func TestEndSaysGoodbye(t *testing.T) {
	b := setup(t, nil)
	b.project(t)
	clients := make([]*reader, 20)
	for i := range clients {
		clients[i] = b.dial(t, tenant("a"))
		clients[i].greeted()
	}
	codes := make(chan int, len(clients))
	for _, c := range clients {
		go func() { codes <- c.closed() }()
	}
	b.end()
	for range clients {
		if code := <-codes; code != websocket.CloseGoingAway {
			t.Errorf("closed with %d", code)
		}
	}
	if _, response, err := b.tryDial(b.ticket(t, tenant("a")), nil); err == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a client after the end: %v", err)
	}
}

func TestLogMadeAnew(t *testing.T) {
	b := setup(t, func(h *Hub) { h.check = 20 * time.Millisecond })
	b.author.Write(t.Context(), 10, 1, 2)
	c := b.dial(t, tenant(logtest.Tenant(0)))
	hello := c.greeted()
	if err := b.author.Log.JetStream().DeleteStream(t.Context(), storelog.Stream); err != nil {
		t.Fatal(err)
	}
	if err := storelog.Ensure(t.Context(), b.nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	if code := c.closed(); code != websocket.CloseServiceRestart {
		t.Errorf("closed with %d", code)
	}
	b.awaitOpen(t)
	again := b.dial(t, tenant(logtest.Tenant(0)), "since", hello.Cursor)
	again.greeted()
	if m := again.want(feed.Reset); m.Reason != "epoch" {
		t.Errorf("reason %q", m.Reason)
	}
}
