// Package hangup notices that a client has gone while it waits for its answer. fasthttp reads a connection between two requests
// and not during one, so nobody else would.
package hangup

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// Watch has gone closed when the client closes the connection, or breaks it. What it sends meanwhile, as a request behind this one,
// stays to be read, and nothing is noticed any more; nor is it when the connection's read deadline has passed. stop ends watching; nobody may read the connection before it has returned. A connection
// that is no socket of the system's is never gone.
func Watch(c net.Conn) (gone <-chan struct{}, stop func()) {
	socket, is := c.(syscall.Conn)
	if !is {
		return nil, func() {}
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, func() {}
	}
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		over := false
		// It fails where the deadline below has passed.
		_ = raw.Read(func(fd uintptr) bool {
			n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
			if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
				return false // nothing yet: it is called again when there is
			}
			over = err != nil || n == 0
			return true
		})
		if over {
			close(ended)
		}
	}()
	return ended, func() {
		_ = c.SetReadDeadline(time.Unix(1, 0))
		<-watched
		_ = c.SetReadDeadline(time.Time{})
	}
}
