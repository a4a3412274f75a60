package up

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// storesDoor holds the address that stores are reached at for as long as this program
// runs, so that nobody else takes it while a cluster is built. Until the edge takes over
// it says so to whoever comes.
type storesDoor struct {
	listener *net.TCPListener
	waiting  chan struct{} // closed once the waiting page is no longer served
}

const waitingPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>The cluster is being made ready</title><body style="font:1.1rem/1.5 system-ui;max-width:36rem;margin:18vh auto;padding:0 1.5rem">
<h1>The cluster is being made ready</h1><p>Stores open as soon as it runs. This page looks again by itself.</p></html>
`

func openStoresDoor(address string) (*storesDoor, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the door to the stores: %w", err)
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("the door to the stores isn't TCP"), listener.Close())
	}
	d := &storesDoor{listener: tcp, waiting: make(chan struct{})}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Retry-After", "5")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(waitingPage))
	})}
	go func() {
		defer close(d.waiting)
		// Serve closes the listener it was given when it ends, so it is given one that doesn't.
		_ = server.Serve(unclosed{tcp})
	}()
	return d, nil
}

// unclosed is a listener whose Close leaves the address taken, and whose deadline ends a
// server for good, where the server itself would only try again.
type unclosed struct{ *net.TCPListener }

func (unclosed) Close() error { return nil }

func (u unclosed) Accept() (net.Conn, error) {
	conn, err := u.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, net.ErrClosed
	}
	return conn, err
}

func (d *storesDoor) address() string { return d.listener.Addr().String() }

// handOver ends the waiting page and answers the listener for a process to inherit. It
// may be called again for the next process.
func (d *storesDoor) handOver() (*os.File, error) {
	if err := d.listener.SetDeadline(time.Now()); err != nil {
		return nil, fmt.Errorf("end the waiting page: %w", err)
	}
	<-d.waiting
	return d.listener.File()
}

func (d *storesDoor) close() { _ = d.listener.Close() }
