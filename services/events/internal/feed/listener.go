package feed

import "net"

// sendBuffer bounds what the system takes from a connection's writer before the client has got it. The system's own
// bound is megabytes: a slow client would be noticed late, and would have to take all of it before it learned why it
// was closed.
const sendBuffer = 128 << 10

// Listener accepts connections for the feed.
type Listener struct{ net.Listener }

// Accept waits for the next one.
func (l Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Without it the feed works too.
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
	return conn, nil
}
