package bustest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Door is an address that is there before whoever it leads to, and while that one is away. So a broker that is started
// again is where its clients look for it, and brokers can name each other before the first one starts, without a port that
// was looked at, given back and taken by somebody else.
type Door struct {
	// Address is host:port on the loopback, the same until the test ends.
	Address string

	listener net.Listener
	behind   atomic.Pointer[string]
	// mu guards inside, the connections that lead through.
	mu     sync.Mutex
	inside map[net.Conn]struct{}
	// passing is called before anything goes back to who came in.
	passing func()
	// sending carries what whoever came in says.
	sending func(to io.Writer, from io.Reader)
}

// NewDoor leads nowhere until LeadTo is called: who comes before is turned away.
func NewDoor(tb testing.TB) *Door {
	tb.Helper()
	return newDoor(tb, func() {}, carryAll)
}

func carryAll(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) }

func newDoor(tb testing.TB, passing func(), sending func(to io.Writer, from io.Reader)) *Door {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("make a door: %v", err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	d := &Door{Address: listener.Addr().String(), listener: listener, passing: passing, sending: sending, inside: map[net.Conn]struct{}{}}
	go d.open()
	return d
}

// LeadTo has everybody who comes from now on led to an address.
func (d *Door) LeadTo(address string) { d.behind.Store(&address) }

// Shut turns everybody away again: what was behind the door may soon be somebody else's.
func (d *Door) Shut() { d.behind.Store(nil) }

// Cut is Shut, and ends the connections of those who are through.
func (d *Door) Cut() {
	d.Shut()
	d.mu.Lock()
	defer d.mu.Unlock()
	for client := range d.inside {
		_ = client.Close()
	}
}

func (d *Door) enter(client net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside[client] = struct{}{}
}

func (d *Door) leave(client net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.inside, client)
}

func (d *Door) open() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		go d.carry(client)
	}
}

func (d *Door) carry(client net.Conn) {
	defer client.Close()
	d.enter(client)
	defer d.leave(client)
	address := d.behind.Load()
	if address == nil {
		return
	}
	server, err := net.Dial("tcp", *address)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		d.sending(server, client)
		_ = server.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		d.passing()
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
