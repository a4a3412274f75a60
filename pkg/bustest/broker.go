package bustest

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// Broker can be stopped and started again: it comes back at the same address with what it had on its disk.
type Broker struct {
	// URL is the broker's, also while it is away.
	URL string

	tb      testing.TB
	dir     string
	door    *Door
	current *server.Server
}

// StartBroker runs a broker until the test ends, with an empty log.
func StartBroker(tb testing.TB, settings storelog.Settings) *Broker {
	tb.Helper()
	b := &Broker{tb: tb, dir: tb.TempDir(), door: NewDoor(tb)}
	b.URL = "nats://" + b.door.Address
	b.Start()
	tb.Cleanup(b.Stop)
	Ensure(tb, b.Connect(), settings)
	return b
}

// Connect opens a connection that outlives the broker's absences and is closed with the test.
func (b *Broker) Connect() *nats.Conn {
	b.tb.Helper()
	return connect(b.tb, b.URL)
}

// Stop breaks all connections. Twice is once.
func (b *Broker) Stop() {
	b.door.Shut()
	b.current.Shutdown()
	b.current.WaitForShutdown()
}

// Start returns when the broker accepts connections.
func (b *Broker) Start() {
	b.tb.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, NoSigs: true, StoreDir: b.dir,
		// The log's promise: what was acknowledged is on the disk.
		SyncAlways: true,
	})
	if err != nil {
		b.tb.Fatalf("make a broker: %v", err)
	}
	s.Start()
	b.current = s
	awaitConnections(b.tb, s)
	b.door.LeadTo(s.Addr().String())
}
