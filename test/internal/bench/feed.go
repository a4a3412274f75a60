package bench

import (
	"bytes"
	"cmp"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/parts"
)

const (
	// feedPause lies between two events, so that each finds everything at rest.
	feedPause = 50 * time.Millisecond
	// feedTurn is how many events the feed has before the bare broker's turn comes.
	feedTurn = 5
	// feedAim is how much longer half of the clients may wait than those of a bare broker do.
	feedAim = 1.5
	// dialers connect clients at once.
	dialers = 16
	// openTenant is who this machine's clients are in open mode.
	openTenant = storelog.LoopbackTenant
)

// fanOut notes when each of many clients got each of a series of messages.
type fanOut struct {
	clients int
	all     chan struct{}

	mu      sync.Mutex
	sent    time.Time
	missing int
	took    []time.Duration
}

func newFanOut(clients int) *fanOut { return &fanOut{clients: clients, all: make(chan struct{}, 1)} }

// expect is called before a message is sent.
func (f *fanOut) expect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missing, f.sent = f.clients, time.Now()
}

// got is called by each client.
func (f *fanOut) got() {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = append(f.took, now.Sub(f.sent))
	if f.missing--; f.missing == 0 {
		f.all <- struct{}{}
	}
}

// run sends count messages, each when all clients have the one before.
func (f *fanOut) run(b *bench, count int, send func() error) {
	b.Helper()
	pause := time.NewTicker(feedPause)
	defer pause.Stop()
	for range count {
		<-pause.C
		f.expect()
		b.must("send a message", send())
		select {
		case <-f.all:
		case <-time.After(startPatience):
			b.Fatalf("not each of the %d clients got the message", f.clients)
		case <-b.ctx.Done():
			b.Fatal(b.ctx.Err())
		}
	}
}

// warmUp sends one that doesn't count.
func (f *fanOut) warmUp(b *bench, send func() error) {
	b.Helper()
	f.run(b, 1, send)
	f.took = f.took[:0]
}

// feedLatency holds the feed, from an append to its clients behind the gateway, against a broker that hands the same
// bytes to as many subscribers.
func feedLatency(b *bench) {
	s := b.newBus()
	s.run(whileMeasuring)
	log := s.log()
	events := b.freeAddress()
	p := b.start("events", s.service("events", "LISTEN="+events, "DATABASE_URL="+b.newPostgres(),
		fmt.Sprintf("FEED_MAX_CONNECTIONS_PER_TENANT=%d", b.sizes.feedClients)))
	b.await("reach the events service", p, startPatience, func() error { return parts.Answers(b.ctx, "http://"+events+"/readyz") })
	gateway := s.gateway(events)

	id := store.DeriveID(openTenant, "feed")
	state, err := log.Append(b.ctx, store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: openTenant, Actor: openTenant, Time: time.Now(),
		Facts: store.Facts{Spec: &store.Spec{Name: "Amber Harbour", Engine: "sample", Version: "1.0.0", Plan: "small"}},
	})
	b.must("append a store", err)
	b.Logf("connecting %d clients", b.sizes.feedClients)
	platform := newFanOut(b.sizes.feedClients)
	message := b.feedClients(gateway, platform)
	tell := func() error {
		state, err = log.Append(b.ctx, state, store.Message{
			Type: store.CredentialsViewed, Store: id, Actor: openTenant, Generation: state.Generation, Time: time.Now(),
		})
		return err
	}
	platform.warmUp(b, tell)
	bare := newFanOut(b.sizes.feedClients)
	send := b.bareClients(bare, message())
	bare.warmUp(b, send)
	b.Logf("sending %d events, and as many messages", b.sizes.feedTurns*feedTurn)
	// By turns, since a busy machine isn't as busy the minute after; and neither always comes first.
	for turn := range b.sizes.feedTurns {
		if turn%2 == 0 {
			platform.run(b, feedTurn, tell)
		}
		bare.run(b, feedTurn, send)
		if turn%2 != 0 {
			platform.run(b, feedTurn, tell)
		}
	}
	for _, q := range []float64{0.5, 0.99} {
		slow, fast := quantile(platform.took, q), quantile(bare.took, q)
		l := line{
			what:     fmt.Sprintf("feed, append to %d clients, p%.0f", b.sizes.feedClients, 100*q),
			platform: millis(slow), bare: millis(fast), ratio: float64(slow) / float64(fast),
			how: fmt.Sprintf("%d events: fsynced append → events → gateway → WebSocket, against core NATS handing the same bytes to as many connections, by turns of %d; one process takes them all",
				b.sizes.feedTurns*feedTurn, feedTurn),
		}
		if q == 0.5 {
			l = l.atMost(feedAim)
		}
		b.report(l)
	}
}

// feedClients connects to the feed through the gateway. The function it returns answers the newest message's bytes.
func (b *bench) feedClients(gateway string, f *fanOut) (message func() []byte) {
	b.Helper()
	var newest atomic.Pointer[[]byte]
	event := []byte(`{"type":"` + string(feed.Event) + `"`)
	b.connectAll(f.clients, func() (func(), error) {
		conn, response, err := websocket.DefaultDialer.DialContext(b.ctx, strings.Replace(gateway, "http", "ws", 1)+"/feed", nil)
		if err != nil {
			return nil, err
		}
		if err := response.Body.Close(); err != nil {
			return nil, err
		}
		// The greeting says that the client has joined those who are told.
		if _, _, err := conn.ReadMessage(); err != nil {
			return nil, err
		}
		go func() {
			for {
				_, data, err := conn.ReadMessage()
				if err != nil {
					return
				}
				if bytes.HasPrefix(data, event) {
					newest.Store(&data)
					f.got()
				}
			}
		}()
		return func() { _ = conn.Close() }, nil
	})
	return func() []byte { return *newest.Load() }
}

// bareClients connects to a broker that does nothing else.
func (b *bench) bareClients(f *fanOut, message []byte) (send func() error) {
	b.Helper()
	const subject = "bench"
	address := b.freeAddress()
	config := b.path("bare.conf")
	b.must("configure a bare broker", writeFile(config, fmt.Sprintf("listen: %q\n", address)))
	p := b.start("bare-broker", exec.Command(b.program("store-broker"), config))
	var publisher *nats.Conn
	b.await("reach the bare broker", p, startPatience, func() (err error) {
		publisher, err = nats.Connect("nats://" + address)
		return err
	})
	b.Cleanup(publisher.Close)
	b.connectAll(f.clients, func() (func(), error) {
		nc, err := nats.Connect("nats://" + address)
		if err != nil {
			return nil, err
		}
		if _, err := nc.Subscribe(subject, func(*nats.Msg) { f.got() }); err != nil {
			return nil, err
		}
		return nc.Close, nc.Flush()
	})
	return func() error {
		if err := publisher.Publish(subject, message); err != nil {
			return err
		}
		return publisher.Flush()
	}
}

// connectAll makes count connections and closes them with the row.
func (b *bench) connectAll(count int, connect func() (closing func(), err error)) {
	b.Helper()
	wanted, made := make(chan struct{}, count), make(chan error, count)
	var mu sync.Mutex
	for range count {
		wanted <- struct{}{}
	}
	close(wanted)
	for range dialers {
		go func() {
			for range wanted {
				closing, err := connect()
				if closing != nil {
					mu.Lock()
					b.Cleanup(closing)
					mu.Unlock()
				}
				made <- err
			}
		}()
	}
	var err error
	for range count {
		err = cmp.Or(err, <-made)
	}
	b.must("connect a client", err)
}
