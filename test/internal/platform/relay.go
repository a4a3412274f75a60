package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
)

// Relay listens on this machine's loopback until the test ends, and passes on to an address that only the node can reach, such as a
// Service's. It answers where.
func (n Node) Relay(tb testing.TB, address string) string {
	tb.Helper()
	return RelayIn(tb, n.runtime, address)
}

// RelayIn is Relay to where a process's network leads: into a pod's own loopback, for one, as a port is forwarded.
func RelayIn(tb testing.TB, pid int, address string) string {
	tb.Helper()
	return relay(tb, func(ctx context.Context) (net.Conn, error) { return DialIn(ctx, pid, "tcp", address) })
}

// FromElsewhere is Relay to an address of this machine, where who comes by it is seen to come from another machine: by an address that
// isn't the loopback's.
func FromElsewhere(tb testing.TB, address string) string {
	tb.Helper()
	as, err := outward()
	if err != nil {
		tb.Fatal(err)
	}
	return relay(tb, func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: as}}).DialContext(ctx, "tcp", address)
	})
}

// outward is an address of this machine that others know it by.
func outward() (net.IP, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list this machine's addresses: %w", err)
	}
	for _, address := range all {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			return network.IP, nil
		}
	}
	return nil, errors.New("this machine has no address but its loopback's, so nobody can come from elsewhere")
}

// relay listens on this machine's loopback until the test ends, and passes on to what dial connects to. It answers where.
func relay(tb testing.TB, dial func(context.Context) (net.Conn, error)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	ctx := tb.Context()
	go Relay(listener, func() (net.Conn, error) { return dial(ctx) })
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
	return n.listen(tb, net.JoinHostPort(NodeAddress, port))
}

// ListenBeside listens on the node's loopback, where what runs beside pods reaches it: the API server.
func (n Node) ListenBeside(tb testing.TB) net.Listener {
	tb.Helper()
	return n.listen(tb, "127.0.0.1:0")
}

func (n Node) listen(tb testing.TB, address string) net.Listener {
	tb.Helper()
	listener, err := ListenIn(tb.Context(), n.runtime, "tcp", address)
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
