// Package cluster_test holds the promises against a running platform and its real cluster. All tests of a run share one
// installation, so each looks at its own stores only. What disturbs the stores of others comes first, while there are none: a
// kill of the provisioner costs whatever is in work half a minute, until its lease has run out.
package cluster_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// gone lists the stores that tests have seen deleted. At the end of the run none of them may have come back.
var gone struct {
	sync.Mutex
	ids []store.ID
	on  *platform.Kubernetes
}

func TestMain(m *testing.M) {
	guard.Main()
	code := m.Run()
	for _, id := range gone.ids {
		if status, err := gone.on.Do(context.Background(), http.MethodGet, "/api/v1/namespaces/"+id.Namespace(), nil, nil); err != nil || status != http.StatusNotFound {
			fmt.Println("FAIL: deleted store", id, "has a namespace again:", status, err)
			code = 1
		}
	}
	os.Exit(code)
}

// bench is one test's view of the platform.
type bench struct {
	*testing.T
	*platform.Platform
	kubernetes *platform.Kubernetes
}

func setup(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	return inTurn(t)
}

// inTurn is for what disturbs others, or is disturbed by them: a test that isn't parallel runs before all that are, and a part
// of one that is after the part before it.
func inTurn(t *testing.T) *bench {
	t.Helper()
	p := platform.Open(t)
	return &bench{T: t, Platform: p, kubernetes: p.Kubernetes(t)}
}

// ready creates a store and waits until it is Ready. The store is deleted with the test.
func (b *bench) ready(name string) query.Store {
	b.Helper()
	s := b.Create(b.T, name)
	b.Cleanup(func() { b.remove(s.ID) })
	seen := b.Follow(b.T, b.before(s), s.ID).UntilType(b.T, store.BecameReady)
	return *seen[len(seen)-1].Store
}

// at is a store as its shop's customers and merchant meet it.
func (b *bench) at(tb testing.TB, s query.Store) (shops.Shop, shops.At) {
	tb.Helper()
	shop, known := shops.Of(s.Engine)
	if !known {
		tb.Fatalf("nobody has written down how one buys in a shop of %q", s.Engine)
	}
	return shop, shops.At{Platform: b.Platform, Store: s}
}

// Buy places an order and returns what Orders lists.
func (b *bench) Buy(tb testing.TB, s query.Store) string {
	tb.Helper()
	shop, at := b.at(tb, s)
	order, err := shop.Buy(tb.Context(), at)
	if err != nil {
		tb.Fatalf("buy: %v", err)
	}
	return order
}

// Orders lists the shop's orders as its merchant.
func (b *bench) Orders(tb testing.TB, s query.Store, password string) []string {
	tb.Helper()
	shop, at := b.at(tb, s)
	orders, err := shop.Orders(tb.Context(), at, query.Credential{Username: b.Credentials(tb, s.ID)[0].Username, Password: password})
	if err != nil {
		tb.Fatalf("list the orders: %v", err)
	}
	return orders
}

// Password is the merchant's.
func (b *bench) Password(tb testing.TB, id store.ID) string {
	tb.Helper()
	return b.Credentials(tb, id)[0].Password
}

// remove deletes what a test leaves, without waiting for it.
func (b *bench) remove(id store.ID) {
	if _, err := b.Call(context.Background(), http.MethodDelete, "/stores/"+string(id), nil, nil); err != nil {
		b.Logf("clean up: %v", err)
	}
}

// before is the cursor just before a store's first message: one follows it from its beginning however late.
func (b *bench) before(s query.Store) string {
	b.Helper()
	hello := b.Follow(b.T, "", s.ID)
	cursor, err := feed.ParseCursor(hello.Cursor)
	if err != nil {
		b.Fatal(err)
	}
	hello.Close()
	return feed.Cursor{Epoch: cursor.Epoch, Seq: s.Generation - 1}.String()
}

// expectGone holds that nothing of a deleted store is left, now and at the end of the run.
func (b *bench) expectGone(id store.ID) {
	b.Helper()
	if status := b.kubernetes.Status(b.T, "/api/v1/namespaces/"+id.Namespace()); status != http.StatusNotFound {
		b.Fatalf("namespace %s: status %d", id.Namespace(), status)
	}
	gone.Lock()
	defer gone.Unlock()
	gone.ids, gone.on = append(gone.ids, id), b.kubernetes
}

// milestones picks the types of a history in order, each the first time it stands there.
func milestones(events []query.Event) []store.Type {
	var types []store.Type
	seen := map[store.Type]bool{}
	for _, e := range events {
		if !seen[e.Type] {
			seen[e.Type] = true
			types = append(types, e.Type)
		}
	}
	return types
}
