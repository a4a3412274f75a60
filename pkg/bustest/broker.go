package bustest

import (
	"net"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// Broker can be stopped and started again: it comes back on the same port with what it had on its disk.
type Broker struct {
	tb      testing.TB
	dir     string
	port    int
	current *server.Server
}

// StartBroker runs a broker on a free loopback port until the test ends, with an empty log.
func StartBroker(tb testing.TB) *Broker {
	tb.Helper()
	b := &Broker{tb: tb, dir: tb.TempDir(), port: server.RANDOM_PORT}
	b.Start()
	b.port = b.current.Addr().(*net.TCPAddr).Port
	tb.Cleanup(b.Stop)
	ensure(tb, b.Connect(), storelog.Settings{Replicas: 1})
	return b
}

// Connect opens a connection that outlives the broker's absences and is closed with the test.
func (b *Broker) Connect() *nats.Conn {
	b.tb.Helper()
	return connect(b.tb, b.current.ClientURL())
}

// Stop breaks all connections. Twice is once.
func (b *Broker) Stop() {
	b.current.Shutdown()
	b.current.WaitForShutdown()
}

// Start returns when the broker accepts connections.
func (b *Broker) Start() {
	b.tb.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: b.port, JetStream: true, NoSigs: true, StoreDir: b.dir,
		// The log's promise: what was acknowledged is on the disk.
		SyncAlways: true,
	})
	if err != nil {
		b.tb.Fatalf("make a broker: %v", err)
	}
	s.Start()
	b.current = s
	awaitConnections(b.tb, s)
}
