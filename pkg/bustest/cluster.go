package bustest

import (
	"fmt"
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
	return StartClusterWith(tb, func(int, *server.Options) {})
}

// StartClusterWith is StartCluster for a test that has something to add to the options of the n-th broker, counted from 0.
func StartClusterWith(tb testing.TB, add func(n int, opts *server.Options)) ([]*server.Server, []*nats.Conn) {
	tb.Helper()
	var doors []*Door
	var routes []*url.URL
	for range clusterSize {
		door := NewDoor(tb)
		doors = append(doors, door)
		routes = append(routes, &url.URL{Scheme: "nats", Host: door.Address})
	}
	var servers []*server.Server
	var conns []*nats.Conn
	for i, door := range doors {
		opts := &server.Options{
			ServerName: fmt.Sprintf("node-%d", i), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT},
		}
		add(i, opts)
		s := launch(tb, opts)
		awaitConnections(tb, s)
		door.LeadTo(s.ClusterAddr().String())
		servers, conns = append(servers, s), append(conns, Connect(tb, s))
	}
	awaitLeader(tb, servers)
	Ensure(tb, conns[0], storelog.Settings{Replicas: clusterSize})
	return servers, conns
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
