package events

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
)

// lagOf is the gauge as /metrics shows it; false while it is unknown. A process has one such gauge, so that tests of this package
// stand one behind the other.
func lagOf(t *testing.T, base string) (value string, known bool) {
	t.Helper()
	response, err := http.Get(base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(body), "\n") {
		if name, value, _ := strings.Cut(line, " "); strings.HasPrefix(name, "projection_lag{") {
			return value, true
		}
	}
	return "", false
}

func awaitLag(t *testing.T, base, want string) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if value, _ := lagOf(t, base); value != want {
			return fmt.Errorf("the lag is %q, wanted %q", value, want)
		}
		return nil
	})
}

// Only this replica is cut off. Who listens to it is sent elsewhere, and nobody is told that nothing is missing.
func TestAReplicaThatIsCutFromTheBroker(t *testing.T) {
	broker := bustest.Start(t)
	door := bustest.NewDoor(t)
	door.LeadTo(strings.TrimPrefix(broker.ConnectedUrl(), "nats://"))
	author := logtest.New(t, broker, 1)
	base := serve(t, Config{
		DatabaseURL: pgtest.Database(t), NATS: config.NATS{URL: "nats://" + door.Address}, Telemetry: telemetry.Config{LogLevel: "error"},
		FeedMaxConnections: 10, FeedMaxConnectionsPerTenant: 10,
	})
	await(t, base+"/readyz", http.StatusOK, "ready")
	client := follow(t, author, base, "a")
	before := author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna")
	client.next(t, feed.Event)
	awaitLag(t, base, "0")
	door.Cut()
	author.Create(t.Context(), "a", logtest.Store("a", 2), "Berta")
	await(t, base+"/readyz", http.StatusServiceUnavailable, config.ErrAway.Error())
	client.wait(t)
	var end *websocket.CloseError
	if _, _, err := client.ReadMessage(); !asClose(err, &end) || end.Code != websocket.CloseServiceRestart {
		t.Errorf("who listened is told %v", err)
	}
	if value, known := lagOf(t, base); known {
		t.Errorf("cut off from the log, it says to be %s behind", value)
	}
	if _, response, err := dial(t, author, base, "a"); err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("who comes is answered %v (%v)", response, err)
	}
	door.LeadTo(strings.TrimPrefix(broker.ConnectedUrl(), "nats://"))
	await(t, base+"/readyz", http.StatusOK, "ready")
	awaitLag(t, base, "0")
	listed(t, broker, query.StoresRequest{Scope: query.Of("a"), Log: author.Log.Epoch(), Limit: 10, Seen: before.Version + 1}, 2)
}

// The broker comes back with an empty disk, or another one's. What Postgres holds isn't shown as that log's, and is as far behind
// it as the whole of it is long.
func TestAnotherLogUnderTheReadModel(t *testing.T) {
	nc := bustest.Start(t)
	first := logtest.New(t, nc, 1)
	base := serve(t, Config{
		DatabaseURL: pgtest.Database(t), NATS: config.NATS{URL: nc.ConnectedUrl()}, Telemetry: telemetry.Config{LogLevel: "error"},
		FeedMaxConnections: 10, FeedMaxConnectionsPerTenant: 10,
	})
	await(t, base+"/readyz", http.StatusOK, "ready")
	first.Write(t.Context(), 20, 1, 3)
	awaitLag(t, base, "0")
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), storelog.Stream); err != nil {
		t.Fatal(err)
	}
	bustest.Ensure(t, nc, storelog.Settings{Replicas: 1})
	second := logtest.New(t, nc, 2)
	second.Create(t.Context(), "a", logtest.Store("a", 1), "Anna")
	await(t, base+"/readyz", http.StatusServiceUnavailable, "the read model was projected from another log")
	refusedOf(t, nc, second.Log.Epoch(), question.OtherLog)
	awaitLag(t, base, "1")
}
