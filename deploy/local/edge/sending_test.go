package edge

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
)

// shortPause stands in for what a client may pause.
const shortPause = 50 * time.Millisecond

// doorTo is a door to one store, store-a.localhost, whose pod is handler. It answers the door's address.
func doorTo(t *testing.T, pause time.Duration, handler http.HandlerFunc) string {
	t.Helper()
	pod := httptest.NewServer(handler)
	t.Cleanup(pod.Close)
	door := NewDoor(slog.New(slog.DiscardHandler))
	door.pause = pause
	door.Use(NewTable(class,
		[]*networking.Ingress{ingress("store-a", class, 0, map[string]string{"store-a.localhost": "/"})},
		[]*core.Service{service("store-a")},
		[]*discovery.EndpointSlice{endpoints(t, "store-a", strings.TrimPrefix(pod.URL, "http://"), nil)},
	))
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// send opens a connection and writes to it what a client has sent so far.
func send(t *testing.T, address, text string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	return connection
}

const halfSent = "POST / HTTP/1.1\r\nHost: store-a.localhost\r\nContent-Length: 1000\r\n\r\nhalf"

// wantLast wants one answer and then the end of the connection, without sending anything more.
func wantLast(t *testing.T, connection net.Conn, status int, body string) {
	t.Helper()
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status || !strings.Contains(string(got), body) {
		t.Errorf("%d %s, %v", response.StatusCode, got, err)
	}
	if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
		t.Errorf("behind the answer: %q, %v", rest, err)
	}
}

func TestAClientThatStopsSendingIsCutOff(t *testing.T) {
	address := doorTo(t, shortPause, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	wantLast(t, send(t, address, halfSent), http.StatusRequestTimeout, "stopped on its way")
}

func TestAnAnswerReachesAClientThatHasStoppedSending(t *testing.T) {
	address := doorTo(t, time.Hour, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "too much")
	})
	wantLast(t, send(t, address, halfSent), http.StatusRequestEntityTooLarge, "too much")
}

// The pause bounds who sends, not who waits.
func TestAnAnswerMayTakeLongerThanAPause(t *testing.T) {
	address := doorTo(t, shortPause, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-time.After(4 * shortPause):
			_, _ = io.WriteString(w, "at last")
		}
	})
	connection := send(t, address, "POST / HTTP/1.1\r\nHost: store-a.localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfull")
	wantLast(t, connection, http.StatusOK, "at last")
}
