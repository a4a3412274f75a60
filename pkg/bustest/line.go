package bustest

import (
	"net/url"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// Line is a connection's way to its broker on which answers can be held up: what is sent arrives, and nobody hears of it.
type Line struct {
	// Conn is the connection over this line.
	Conn *nats.Conn

	mu   sync.Mutex
	open *sync.Cond
	held bool
}

// NewLine connects to the broker at url over a line of its own.
func NewLine(tb testing.TB, brokerURL string) *Line {
	tb.Helper()
	target, err := url.Parse(brokerURL)
	if err != nil {
		tb.Fatal(err)
	}
	l := &Line{}
	l.open = sync.NewCond(&l.mu)
	door := newDoor(tb, l.wait, carryAll)
	door.LeadTo(target.Host)
	tb.Cleanup(l.Release)
	l.Conn, err = nats.Connect("nats://"+door.Address, Patient)
	if err != nil {
		tb.Fatalf("connect over a line: %v", err)
	}
	tb.Cleanup(l.Conn.Close)
	return l
}

// Hold keeps back everything that the broker says from now on; Release lets it through, late but whole.
func (l *Line) Hold() { l.set(true) }

// Release ends Hold.
func (l *Line) Release() { l.set(false) }

func (l *Line) set(held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = held
	l.open.Broadcast()
}

func (l *Line) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held {
		l.open.Wait()
	}
}
