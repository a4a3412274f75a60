package provisioner_test

import (
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

// A delete that comes at any moment of the provisioning ends with nothing left, and nothing coming back.
func TestDeleteAtEachStep(t *testing.T) {
	t.Parallel()
	begun := func(b *bundle, id store.ID) { b.awaitType(id, store.AttemptStarted) }
	behind := func(step string) func(*bundle, store.ID) {
		return func(b *bundle, id store.ID) { b.awaitStep(id, step) }
	}
	for during, reached := range map[string]func(*bundle, store.ID){
		"namespace":   begun,
		"isolation":   behind("namespace"),
		"credentials": behind("isolation"),
		"release":     behind("credentials"),
		"workloads":   behind("release"),
		"http":        behind("workloads"),
	} {
		t.Run(during, func(t *testing.T) {
			b := setup(t)
			// The shop stays closed, and the pods don't start before the last case: no store can get past its step.
			if during == "http" {
				b.startKubelet()
			}
			b.start("provisioner")
			b.start("janitor")
			id := b.create()
			reached(b, id)
			b.command(id, store.DeleteCommand, nil)
			b.awaitType(id, store.BecameDeleted)
			b.awaitType(id, store.Superseded)
			b.requireGone(id)
			if s := b.state(id); s.Status != store.Deleted || s.InFlight() {
				t.Errorf("the store is %s, in flight: %t", s.Status, s.InFlight())
			}
			if n := b.count(id, store.Superseded) + b.count(id, store.BecameDeleted); n != 2 {
				t.Errorf("%d terminal events instead of one for each command:\n%s", n, b.told(id))
			}
		})
	}
}

func TestDeleteOfReadyStore(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	b.start("janitor")
	id := b.create()
	ready := b.awaitType(id, store.BecameReady)
	url := "http://store-" + string(id) + "." + baseDomain
	if got := ready.State.URL; got != url {
		t.Errorf("the store's URL is %q, want %q", got, url)
	}
	if got := ready.Message.Facts.Via; got != "ingress" {
		t.Errorf("probed by %q, want the ingress", got)
	}
	if host := *b.shop.host.Load(); "http://"+host != url {
		t.Errorf("the probe asked for the host %q", host)
	}
	b.requireAttempts(t, ready, 1)
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	b.requireGone(id)
}
