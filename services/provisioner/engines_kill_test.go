package provisioner_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// Engines differ in what their releases hold. A provisioner is killed after each object of a release that it has made, and
// another takes over: the store is the one that nobody harmed, and its passwords are the first ones. All other requests
// are the same for every engine; the smallest one's test strikes at them.
func TestAProvisionerKilledAtAnyObjectOfAnyEngineLeavesAWholeStore(t *testing.T) {
	t.Parallel()
	for _, pack := range shipped(t) {
		if pack.Tier == engine.TierDemo {
			continue
		}
		t.Run(pack.Name, func(t *testing.T) {
			b := setup(t).serving()
			b.shop.serveAs(pack.Probe)
			plan, err := pack.Plan("")
			if err != nil {
				t.Fatal(err)
			}
			create := func() store.ID {
				id := b.api.NewID(t)
				b.createOf(id, pack, plan.Name)
				return id
			}
			unharmed := create()
			points := b.observe("provisioner", unharmed, store.BecameReady)
			strikes := b.newStrikes()
			begun := orderOf(points, "POST /api/v1/namespaces/NAMESPACE/secrets", 2)
			for order, p := range points {
				if order >= begun && !p.reads() {
					strikes.add(create(), order, p, executed)
				}
			}
			if len(strikes.byStore) < len(pack.Workloads)+2 {
				t.Fatalf("only %d changes of a release of %d workloads were seen: %v", len(strikes.byStore), len(pack.Workloads), points)
			}
			b.besiege("provisioner", strikes, store.BecameReady)
			want := b.inventory(unharmed)
			for _, s := range strikes.inOrder() {
				more := b.requireOneEnd(t, s, store.BecameReady)
				// Helm makes the objects of one kind at once: an end behind one of them may cut another in the middle.
				cut := strike{point: s.point, order: s.order, landed: s.landed, ending: interrupted}
				b.requireOneRelease(t, s.store, revisionsAfter(points, &cut)+more)
				b.requireSame(t, s.store, want)
				if now := b.passwords(s.store); s.secret != nil && !maps.EqualFunc(s.secret, now, slices.Equal) {
					t.Errorf("%s: the passwords have changed", s)
				}
				if !s.landed {
					t.Errorf("%s: it wasn't come to", s)
				}
			}
		})
	}
}
