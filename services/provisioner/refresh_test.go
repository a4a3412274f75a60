package provisioner_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// restartSaying has another provisioner in the place of w, in an installation that says so of its stores.
func (b *bundle) restartSaying(w *worker, setting string) *worker {
	b.t.Helper()
	w.kill()
	b.environment = []string{setting}
	return b.start("provisioner")
}

// Other settings reach the stores that stand, each by an operation of its own that nobody asked for and nobody notices; one
// that is suspended stays so, and so does the class of volumes that are there.
func TestStoresThatStandTakeOverOtherSettings(t *testing.T) {
	b := setup(t).serving().fronts()
	b.environment = []string{says(t, "storageClass: first")}
	before := b.start("provisioner")
	statuses := map[store.ID]store.Status{b.ready(): store.Ready, b.ready(): store.Ready}
	suspended := b.ready()
	statuses[suspended] = store.Suspended
	if err := b.ask(suspended, store.Suspend); err != nil {
		t.Fatal(err)
	}
	b.awaitType(suspended, store.BecameSuspended)

	b.restartSaying(before, saysOfStores(t, everySetting))
	for id, status := range statuses {
		asked := b.awaitType(id, store.RefreshCommand)
		b.await(id, "the refresh", func(e storelog.Entry) bool {
			return e.Message.Generation == asked.Message.Seq && e.Message.Type.IsTerminal()
		})
		b.requireSaid(id, demo(t), "first")
		b.requireUnnoticed(id, asked, status)
	}
	b.requireSaid(b.ready(), demo(t), "fast")
	for id := range statuses {
		if n := b.count(id, store.RefreshCommand); n != 1 {
			t.Errorf("%d refreshes:\n%s", n, b.told(id))
		}
	}
}

// Whom stores let in is said by the installation, too: when that is somebody else, nobody has changed a policy by hand.
func TestAnotherIngressNamespaceReachesStoresByTheirRefresh(t *testing.T) {
	b := setup(t).serving()
	b.environment = []string{"INGRESS_NAMESPACE=first"}
	before := b.start("provisioner")
	ids := []store.ID{b.ready(), b.ready(), b.ready()}
	b.restartSaying(before, "INGRESS_NAMESPACE=second")
	for _, id := range ids {
		asked := b.awaitType(id, store.RefreshCommand)
		b.await(id, "the refresh", func(e storelog.Entry) bool {
			return e.Message.Generation == asked.Message.Seq && e.Message.Type.IsTerminal()
		})
		b.requireUnnoticed(id, asked, store.Ready)
		doors, err := b.api.Admin.NetworkingV1().NetworkPolicies(id.Namespace()).Get(t.Context(), "allow-ingress", metav1.GetOptions{})
		if err != nil || doors.Spec.Ingress[0].From[0].NamespaceSelector.MatchLabels[corev1.LabelMetadataName] != "second" {
			t.Errorf("let in are %+v, %v", doors.Spec.Ingress, err)
		}
	}
}

// requireUnnoticed: since the refresh was asked for the store is what it was, at its address, and nobody was said to have
// changed anything.
func (b *bundle) requireUnnoticed(id store.ID, asked storelog.Entry, status store.Status) {
	b.t.Helper()
	entries, _ := b.history.look()
	for _, e := range entries {
		if e.Message.Store != id || e.Message.Seq < asked.Message.Seq {
			continue
		}
		if e.State.Status != status || e.State.URL == "" {
			b.t.Errorf("a %s left it %s at %q, want %s:\n%s", e.Message.Type, e.State.Status, e.State.URL, status, b.told(id))
		}
	}
	if s := b.state(id); s.Outcome != store.Succeeded || asked.Message.Actor != "keeper" {
		b.t.Errorf("the refresh, asked for by %s, is %s:\n%s", asked.Message.Actor, s.Outcome, b.told(id))
	}
	if n := b.count(id, store.MendCommand) + b.count(id, store.BecameDegraded); n != 0 {
		b.t.Errorf("something was said to be wrong:\n%s", b.told(id))
	}
}

// A release that doesn't know the verb may run beside this one until the level is raised. Until then the stores stay as they
// are, and nobody is said to have changed them; then they are refreshed by who runs already.
func TestNobodyIsRefreshedBelowTheWriteLevel(t *testing.T) {
	b := setup(t).serving()
	b.lowerWriteLevel()
	before := b.start("provisioner")
	id := b.ready()
	b.restartSaying(before, saysOfStores(t, everySetting))
	b.setPods(id, podCrashes)
	b.awaitDegraded(id, "CrashLoopBackOff", "deployment/store")
	b.setPods(id, podRunsAgain)
	b.awaitType(id, store.Recovered)
	if n := b.count(id, store.RefreshCommand) + b.count(id, store.MendCommand); n != 0 {
		t.Fatalf("asked for at the old level:\n%s", b.told(id))
	}
	if _, err := b.log.RaiseWriteLevel(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.awaitType(id, store.RefreshCommand)
	b.awaitEnds(id, 2)
	// Nobody had made its volume yet.
	b.requireSaid(id, demo(t), "fast")
}

// lowerWriteLevel makes the log one of the release before.
func (b *bundle) lowerWriteLevel() {
	b.t.Helper()
	stream, err := b.log.JetStream().Stream(b.t.Context(), storelog.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	delete(config.Metadata, "store-platform.io/write-level")
	if _, err := b.log.JetStream().UpdateStream(b.t.Context(), config); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.log.AskWriteLevel(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}
