package feed

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// A replica that hears nothing sends its clients away and takes none, so that they go to one that does. When it hears again
// they are told what they missed.
func TestAReplicaThatIsCutOffSendsItsClientsElsewhere(t *testing.T) {
	var line *bustest.Line
	b := setupOver(t, bustest.Start, func(nc *nats.Conn) *nats.Conn {
		line = bustest.NewLine(t, nc.ConnectedUrl())
		return line.Conn
	}, func(h *Hub) { h.check, h.deaf = 50*time.Millisecond, 500*time.Millisecond })
	mine := logtest.Tenant(0)
	m := &member{cursor: feed.Cursor{Epoch: b.author.Log.Epoch()}.String()}
	c := b.dial(t, tenant(mine), "since", m.cursor)
	m.read(c, 0)
	line.Hold()
	b.author.WriteFor(t.Context(), 5, mine, 3)
	if code := c.closed(); code != websocket.CloseServiceRestart {
		t.Errorf("closed with %d, want %d", code, websocket.CloseServiceRestart)
	}
	if err := b.hub.Ready(); !errors.Is(err, errDeaf) {
		t.Errorf("it is ready, or isn't because of %v", err)
	}
	if _, _, err := b.hub.Now(t.Context()); err == nil {
		t.Error("it says where the log ends")
	}
	b.wantRefused(t, b.ticket(t, tenant(mine)), http.StatusServiceUnavailable)
	line.Release()
	b.awaitOpen(t)
	want := b.eventsOf(t, mine)
	m.read(b.dial(t, tenant(mine), "since", m.cursor), len(want))
	if diff := cmp.Diff(want, m.list); diff != "" {
		t.Errorf("(-log +client):\n%s", diff)
	}
}

// The log answers whoever asks, and none of its messages comes.
func TestATailThatIsBrokenIsNoticed(t *testing.T) {
	b := setup(t, nil)
	b.author.Write(t.Context(), 5, 1, 3)
	deaf := New(b.pool, b.progress, Limits{})
	deaf.check, deaf.deaf = 10*time.Millisecond, 100*time.Millisecond
	if err := deaf.listen(t.Context(), b.author.Log); !errors.Is(err, errDeaf) {
		t.Errorf("it ends with %v", err)
	}
}

// Nobody hears of it when one of three brokers goes, neither the one that the hub is connected to nor a leader.
func TestOneOfThreeBrokersMayGo(t *testing.T) {
	var brokers []*server.Server
	var conns []*nats.Conn
	b := setupOver(t, func(tb testing.TB) *nats.Conn {
		brokers, conns = bustest.StartCluster(tb)
		return conns[1]
	}, func(*nats.Conn) *nats.Conn { return conns[0] }, nil)
	mine := logtest.Tenant(0)
	m := &member{}
	c := b.dial(t, tenant(mine), "since", feed.Cursor{Epoch: b.author.Log.Epoch()}.String())
	m.read(c, 0)
	brokers[0].Shutdown()
	brokers[0].WaitForShutdown()
	b.author.WriteFor(t.Context(), 5, mine, 3)
	want := b.eventsOf(t, mine)
	for range want {
		m.list = append(m.list, *c.want(feed.Event).Event)
	}
	if diff := cmp.Diff(want, m.list); diff != "" {
		t.Errorf("(-log +client):\n%s", diff)
	}
}

func TestNothingIsBoundBeyondTheLogsEnd(t *testing.T) {
	b := setup(t, nil)
	b.author.Write(t.Context(), 20, 1, 3)
	b.awaitTold(t)
	head, err := b.author.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	behind := New(b.pool, b.progress, Limits{})
	behind.log = b.author.Log
	for name, h := range map[string]*Hub{"one that has heard": b.hub, "one that is behind": behind} {
		for seq, want := range map[uint64]uint64{0: 0, head - 1: head - 1, head: head, head + 1: head, 1 << 40: head} {
			if have := h.Bound(t.Context(), seq); have != want {
				t.Errorf("%s bounds %d of %d by %d", name, seq, head, have)
			}
		}
	}
}
