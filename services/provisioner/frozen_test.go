package provisioner_test

import (
	"net/http"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

// freeze stops a provisioner at a request that has left it, and that nothing can call back any more.
func (b *bundle) freeze(request string) (store.ID, *worker, *held) {
	b.t.Helper()
	frozen, proxy := b.startBehind("provisioner")
	late, id := b.hold(proxy, request)
	b.signal(frozen, syscall.SIGSTOP)
	return id, frozen, late
}

// wake lets a frozen worker go on, and waits until it has understood that the store isn't its any more.
func (b *bundle) wake(w *worker) {
	b.t.Helper()
	b.signal(w, syscall.SIGCONT)
	b.awaitOutput(w, "the lease was lost", "superseded by a newer command")
}

// refused says whether the API server had no place for a request: with the namespace the worker's rights in it are gone.
func refused(status int) bool { return status == http.StatusNotFound || status == http.StatusForbidden }

// A write of a frozen worker that lands after the delete finds nothing to land in.
func TestALateWriteDoesNotSurviveTeardown(t *testing.T) {
	b := setup(t)
	id, frozen, late := b.freeze(makeDeployment)
	b.start("janitor")
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	if status := late.land(); !refused(status) {
		t.Errorf("the late write was answered with %d", status)
	}
	b.wake(frozen)
	b.awaitType(id, store.Superseded)
	b.requireGone(id)
	if s := b.state(id); s.Status != store.Deleted || s.InFlight() {
		t.Errorf("the store is %s, in flight: %t:\n%s", s.Status, s.InFlight(), b.told(id))
	}
}

// Only the namespace itself can come back, if its making lands after the delete: no store in it, nothing told of it. It
// carries what a sweep finds it by, and the delete that a sweep asks for removes it for good.
func TestALateNamespaceIsEmptyAndFoundAndRemoved(t *testing.T) {
	b := setup(t)
	id, frozen, late := b.freeze(makeNamespace)
	b.start("janitor")
	b.command(id, store.DeleteCommand, nil)
	b.awaitType(id, store.BecameDeleted)
	if status := late.land(); status != http.StatusCreated {
		t.Fatalf("the late namespace was answered with %d", status)
	}
	b.wake(frozen)
	b.awaitType(id, store.Superseded)
	live, err := b.api.Admin.CoreV1().Namespaces().Get(t.Context(), id.Namespace(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if live.Labels[cluster.LabelInstallation] != b.installation || live.Labels[cluster.LabelStore] != string(id) {
		t.Errorf("a sweep wouldn't find it: %v", live.Labels)
	}
	if quotas, err := b.api.Admin.CoreV1().ResourceQuotas(id.Namespace()).List(t.Context(), metav1.ListOptions{}); err != nil || len(quotas.Items) != 0 {
		t.Errorf("the woken worker went on: %d quotas, %v", len(quotas.Items), err)
	}
	b.command(id, store.DeleteCommand, nil)
	b.awaitCount(id, store.BecameDeleted, 2)
	b.requireGone(id)
}

// The last word of a frozen worker's Helm doesn't change what another has made meanwhile.
func TestALateWriteDoesNotTouchWhatAnotherMade(t *testing.T) {
	b := setup(t).serving()
	direct := b.kubeconfigs["provisioner"]
	id, frozen, late := b.freeze(endRevision)
	b.kubeconfigs["provisioner"] = direct
	b.start("provisioner")
	b.awaitType(id, store.BecameReady)
	before := b.state(id).Version
	passwords := b.passwords(id)
	if status := late.land(); status != http.StatusConflict {
		t.Errorf("the late write was answered with %d", status)
	}
	b.wake(frozen)
	b.requireOneRelease(t, id, 2)
	if after := b.state(id); after.Version != before || after.Status != store.Ready {
		t.Errorf("the woken worker wrote to the log:\n%s", b.told(id))
	}
	if now := b.passwords(id); string(now["admin-password"]) != string(passwords["admin-password"]) {
		t.Error("the passwords have changed")
	}
}
