package installed_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// Two clients' addresses, in networks that are nobody's.
const (
	oneClient     = "203.0.113.7"
	anotherClient = "198.51.100.9"
)

// tellsClientsApart holds that behind the proxy that the values trust a client is its address, whatever it says itself, and that nobody
// else's word is taken: neither that of the ingress controller's neighbour, nor that of a proxy in the gateway's own pod. own is of who
// comes by the door to the stores from this machine.
func (i *installation) tellsClientsApart(t *testing.T, own query.Store) {
	t.Helper()
	gateway := i.Pods(t, i.Namespace, component+"=gateway")[0]
	address := net.JoinHostPort(gateway.Status.IP, "8080")
	from := func(relay string) *platform.Platform { return &platform.Platform{API: "http://" + relay} }
	// What comes from the node comes from where the door's requests do.
	trusted := from(i.Release.Node(t).Relay(t, address))
	other := from(platform.RelayIn(t, process(t, i.Pods(t, i.namespaceOf(controller), "")[0]), address))
	beside := from(platform.RelayIn(t, process(t, gateway), "127.0.0.1:8080"))

	theirs := trusted.Create(t, "Behind a proxy", "X-Forwarded-For", oneClient)
	t.Cleanup(func() { i.removeNamespace(t, theirs.ID) })
	path := "/stores/" + string(theirs.ID)
	for _, asked := range []struct {
		who    string
		by     *platform.Platform
		path   string
		hops   string
		status int
		code   string
	}{
		{"a client", trusted, path, oneClient, http.StatusOK, ""},
		{"a client that has invented another", trusted, path, anotherClient + ", " + oneClient, http.StatusOK, ""},
		{"another client", trusted, path, anotherClient, http.StatusNotFound, "not_found"},
		{"another client that has invented the first", trusted, path, oneClient + ", " + anotherClient, http.StatusNotFound, "not_found"},
		{"who is trusted and doesn't say for whom", trusted, path, "unknown", http.StatusBadRequest, "forwarded_unreadable"},
		{"this machine's, who comes by the door", trusted, "/stores/" + string(own.ID), "127.0.0.1", http.StatusOK, ""},
		{"another than this machine's", trusted, "/stores/" + string(own.ID), oneClient, http.StatusNotFound, "not_found"},
		{"a proxy that isn't trusted", other, path, oneClient, http.StatusNotFound, "not_found"},
		{"a proxy in the gateway's pod that isn't trusted", beside, path, oneClient, http.StatusForbidden, "proxy_not_trusted"},
	} {
		if status, code := ask(t, asked.by, asked.path, asked.hops); status != asked.status || code != asked.code {
			t.Errorf("%s, forwarded for %q, is answered %d %q, and not %d %q", asked.who, asked.hops, status, code, asked.status, asked.code)
		}
	}
	// The door to the stores says who came, and not what that one says to be.
	status, err := i.Call(t.Context(), http.MethodGet, path, nil, nil, "X-Forwarded-For", oneClient)
	if status != http.StatusNotFound {
		t.Errorf("who comes by the door and says to be %s is answered %d %v", oneClient, status, err)
	}
	removes(t, trusted, theirs, oneClient)
}

// ask answers the status, and the gateway's word for a refusal.
func ask(t *testing.T, by *platform.Platform, path, hops string) (status int, code string) {
	t.Helper()
	status, err := by.Call(t.Context(), http.MethodGet, path, nil, nil, "X-Forwarded-For", hops)
	var refused *platform.Problem
	if errors.As(err, &refused) {
		return status, refused.Code
	}
	if err != nil {
		t.Fatal(err)
	}
	return status, ""
}

// removes deletes a client's store, and waits until it is gone.
func removes(t *testing.T, by *platform.Platform, s query.Store, hops string) {
	t.Helper()
	path := "/stores/" + string(s.ID)
	if status, err := by.Call(t.Context(), http.MethodDelete, path, nil, nil, "X-Forwarded-For", hops); err != nil {
		t.Fatalf("delete store %s: %d %v", s.ID, status, err)
	}
	waittest.Eventually(t, func() error {
		var now query.Store
		if _, err := by.Call(t.Context(), http.MethodGet, path, nil, &now, "X-Forwarded-For", hops); err != nil {
			return err
		}
		if now.Status != store.Deleted {
			return fmt.Errorf("store %s is %s", s.ID, now.Status)
		}
		return nil
	})
}
