package bus

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
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
		if err := b.hold(t.Context(), conn, func() {}); err == nil {
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

// Who operates it looks for a broker that is away otherwise.
func TestABrokerThatRefusesFromTheStartIsToldAsSuch(t *testing.T) {
	broker := bustest.StartServer(t, &server.Options{Users: []*server.User{{Username: "gateway", Password: "new"}}})
	ctx, end := context.WithCancel(t.Context())
	b, ended := New(storelog.Settings{Replicas: 1}, func() {}), make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, func(ctx context.Context, met func(error)) (*nats.Conn, error) {
			return config.NATS{URL: broker.ClientURL(), User: "gateway", Password: "old"}.Connect(ctx, "gateway", met)
		})
	}()
	waittest.Eventually(t, func() error {
		if _, err := b.Check(t.Context()); !errors.Is(err, config.ErrRefused) {
			return fmt.Errorf("it says %w", err)
		}
		return nil
	})
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What was open belongs to another log: nobody is to be named by it any more, and who listens comes back.
func TestALogThatIsMadeAnewEndsWhatWasOpen(t *testing.T) {
	conn := bustest.Start(t)
	lost, ended := make(chan struct{}, 1), make(chan error, 1)
	b := New(storelog.Settings{Replicas: 1}, func() { lost <- struct{}{} })
	go func() { ended <- b.hold(t.Context(), conn, func() {}) }()
	waittest.Eventually(t, func() error { _, err := b.Parts(); return err })
	parts, _ := b.Known()
	if err := parts.Log.JetStream().DeleteStream(t.Context(), storelog.Stream); err != nil {
		t.Fatal(err)
	}
	bustest.Ensure(t, conn, storelog.Settings{Replicas: 1})
	if err := <-ended; !errors.Is(err, errRemade) {
		t.Fatalf("it ended with %v", err)
	}
	<-lost
	somebody := netip.MustParseAddr("203.0.113.7")
	if _, known := b.Known(); known || b.Naming().Tenant(somebody) != "" {
		t.Errorf("somebody is called %q", b.Naming().Tenant(somebody))
	}
}
