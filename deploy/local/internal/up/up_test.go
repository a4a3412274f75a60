package up

import (
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/guard"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestTheDoorIsHeldUntilAProcessTakesOver(t *testing.T) {
	door, err := openStoresDoor("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(door.close)
	if status, body := get(t, door.address()); status != http.StatusServiceUnavailable || !strings.Contains(body, "being made ready") {
		t.Errorf("while waiting: %d %s", status, body)
	}
	// Twice: a cluster that is started again has a new edge.
	for _, name := range []string{"first", "second"} {
		file, err := door.handOver()
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}
		go func() { _ = server.Serve(listener) }()
		if status, body := get(t, door.address()); status != http.StatusOK || body != name {
			t.Errorf("after it took over: %d %s", status, body)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if other, err := net.Listen("tcp", door.address()); err == nil {
			_ = other.Close()
			t.Error("somebody else could take the address in between")
		}
	}
}

func TestChosenPortsAreOutOfTheWay(t *testing.T) {
	address, err := settled("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if number, err := strconv.Atoi(port); err != nil || number < firstPort || number > lastPort {
		t.Errorf("port %s", port)
	}
	if kept, err := settled("127.0.0.1:8080"); err != nil || kept != "127.0.0.1:8080" {
		t.Errorf("a chosen address became %s, %v", kept, err)
	}
}

func TestServicesDontInheritTheUsersSettings(t *testing.T) {
	t.Setenv("KUBECONFIG", "/the/users/own")
	t.Setenv("NATS_URL", "nats://elsewhere")
	t.Setenv("MAX_STORES", "7")
	r := &run{Options: Options{State: "/state"}}
	environment := strings.Join(r.environment(), "\n")
	for name, want := range map[string]bool{"KUBECONFIG=": false, "NATS_URL=": false, "MAX_STORES=7": true, "HOME=/state": true} {
		if strings.Contains(environment, name) != want {
			t.Errorf("%s in the environment is not %v: %s", name, want, environment)
		}
	}
}
