package feed

import (
	"encoding/json"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

const (
	benchClients = 1000
	benchEvents  = 100
)

// BenchmarkFanOut measures from the moment Append is called until each of 1,000 clients of one tenant has read the
// event from its own WebSocket: fence, broker, hub and clients, all in this process. One event is under way at a time.
//
// The bare figures are of a loop that writes the same bytes to 1,000 TCP connections, and as many readers: what the
// machine's loopback takes for it without a log, a hub or WebSockets.
func BenchmarkFanOut(b *testing.B) {
	t := setup(b, nil)
	arrived := make(chan time.Time, benchClients)
	var size int
	for range benchClients {
		c := t.dial(b, tenant("a"))
		c.greeted()
		go func() {
			for {
				if _, _, err := c.conn.ReadMessage(); err != nil {
					return
				}
				arrived <- time.Now()
			}
		}()
	}
	id := logtest.Store("a", 1)
	state := t.author.Create(b.Context(), "a", id, "Anna")
	drain(arrived)
	var feed, bare []time.Duration
	for b.Loop() {
		for range benchEvents {
			m := store.Message{Type: store.CredentialsViewed, Store: id, Actor: "a", Generation: state.Generation, Time: time.Now()}
			began := time.Now()
			var err error
			if state, err = t.author.Log.Append(b.Context(), state, m); err != nil {
				b.Fatal(err)
			}
			feed = append(feed, since(began, drain(arrived))...)
		}
		data, err := prepareText(state)
		if err != nil {
			b.Fatal(err)
		}
		size = len(data)
		bare = append(bare, fanOutBare(b, data)...)
	}
	report(b, feed, "feed")
	report(b, bare, "bare")
	b.ReportMetric(float64(percentile(bare, 99))/float64(percentile(feed, 99)), "ratio-p99")
	b.ReportMetric(float64(size), "bytes/message")
}

// prepareText is a message of the size that the feed sends.
func prepareText(s store.State) ([]byte, error) {
	view := query.View(s)
	return json.Marshal(feed.Message{Type: feed.Event, Event: &query.Event{Store: s.ID, Type: store.CredentialsViewed}, Store: &view})
}

// drain reads one arrival of each client.
func drain(arrived <-chan time.Time) []time.Time {
	times := make([]time.Time, benchClients)
	for i := range times {
		times[i] = <-arrived
	}
	return times
}

func since(began time.Time, times []time.Time) []time.Duration {
	took := make([]time.Duration, len(times))
	for i, at := range times {
		took[i] = at.Sub(began)
	}
	return took
}

func fanOutBare(b *testing.B, data []byte) []time.Duration {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	arrived := make(chan time.Time, benchClients)
	writers := make([]net.Conn, benchClients)
	var readers sync.WaitGroup
	for i := range writers {
		if writers[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
			b.Fatal(err)
		}
		conn, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		readers.Go(func() {
			defer func() { _ = conn.Close() }()
			buffer := make([]byte, len(data))
			for {
				if _, err := io.ReadFull(conn, buffer); err != nil {
					return
				}
				arrived <- time.Now()
			}
		})
	}
	var took []time.Duration
	for range benchEvents {
		began := time.Now()
		for _, w := range writers {
			if _, err := w.Write(data); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, since(began, drain(arrived))...)
	}
	for _, w := range writers {
		_ = w.Close()
	}
	readers.Wait()
	return took
}

func report(b *testing.B, took []time.Duration, name string) {
	b.Helper()
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(percentile(took, p).Microseconds())/1000, name+"-p"+map[int]string{50: "50", 99: "99"}[p]+"-ms")
	}
}

func percentile(took []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[len(sorted)*p/100]
}
