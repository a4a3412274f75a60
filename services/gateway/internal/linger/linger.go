// Package linger closes connections so that the last answer arrives. A socket that is closed while input waits in it
// unread resets the connection, and a client that is still sending its request then hears "broken pipe" and never the
// refusal that was written to it.
package linger

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// patience bounds how long a refused client may go on sending. It is what a whole request has to arrive.
const patience = 20 * time.Second

// Over is l with connections that Refused knows.
func Over(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, is := c.(*net.TCPConn); is {
		return &conn{TCPConn: tcp}, err
	}
	return c, err
}

type conn struct {
	*net.TCPConn

	refused atomic.Bool
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
