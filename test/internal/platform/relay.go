package platform

import (
	"io"
	"net"
	"testing"
)

// Relay listens on this machine's loopback until the test ends, and passes on to an address that only the node can reach, such as a
// Service's. It answers where.
func (n Node) Relay(tb testing.TB, address string) string {
	tb.Helper()
	return RelayFrom(tb, n.runtime, address)
}

// RelayFrom is Relay out of the network that a process is in.
func RelayFrom(tb testing.TB, pid int, address string) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	ctx := tb.Context()
	go Relay(listener, func() (net.Conn, error) { return DialIn(ctx, pid, "tcp", address) })
	return listener.Addr().String()
}

// Relay passes each connection on to one that dial makes, until the listener is closed.
func Relay(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			far, err := dial()
			if err != nil {
				_ = near.Close()
				return
			}
			Join(near, far)
		}()
	}
}

// Listen listens on the node, where pods reach it: see NodeAddress.
func (n Node) Listen(tb testing.TB, port string) net.Listener {
	tb.Helper()
	listener, err := ListenIn(tb.Context(), n.runtime, "tcp", net.JoinHostPort(NodeAddress, port))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	return listener
}

// NodeAddress is the node's, in every cluster of make up.
const NodeAddress = "172.31.255.1"

// Join passes on what each of two TCP connections says until both have ended, and closes them. That one has said all is passed on
// too, and no more than that: the other may still have to answer.
func Join(near, far net.Conn) {
	defer near.Close()
	defer far.Close()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		passOn(near, far)
	}()
	passOn(far, near)
	<-answered
}

func passOn(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
}
