package bus

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// The gateway tries every second, for as long as something of the broker can't be had.
func TestATryThatFailsLeavesNothingOpen(t *testing.T) {
	broker := bustest.StartServer(t, &server.Options{})
	conn := bustest.Connect(t, broker)
	settings := storelog.Settings{Replicas: 1}
	if err := storelog.Ensure(t.Context(), conn, settings); err != nil {
		t.Fatal(err)
	}
	log, err := storelog.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	// The last that is opened fails: what the platform said of itself is no JSON.
	said, err := log.Bucket(t.Context(), storelog.BucketPlatform)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := said.Put(t.Context(), "cluster", []byte("{")); err != nil {
		t.Fatal(err)
	}
	before, b := conn.NumSubscriptions(), New(settings, func() {})
	for range 5 {
		if err := b.hold(t.Context(), conn); err == nil {
			t.Fatal("it opened")
		}
	}
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for conn.NumSubscriptions() > before {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d subscriptions, %d before", conn.NumSubscriptions(), before)
		}
	}
}
