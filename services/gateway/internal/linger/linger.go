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

// Listen listens like net.Listen for connections that Refused knows.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return listener{l.(*net.TCPListener)}, nil
}

type listener struct{ *net.TCPListener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &conn{TCPConn: c}, nil
}

type conn struct {
	*net.TCPConn

	refused atomic.Bool
}

// Refused has c read to its end before it is closed, because its request was answered before it was read. It does
// nothing to connections that Listen didn't make.
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
