package api

import (
	"net"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

func TestAPreferenceIsReadAsFarAsItCanBe(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"wait=5": 5 * time.Second, "respond-async, WAIT = 5": 5 * time.Second, `wait="5"; a=b`: 5 * time.Second, "wait=2, wait=5": 2 * time.Second,
		"wait=10": longestWait, "wait=11": longestWait, "wait=2147483647": longestWait,
		"": 0, "wait": 0, "wait=": 0, "wait=0": 0, "wait=-1": 0, "wait=1.5": 0, "wait=5s": 0, "waiting=5": 0, "return=minimal": 0, "x;wait=5": 0,
		"wait=99999999999999999999": 0, "wait=x, wait=5": 0,
	} {
		if got := waitOf(header); got != want {
			t.Errorf("%q is a wait of %s, want %s", header, got, want)
		}
	}
}

// peers are the ends of a connection.
func peers(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr)); err != nil {
		t.Fatal(err)
	}
	if server, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = server.Close(), client.Close() })
	return server, client
}

// Neither looks at the store even once: there is none here.
func TestNobodyIsWaitedForWhoHasGoneNorByAGatewayThatGoes(t *testing.T) {
	t.Parallel()
	busy := store.State{Open: []uint64{1}}
	busy.Generation = 1
	for name, prepare := range map[string]func(client *net.TCPConn, closing chan struct{}){
		"the client has gone":  func(client *net.TCPConn, _ chan struct{}) { _ = client.Close() },
		"the gateway is going": func(_ *net.TCPConn, closing chan struct{}) { close(closing) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := peers(t)
			closing := make(chan struct{})
			prepare(client, closing)
			_, whole := new(API).wait(t.Context(), rights.CommandStores, waiter{wait: time.Hour, conn: server, closing: closing}, busy)
			if whole {
				t.Error("it says that it has waited")
			}
		})
	}
}
