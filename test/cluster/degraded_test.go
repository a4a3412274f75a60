package cluster_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// change does one thing to a store by hand, past the platform.
func (b *bench) change(method, path string, body any) {
	b.Helper()
	if status, err := b.kubernetes.Do(b.T.Context(), method, path, body, nil); err != nil || status >= http.StatusMultipleChoices {
		b.Fatalf("%s %s: %d %v", method, path, status, err)
	}
}

// mended waits for a store that was changed by hand to be found, and to be Ready again.
func (b *bench) mended(feed *platform.Feed, words string) query.Store {
	b.Helper()
	seen := feed.UntilType(b.T, store.MendCommand)
	found := *seen[len(seen)-1].Store
	if found.Status != store.Degraded || found.URL == "" || found.Reason != "DriftFound" || found.Message == "" || !strings.Contains(found.Detail, words) {
		b.Fatalf("while it is mended: %+v, want the words %q", found, words)
	}
	seen = feed.UntilType(b.T, store.BecameReady)
	ready := *seen[len(seen)-1].Store
	if ready.Status != store.Ready || ready.Reason != "" || ready.URL != found.URL {
		b.Fatalf("after the mend: %+v", ready)
	}
	return ready
}

func TestAStoreThatWasStoppedByHandIsMended(t *testing.T) {
	b := setup(t)
	s := b.ready("Stopped by hand")
	order := b.Buy(t, s)
	password := b.Password(t, s.ID)
	feed := b.Follow(t, "", s.ID)
	b.change(http.MethodPatch, "/apis/apps/v1/namespaces/"+s.ID.Namespace()+"/deployments/store", map[string]any{"spec": map[string]any{"replicas": 0}})
	s = b.mended(feed, "deployment/store: spec.replicas")
	if orders := b.Orders(t, s, password); len(orders) != 1 || orders[0] != order {
		t.Fatalf("its orders are %v, want %s", orders, order)
	}
}

// A shop that doesn't start any more is told of by its cause, keeps its address, links and passwords, and is Ready when
// it starts again.
func TestAShopThatCrashesIsDegradedUntilItRuns(t *testing.T) {
	b := setup(t)
	s := b.ready("Crashes")
	order := b.Buy(t, s)
	password := b.Password(t, s.ID)
	secret := "/api/v1/namespaces/" + s.ID.Namespace() + "/secrets/store-credentials"
	var held struct {
		Data map[string]string `json:"data"`
	}
	if status, err := b.kubernetes.Do(t.Context(), http.MethodGet, secret, nil, &held); err != nil || status != http.StatusOK {
		t.Fatalf("read the Secret: %d %v", status, err)
	}
	told := b.Follow(t, "", s.ID)
	// The shop refuses a key that is too short, as it begins.
	b.change(http.MethodPatch, secret, map[string]any{"data": map[string]string{"cookie-key": "c2hvcnQ="}})
	b.restart(s.ID)
	seen := told.Until(t, func(m feed.Message) bool {
		return m.Event.Type == store.BecameDegraded && m.Event.Facts.Reason == "CrashLoopBackOff"
	})
	degraded := *seen[len(seen)-1].Store
	if degraded.Status != store.Degraded || degraded.URL != s.URL || degraded.Operation != "" || !strings.Contains(degraded.Detail, "deployment/store") {
		t.Fatalf("degraded: %+v", degraded)
	}
	if got := b.Password(t, s.ID); got != password {
		t.Fatal("its password is another while it is Degraded")
	}
	b.toldToCrash(s.ID)
	b.change(http.MethodPatch, secret, map[string]any{"data": map[string]string{"cookie-key": held.Data["cookie-key"]}})
	b.restart(s.ID)
	seen = told.UntilType(t, store.Recovered)
	recovered := *seen[len(seen)-1].Store
	if recovered.Status != store.Ready || recovered.Reason != "" || recovered.URL != s.URL {
		t.Fatalf("recovered: %+v", recovered)
	}
	if orders := b.Orders(t, recovered, password); len(orders) != 1 || orders[0] != order {
		t.Fatalf("its orders are %v, want %s", orders, order)
	}
}

// restart removes the store's pods, for others to take their place.
func (b *bench) restart(id store.ID) {
	b.Helper()
	for _, pod := range b.kubernetes.Pods(b.T, id.Namespace(), "store-platform.io/store="+string(id)) {
		b.change(http.MethodDelete, "/api/v1/namespaces/"+id.Namespace()+"/pods/"+pod.Metadata.Name, nil)
	}
}

// What is opened by hand is closed again: a store without its policies works, and isn't as it was made.
func TestANetworkPolicyRemovedByHandIsMended(t *testing.T) {
	b := setup(t)
	s := b.ready("Without a policy")
	feed := b.Follow(t, "", s.ID)
	b.change(http.MethodDelete, "/apis/networking.k8s.io/v1/namespaces/"+s.ID.Namespace()+"/networkpolicies/deny-by-default", nil)
	b.mended(feed, "networkpolicy/deny-by-default")
}
