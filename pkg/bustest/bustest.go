// Package bustest gives every test a real broker of its own, in process: it starts in milliseconds, so there is no
// reason for a fake.
package bustest

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// startTimeout is for a machine that has other things to do.
const startTimeout = 90 * time.Second

// Patient is for every connection of a test: the client's own two seconds are for the whole handshake.
var Patient = nats.Timeout(30 * time.Second)

// Start runs a broker on a free loopback port until the test ends, with an empty log of no installation, and returns a
// connection.
func Start(tb testing.TB) *nats.Conn {
	tb.Helper()
	return StartFor(tb, "")
}

// StartFor is Start with a log that belongs to an installation.
func StartFor(tb testing.TB, installation string) *nats.Conn {
	tb.Helper()
	nc := Connect(tb, StartServer(tb, &server.Options{}))
	Ensure(tb, nc, storelog.Settings{Replicas: 1, Installation: installation})
	return nc
}

// StartServer runs a broker on a free loopback port until the test ends. Options that a test sets are kept.
func StartServer(tb testing.TB, opts *server.Options) *server.Server {
	tb.Helper()
	s := launch(tb, opts)
	awaitConnections(tb, s)
	return s
}

func launch(tb testing.TB, opts *server.Options) *server.Server {
	tb.Helper()
	opts.Host, opts.Port, opts.JetStream, opts.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	if opts.StoreDir == "" {
		opts.StoreDir = tb.TempDir()
	}
	s, err := server.NewServer(opts)
	if err != nil {
		tb.Fatalf("make a broker: %v", err)
	}
	s.Start()
	tb.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func awaitConnections(tb testing.TB, s *server.Server) {
	tb.Helper()
	if !s.ReadyForConnections(startTimeout) {
		tb.Fatal("the broker doesn't accept connections")
	}
}

// Connect opens a connection that is closed with the test.
func Connect(tb testing.TB, s *server.Server) *nats.Conn {
	tb.Helper()
	return connect(tb, s.ClientURL())
}

func connect(tb testing.TB, url string) *nats.Conn {
	tb.Helper()
	nc, err := nats.Connect(url, Patient, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		tb.Fatalf("connect to the broker: %v", err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// Listen hears from now on what anybody sends to subject. The broker is asked whether it knows of the subscription: what
// another connection sends at once could overtake it.
func Listen(tb testing.TB, nc *nats.Conn, subject string) *nats.Subscription {
	tb.Helper()
	heard, err := nc.SubscribeSync(subject)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		tb.Fatalf("listen to %s: %v", subject, err)
	}
	return heard
}

// Ensure makes the log, or what is missing of it, as a gateway with these settings does when it starts.
func Ensure(tb testing.TB, nc *nats.Conn, settings storelog.Settings) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	if err := storelog.Ensure(ctx, nc, settings); err != nil {
		tb.Fatalf("make the log: %v", err)
	}
}
