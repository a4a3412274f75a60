package bustest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
)

const clusterSize = 3

// StartCluster runs three brokers that replicate the log and returns them with a connection to each.
func StartCluster(tb testing.TB) ([]*server.Server, []*nats.Conn) {
	tb.Helper()
	ports := FreePorts(tb, clusterSize)
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

// FreePorts are loopback ports for brokers whose configurations must name them before the first one starts. They lie
// below those that a system gives away itself: until a broker listens, none of the many that ask for any port gets one.
func FreePorts(tb testing.TB, n int) []int {
	tb.Helper()
	const lowest, count, tries = 20_000, 10_000, 1000
	var ports []int
	for range tries {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+rand.N(count)))
		if err != nil {
			continue
		}
		defer l.Close()
		if ports = append(ports, l.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports
		}
	}
	tb.Fatalf("found only %d free ports of %d", len(ports), n)
	return nil
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
