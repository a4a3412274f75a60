package provisioner_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Nothing is made of a store whose delete was there first.
func TestADeleteBeforeAnybodyPickedUpMakesNothing(t *testing.T) {
	b := setup(t)
	b.start("janitor")
	id := b.create()
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	_, proxy := b.startBehind("provisioner")
	var mu sync.Mutex
	var asked []string
	proxy.Each(func(c *clustertest.Call) {
		if c.Store() == id {
			mu.Lock()
			asked = append(asked, c.String())
			mu.Unlock()
		}
		c.Forward()
	})
	b.awaitType(id, store.Superseded)
	b.requireGone(id)
	mu.Lock()
	defer mu.Unlock()
	entries, _ := b.history.look()
	if len(asked) != 0 || slices.ContainsFunc(entries, func(e storelog.Entry) bool {
		return e.Message.Type == store.AttemptStarted && e.Message.Actor == "provisioner"
	}) {
		t.Errorf("the provisioner asked for %v:\n%s", asked, b.told(id))
	}
}

// A Helm whose request hangs doesn't keep a delete waiting for longer than one request may take, though the worker
// renews its lease all the while; and what it hung with changes nothing when it gets through at last.
func TestADeleteOvertakesAHelmThatHangs(t *testing.T) {
	b := setup(t)
	_, proxy := b.startBehind("provisioner")
	b.start("janitor")
	hanging, id := b.hold(proxy, makeDeployment)
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	b.awaitType(id, store.Superseded)
	b.awaitClosed(hanging.givenUp, "the provisioner gives up on the request that hangs")
	if status := hanging.land(); !refused(status) {
		t.Errorf("the request that hung was answered with %d", status)
	}
	b.requireGone(id)
	if n := b.count(id, store.Superseded) + b.count(id, store.BecameDeleted); n != 2 {
		t.Errorf("%d terminal events instead of one for each command:\n%s", n, b.told(id))
	}
}

// A namespace that is slow to be made when the delete comes is waited for: given up, it would be made after the delete
// has looked.
func TestADeleteWaitsForANamespaceThatIsUnderWay(t *testing.T) {
	b := setupBy(t, production)
	_, proxy := b.startBehind("provisioner")
	b.start("janitor")
	// Whoever gives up the moment the delete comes never gets to the end of this.
	id := b.untilMade(func() (store.ID, bool) {
		slow, id := b.hold(proxy, makeNamespace)
		b.command(id, store.DeleteCommand, nil)
		select {
		case <-slow.givenUp:
		case <-time.After(absence):
		}
		if status := slow.land(); slow.inTime && status != http.StatusCreated {
			t.Fatalf("the namespace was answered with %d", status)
		}
		return id, slow.inTime
	})
	b.awaitType(id, store.BecameDeleted)
	b.awaitType(id, store.Superseded)
	b.requireGone(id)
}

// Whichever of retry and delete is first, the store is gone in the end, and each command that was admitted ends once.
func TestRetryAgainstDelete(t *testing.T) {
	b := setup(t)
	b.start("provisioner")
	b.start("janitor")
	var all []store.ID
	for range 8 {
		id := b.api.NewID(t)
		all = append(all, id)
		b.command(id, store.CreateCommand, &store.Spec{Name: "Test", Engine: "sample", Version: "1.0.0", Plan: "none such"})
		b.awaitType(id, store.BecameFailed)
		var both sync.WaitGroup
		var retried, deleted error
		both.Go(func() { retried = b.ask(id, store.Retry) })
		both.Go(func() { deleted = b.ask(id, store.Delete) })
		both.Wait()
		if deleted != nil || retried != nil && !errors.Is(retried, store.ErrAlready) && !errors.Is(retried, store.ErrDeleted) {
			t.Fatalf("the delete: %v; the retry: %v", deleted, retried)
		}
		b.awaitType(id, store.BecameDeleted)
		commands := 2
		if retried == nil {
			commands = 3
		}
		b.awaitEnds(id, commands)
	}
	b.requireAllGone(all)
}

// ask appends a command if it is admitted, as the gateway does.
func (b *bundle) ask(id store.ID, verb store.Verb) error {
	_, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		verb := store.Intent(s, verb)
		if err := store.Admit(s, verb); err != nil {
			return nil, err
		}
		return &store.Message{Type: store.Type(verb), Actor: "test", Time: time.Now()}, nil
	})
	return err
}
