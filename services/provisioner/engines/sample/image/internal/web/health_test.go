package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
)

func TestHealthAsksTheOrders(t *testing.T) {
	s := setup(t)
	s.fill()
	s.post("/checkout", address())
	response, body := s.do(http.MethodGet, "/healthz", "")
	var health struct {
		Ready            bool
		Orders, Products int
	}
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || !health.Ready || health.Orders != 1 || health.Products != catalogue.Size {
		t.Errorf("%s %+v", response.Status, health)
	}
	if err := os.Remove(filepath.Join(s.folder, "orders.jsonl")); err != nil {
		t.Fatal(err)
	}
	response, body = s.do(http.MethodGet, "/healthz", "")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, `"ready":false`) {
		t.Errorf("without its log: %s %s", response.Status, body)
	}
	if response, _ := s.do(http.MethodGet, "/livez", ""); response.StatusCode != http.StatusOK {
		t.Errorf("livez: %s", response.Status)
	}
}

// A shop that is asked all day, by anybody, leaves its volume in peace.
func TestOnlyTheCheckWrites(t *testing.T) {
	s := setup(t)
	for _, path := range []string{"/livez", "/healthz", "/check"} {
		if response, body := s.do(http.MethodGet, path, ""); response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", path, response.Status, body)
		}
		files, err := os.ReadDir(s.folder)
		if err != nil {
			t.Fatal(err)
		}
		if wrote := len(files) > 1; wrote != (path == "/check") {
			t.Errorf("after %s the volume holds %v", path, files)
		}
	}
}

func TestTheCheckSaysWhyOrdersArentKept(t *testing.T) {
	s := setup(t)
	if response, body := s.do(http.MethodGet, "/check", ""); response.StatusCode != http.StatusOK || strings.TrimSpace(body) != `{"ok":true}` {
		t.Errorf("%s %s", response.Status, body)
	}
	s = setup(t) // one that nobody has asked
	if err := os.Remove(filepath.Join(s.folder, "orders.jsonl")); err != nil {
		t.Fatal(err)
	}
	response, body := s.do(http.MethodGet, "/check", "")
	if response.StatusCode != http.StatusServiceUnavailable || strings.TrimSpace(body) != `{"cause":"OrdersNotKept","ok":false}` {
		t.Errorf("without its log: %s %s", response.Status, body)
	}
}

// Whoever asks, there is one look in a while, and sooner where something is wrong.
func TestNobodyDrivesTheLooks(t *testing.T) {
	var c checkup
	looks := 0
	broken := func() error { looks++; return io.EOF }
	full := func() error { looks++; return orders.ErrFull }
	well := func() error { looks++; return nil }
	for _, step := range []struct {
		name  string
		after time.Duration
		look  func() error
		looks int
		want  error
		news  bool
	}{
		{"at first", 0, well, 1, nil, false},
		{"soon after", illFor, broken, 1, nil, false},
		{"in time", wellFor, broken, 2, io.EOF, true},
		{"again at once", 0, well, 2, io.EOF, false},
		{"the same once more", illFor, broken, 3, io.EOF, false},
		{"another cause", illFor, full, 4, orders.ErrFull, true},
		{"mended", illFor, well, 5, nil, false},
	} {
		c.looked = c.looked.Add(-step.after)
		news, err := c.ask(step.look)
		if !errors.Is(err, step.want) || news != step.news || looks != step.looks {
			t.Errorf("%s: %v, news %v, %d looks", step.name, err, news, looks)
		}
	}
}

func TestAFaultThatLastsIsLoggedOnce(t *testing.T) {
	s := setup(t)
	if err := os.Remove(filepath.Join(s.folder, "orders.jsonl")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if response, body := s.do(http.MethodGet, "/check", ""); response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s %s", response.Status, body)
		}
	}
	s.server.Close() // the last line is written after its answer
	if lines := strings.Count(s.log.String(), `"GET /check"`); lines != 1 {
		t.Errorf("%d lines:\n%s", lines, s.log)
	}
}

func TestEachRefusalHasItsCause(t *testing.T) {
	for err, want := range map[error]string{
		orders.ErrNoRoom: "OrdersVolumeFull", orders.ErrReadOnly: "OrdersReadOnly", orders.ErrFull: "OrderBookFull", io.EOF: "OrdersNotKept",
	} {
		if got := causeOf(err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}
