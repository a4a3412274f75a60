package platform

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// DialIn connects from within the network that a process is in: a pod's, or the node's. The address is one of numbers.
func DialIn(ctx context.Context, pid int, network, address string) (net.Conn, error) {
	return within(pid, func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) })
}

// ListenIn listens there.
func ListenIn(ctx context.Context, pid int, network, address string) (net.Listener, error) {
	return within(pid, func() (net.Listener, error) { return new(net.ListenConfig).Listen(ctx, network, address) })
}

// within makes a socket, which stays in the network that it was made in.
func within[T any](pid int, open func() (T, error)) (made T, err error) {
	space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return made, fmt.Errorf("find the network of process %d: %w", pid, err)
	}
	defer space.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: the thread, which isn't where others expect to be, ends with this goroutine.
		runtime.LockOSThread()
		if err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("enter the network of process %d: %w", pid, err)
			return
		}
		made, err = open()
	}()
	<-done
	return made, err
}
