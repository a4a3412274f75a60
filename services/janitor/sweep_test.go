package janitor_test

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/janitor"
	"github.com/store-platform/store-platform/services/janitor/internal/livetest"
)

// sweeping is n janitors that remove and sweep. The installation is this test's alone: a sweep looks at all of it.
func sweeping(t *testing.T, n int) (b *bundle, installation string) {
	t.Helper()
	t.Parallel()
	api := clustertest.Start(t)
	installation = "janitor-" + string(api.NewID(t))
	nc := bustest.StartFor(t, installation)
	livetest.Start(t, nc)
	return atWork(t, api, nc, n, janitor.Config{Installation: installation, SweepEvery: time.Second}), installation
}

// resurrect makes the namespace of a store as a provisioner would that slept through the delete.
func (b *bundle) resurrect(id store.ID, installation string) {
	b.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: id.Namespace(), Labels: map[string]string{
		cluster.LabelManagedBy: cluster.ManagedBy, cluster.LabelInstallation: installation, cluster.LabelStore: string(id),
	}}}
	if _, err := b.api.Admin.CoreV1().Namespaces().Create(b.t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		b.t.Fatalf("make the store's namespace: %v", err)
	}
}

// counts says how many messages of each type the store's history has.
func (b *bundle) counts(id store.ID) map[store.Type]int {
	b.t.Helper()
	head, err := b.log.Head(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	counts, end := map[store.Type]int{}, errors.New("the end")
	err = b.log.Tail(b.t.Context(), 0, func(raw storelog.Raw) error {
		if entry, err := raw.Entry(); err != nil {
			return err
		} else if entry.Message.Store == id {
			counts[entry.Message.Type]++
		}
		if raw.Seq == head {
			return end
		}
		return nil
	})
	if !errors.Is(err, end) {
		b.t.Fatal(err)
	}
	return counts
}

func TestWhatIsLeftOfADeletedStoreIsSweptByACommand(t *testing.T) {
	t.Parallel()
	for name, janitors := range map[string]int{"by one janitor": 1, "by one of two janitors": 2} {
		t.Run(name, func(t *testing.T) {
			b, installation := sweeping(t, janitors)
			id := b.deletion(nil)
			b.await(id, is(store.BecameDeleted))
			b.resurrect(id, installation)
			swept := b.await(id, func(e storelog.Entry) bool { return e.Message.Actor == "sweep" })
			if swept.Message.Type != store.DeleteCommand {
				t.Fatalf("the sweep said %s", swept.Message.Type)
			}
			again := b.await(id, func(e storelog.Entry) bool {
				return e.Message.Type == store.BecameDeleted && e.Message.Generation == swept.Message.Seq
			})
			if _, err := b.api.Admin.CoreV1().Namespaces().Get(t.Context(), id.Namespace(), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the namespace is still there: %v", err)
			}
			// Another store is swept after it: whatever the sweeps between had to say of the first has been said.
			second := b.deletion(nil)
			b.await(second, is(store.BecameDeleted))
			b.resurrect(second, installation)
			b.await(second, func(e storelog.Entry) bool { return e.Message.Actor == "sweep" })
			if counts := b.counts(id); counts[store.DeleteCommand] != 2 || counts[store.BecameDeleted] != 2 {
				t.Errorf("the history of the first has %v", counts)
			}
			if last, err := b.log.Last(t.Context(), id); err != nil || last.Version != again.State.Version {
				t.Errorf("the first goes on: %+v, %v", last, err)
			}
		})
	}
}

func TestAnExpiredStoreIsRemoved(t *testing.T) {
	b, installation := sweeping(t, 1)
	id := b.api.NewID(t)
	b.resurrect(id, installation)
	if _, err := b.claims.Claim(t.Context(), tenant, id, 10, time.Now()); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Second)
	_, err := b.log.Append(t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: tenant, Actor: "test", Time: time.Now(), Facts: store.Facts{ExpiresAt: &past},
	})
	if err != nil {
		t.Fatal(err)
	}
	deleted := b.await(id, is(store.BecameDeleted))
	if counts := b.counts(id); counts[store.DeleteCommand] != 1 || deleted.State.Status != store.Deleted {
		t.Errorf("the history has %v", counts)
	}
	if held, err := b.claims.Held(t.Context(), tenant); err != nil || len(held) != 0 {
		t.Errorf("the tenant still holds %v, %v", held, err)
	}
}

func TestSweepEveryIsChecked(t *testing.T) {
	for _, every := range []time.Duration{-time.Second, time.Millisecond} {
		if err := janitor.Run(t.Context(), janitor.Config{Slots: 1, SweepEvery: every, Installation: "x"}); err == nil {
			t.Errorf("SWEEP_EVERY=%s was taken", every)
		}
	}
}
