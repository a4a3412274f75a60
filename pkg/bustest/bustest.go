// Package bustest gives every test a real broker of its own, in process: it starts in milliseconds, so there is no
// reason for a fake.
package bustest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
)

const startTimeout = 20 * time.Second

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
	ensure(tb, nc, storelog.Settings{Replicas: 1, Installation: installation})
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
	nc, err := nats.Connect(s.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		tb.Fatalf("connect to the broker: %v", err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

func ensure(tb testing.TB, nc *nats.Conn, settings storelog.Settings) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	if err := storelog.Ensure(ctx, nc, settings); err != nil {
		tb.Fatalf("make the log: %v", err)
	}
}

const clusterSize = 3

// StartCluster runs three brokers that replicate the log and returns them with a connection to each.
func StartCluster(tb testing.TB) ([]*server.Server, []*nats.Conn) {
	tb.Helper()
	ports := freePorts(tb, clusterSize)
	var routes []*url.URL
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	var servers []*server.Server
	for i, port := range ports {
		servers = append(servers, launch(tb, &server.Options{
			ServerName: fmt.Sprintf("node-%d", i), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
		}))
	}
	var conns []*nats.Conn
	for _, s := range servers {
		awaitConnections(tb, s)
		conns = append(conns, Connect(tb, s))
	}
	awaitLeader(tb, servers)
	ensure(tb, conns[0], storelog.Settings{Replicas: clusterSize})
	return servers, conns
}

// freePorts must be known before the first broker starts: each one's configuration names all of them.
func freePorts(tb testing.TB, n int) []int {
	tb.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatalf("find a free port: %v", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// awaitLeader waits until the cluster can place streams: a meta leader that knows all its peers.
func awaitLeader(tb testing.TB, servers []*server.Server) {
	tb.Helper()
	deadline := time.After(startTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(servers) {
				return
			}
		}
		select {
		case <-deadline:
			tb.Fatal("the three brokers found no leader")
		case <-tick.C:
		}
	}
}
