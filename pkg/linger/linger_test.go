package linger

import (
	"errors"
	"net"
	"os"
	"testing"
)

// Who has opened a connection ahead keeps no gateway that ends; who has asked something on one is heard out.
func TestAConnectionOnWhichNothingCameEndsWithItsListener(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := Over(plain)
	connect := func() (client, server net.Conn) {
		if client, err = net.Dial("tcp", plain.Addr().String()); err == nil {
			server, err = listener.Accept()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = client.Close(), server.Close() })
		return client, server
	}
	_, silent := connect()
	asking, asked := connect()
	says := func() {
		t.Helper()
		if _, err := asking.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := asked.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("read %d bytes, %v", n, err)
		}
	}
	says()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("who said nothing is read until %v", err)
	}
	says()
}
