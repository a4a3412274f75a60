// Package linger closes connections so that the last answer arrives. A socket that is closed while input waits in it
// unread resets the connection, and a client that is still sending its request then hears "broken pipe" and never the
// refusal that was written to it. It also ends those on which nothing ever came, so that no service waits for them when it ends.
package linger

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// patience bounds how long a refused client may go on sending. It is what a whole request has to arrive.
const patience = 20 * time.Second

// lastWord is how long a connection may still begin to ask that never has, when the listener is closed.
const lastWord = time.Second

// Over is l with connections that Refused knows. Closing it ends those soon on which nothing has come yet: browsers and balancers open some ahead, and
// fasthttp, which closes idle ones when it shuts down, takes these for busy.
func Over(l net.Listener) net.Listener { return &listener{Listener: l} }

type listener struct {
	net.Listener
	// silent are the connections on which nothing has come.
	silent sync.Map
}

func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if tcp, is := accepted.(*net.TCPConn); is {
		c := &conn{TCPConn: tcp, of: l}
		l.silent.Store(c, nil)
		return c, err
	}
	return accepted, err
}

// Close takes no more connections.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.silent.Range(func(c, _ any) bool {
		_ = c.(*conn).SetReadDeadline(time.Now().Add(lastWord))
		return true
	})
	return err
}

type conn struct {
	*net.TCPConn
	of *listener

	spoken, refused atomic.Bool
}

// Read notes that something has come.
func (c *conn) Read(into []byte) (int, error) {
	n, err := c.TCPConn.Read(into)
	if n > 0 && !c.spoken.Swap(true) {
		c.of.silent.Delete(c)
	}
	return n, err
}

// Refused has c read to its end before it is closed, because its request was answered before it was read. It does
// nothing to connections that aren't of a listener of Over's.
func Refused(c net.Conn) {
	if c, ours := c.(*conn); ours {
		c.refused.Store(true)
	}
}

// Close ends the answer, and waits for the end of a request that was refused half read.
func (c *conn) Close() error {
	c.of.silent.Delete(c)
	if c.refused.Load() {
		c.readOut()
	}
	return c.TCPConn.Close()
}

// readOut leaves errors unsaid: whatever goes wrong here, the client has gone, and closing is what is left.
func (c *conn) readOut() {
	if c.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c.TCPConn)
}
