// Package link stands between two processes and breaks what they say to each other: a TCP proxy whose connections can be
// cut, refused, or held without a word, as a network does.
package link

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// dialTimeout bounds reaching a target; it is on this machine, so only a stopped one doesn't answer.
const dialTimeout = 5 * time.Second

// Link is one way. Safe for concurrent use.
type Link struct {
	listener net.Listener
	targets  []string

	mu       sync.Mutex
	refusing bool
	// gate is closed while bytes may pass.
	gate  chan struct{}
	conns map[*conn]struct{}
	next  int
	ended bool
	all   sync.WaitGroup
}

// New listens and hands each connection on to the next of the targets that can be reached.
func New(targets ...string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a link: %w", err)
	}
	l := &Link{listener: listener, targets: targets, gate: make(chan struct{}), conns: map[*conn]struct{}{}}
	close(l.gate)
	l.all.Go(l.accept)
	return l, nil
}

// Address is where to connect to.
func (l *Link) Address() string { return l.listener.Addr().String() }

// Cut ends every connection at whatever byte it is; new ones pass.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut()
}

func (l *Link) cut() {
	for c := range l.conns {
		c.end()
	}
}

// Refuse cuts, and refuses new connections until Heal.
func (l *Link) Refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusing = true
	l.cut()
}

// Hold lets nothing pass until Heal, and says so to nobody: whoever sends believes that it was sent.
func (l *Link) Hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.gate:
		l.gate = make(chan struct{})
	default:
	}
}

// Heal lets everything pass again. What was held arrives now, however late, or never if lost.
func (l *Link) Heal(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusing = false
	if lost {
		l.cut()
	}
	select {
	case <-l.gate:
	default:
		close(l.gate)
	}
}

// Close ends the link and everything on it.
func (l *Link) Close() {
	_ = l.listener.Close()
	l.mu.Lock()
	l.ended = true
	l.cut()
	l.mu.Unlock()
	l.all.Wait()
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		c, ok := l.enter(client.(*net.TCPConn))
		if !ok {
			reset(client.(*net.TCPConn))
			continue
		}
		l.all.Go(func() { l.carry(c) })
	}
}

// conn is one connection and its other half, once that is dialled.
type conn struct {
	client *net.TCPConn
	done   context.Context
	end    context.CancelFunc
}

func (l *Link) enter(client *net.TCPConn) (*conn, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusing || l.ended {
		return nil, false
	}
	c := &conn{client: client}
	c.done, c.end = context.WithCancel(context.Background())
	l.conns[c] = struct{}{}
	return c, true
}

func (l *Link) carry(c *conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, c)
	}()
	defer reset(c.client)
	defer c.end()
	if !l.pass(c) {
		return
	}
	server, err := l.dial(c.done)
	if err != nil {
		return
	}
	defer reset(server)
	var pumps sync.WaitGroup
	pumps.Go(func() { defer c.end(); l.pump(c, server, c.client) })
	pumps.Go(func() { defer c.end(); l.pump(c, c.client, server) })
	<-c.done.Done()
	reset(c.client)
	reset(server)
	pumps.Wait()
}

func (l *Link) dial(ctx context.Context) (*net.TCPConn, error) {
	l.mu.Lock()
	first := l.next
	l.next++
	l.mu.Unlock()
	dialer := net.Dialer{Timeout: dialTimeout}
	var err error
	for n := range l.targets {
		var server net.Conn
		if server, err = dialer.DialContext(ctx, "tcp", l.targets[(first+n)%len(l.targets)]); err == nil {
			return server.(*net.TCPConn), nil
		}
	}
	return nil, err
}

// pump carries one direction. A half that is closed properly closes the whole: none of the protocols here goes on in
// one direction.
func (l *Link) pump(c *conn, to, from *net.TCPConn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !l.pass(c) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err == io.EOF {
				l.pass(c)
			}
			return
		}
	}
}

// pass waits until bytes may pass and tells whether there is still somebody for them.
func (l *Link) pass(c *conn) bool {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	select {
	case <-gate:
		return c.done.Err() == nil
	case <-c.done.Done():
		return false
	}
}

// reset ends a connection without waiting for what is under way.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
