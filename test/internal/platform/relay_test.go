package platform_test

import (
	"io"
	"net"
	"testing"

	"github.com/store-platform/store-platform/test/internal/platform"
)

func TestWhoHasSaidAllIsStillAnswered(t *testing.T) {
	client, near := connected(t)
	far, server := connected(t)
	go platform.Join(near, far)
	say := func(who *net.TCPConn, what string) {
		t.Helper()
		if _, err := io.WriteString(who, what); err != nil {
			t.Fatal(err)
		}
		if err := who.CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(who *net.TCPConn, want string) {
		t.Helper()
		if heard, err := io.ReadAll(who); err != nil || string(heard) != want {
			t.Fatalf("heard %q, %v; want %q", heard, err, want)
		}
	}
	say(client, "question")
	hear(server, "question")
	say(server, "answer")
	hear(client, "answer")
}

// connected are the two ends of a connection.
func connected(t *testing.T) (one, other *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dialed.Close(), accepted.Close() })
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn)
}
