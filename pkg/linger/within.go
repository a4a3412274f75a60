package linger

import (
	"net"
	"time"
)

// Within has each write fail that isn't taken in time, the one under way too, for an answer that may take longer than any bound on the
// whole. It holds until the connection is closed. It does nothing to connections that aren't of a listener of Over's.
func Within(to net.Conn, d time.Duration) {
	c, ours := to.(*conn)
	if !ours {
		return
	}
	c.within.Store(int64(d))
	_ = c.SetWriteDeadline(time.Now().Add(d)) // where that can't be set the next write says so
}

// Write writes, within what Within has said of each.
func (c *conn) Write(what []byte) (int, error) {
	if d := time.Duration(c.within.Load()); d > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(d)); err != nil {
			return 0, err
		}
	}
	return c.TCPConn.Write(what)
}
