package cluster_test

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

func TestNamespaceIsMadeOnceAndMended(t *testing.T) {
	b := setup(t)
	op := operation(t, b.provisioner, &clustertest.Trust{})
	wantReady := func(want bool) {
		t.Helper()
		if got, err := op.NamespaceReady(t.Context(), b.namespace()); err != nil || got != want {
			t.Fatalf("ready is %v, %v; want %v", got, err, want)
		}
	}
	wantReady(false)
	for range 2 {
		if err := op.EnsureNamespace(t.Context(), b.namespace()); err != nil {
			t.Fatal(err)
		}
		wantReady(true)
	}
	patch := []byte(`{"metadata":{"labels":{"` + cluster.LabelPlan + `":"huge"}}}`)
	if _, err := b.api.Admin.CoreV1().Namespaces().Patch(t.Context(), b.id.Namespace(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	wantReady(false)
	if err := op.EnsureNamespace(t.Context(), b.namespace()); err != nil {
		t.Fatal(err)
	}
	wantReady(true)
}

func TestANamespaceSaysWhatHasWorkedOnItLast(t *testing.T) {
	b := setup(t)
	op := operation(t, b.provisioner, &clustertest.Trust{})
	ns := b.namespace()
	if err := op.EnsureNamespace(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	wantStamp := func(want cluster.Stamp) {
		t.Helper()
		if got, err := op.Stamp(t.Context(), b.id); err != nil || got != want {
			t.Errorf("it says %+v, %v; want %+v", got, err, want)
		}
		clustertest.Eventually(t, "the watches know", func(context.Context) (bool, error) { return b.provisioner.Stamped(b.id) == want, nil })
	}
	wantStamp(cluster.Stamp{})
	for generation := range uint64(3) {
		ns.Stamp = cluster.Stamp{Version: "1.0.0", Generation: generation + 1, Epoch: "abc"}
		if ready, err := op.NamespaceReady(t.Context(), ns); err != nil || ready {
			t.Fatalf("ready is %v, %v before command %d has put its stamp on it", ready, err, ns.Stamp.Generation)
		}
		if err := op.EnsureNamespace(t.Context(), ns); err != nil {
			t.Fatal(err)
		}
		if ready, err := op.NamespaceReady(t.Context(), ns); err != nil || !ready {
			t.Fatalf("ready is %v, %v", ready, err)
		}
		wantStamp(ns.Stamp)
		if drift, err := op.NamespaceDrift(t.Context(), b.namespace()); err != nil || len(drift) > 0 {
			t.Errorf("%v, %v is taken for changed by hand", drift, err)
		}
	}
	// Who has none to put on it takes none away.
	patch := []byte(`{"metadata":{"labels":{"` + cluster.LabelPlan + `":"huge"}}}`)
	if _, err := b.api.Admin.CoreV1().Namespaces().Patch(t.Context(), b.id.Namespace(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := op.EnsureNamespace(t.Context(), b.namespace()); err != nil {
		t.Fatal(err)
	}
	wantStamp(ns.Stamp)
}

func TestForeignNamespaceIsNeverTouched(t *testing.T) {
	b := setup(t)
	foreign := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.id.Namespace(), Labels: map[string]string{
		cluster.LabelManagedBy: cluster.ManagedBy, cluster.LabelInstallation: "another", cluster.LabelStore: string(b.id),
	}}}
	if _, err := b.api.Admin.CoreV1().Namespaces().Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	provisioning := operation(t, b.provisioner, &clustertest.Trust{})
	wantKind(t, provisioning.EnsureNamespace(t.Context(), b.namespace()), cluster.Permanent, "NamespaceTaken")
	removing := operation(t, b.janitor, &clustertest.Trust{})
	wantKind(t, removing.DeleteNamespace(t.Context(), b.id), cluster.Permanent, "NamespaceTaken")
}

// A label that somebody has changed is no loss of data. The platform may not change it back: what may is told.
func TestANamespaceWithAnotherLabelIsToldAsThat(t *testing.T) {
	for _, label := range []string{cluster.LabelManagedBy, cluster.LabelInstallation, cluster.LabelStore} {
		t.Run(label, func(t *testing.T) {
			b := setup(t)
			op := b.isolated(t)
			b.relabel(t, label, `"changed"`)
			drift, err := op.NamespaceDrift(t.Context(), b.namespace())
			if err != nil || len(drift) != 1 || drift[0].Missing || !drift[0].Beyond {
				t.Fatalf("it finds %+v, %v", drift, err)
			}
			said := drift[0].Words()
			if strings.Contains(said, "not found") || !strings.Contains(said, `label `+label+` is "changed"`) {
				t.Errorf("it says %q", said)
			}
			clustertest.Eventually(t, "the watches tell", func(context.Context) (bool, error) {
				e := b.provisioner.Failing(b.id, nil)
				return e != nil && e.Sentence != cluster.NamespaceMissingSentence && !strings.HasSuffix(e.Detail, "not found"), nil
			})
			want := b.provisioner.ObjectLabels(b.id)[label]
			if remedy := "kubectl label namespace " + b.id.Namespace() + " --overwrite " + label + "=" + want; drift[0].Remedy != remedy {
				t.Fatalf("what puts it right is %q, want %q", drift[0].Remedy, remedy)
			}
			b.relabel(t, label, `"`+want+`"`)
			if drift, err := op.NamespaceDrift(t.Context(), b.namespace()); err != nil || len(drift) > 0 {
				t.Errorf("after it was put right: %+v, %v", drift, err)
			}
		})
	}
}

func (b *testBundle) relabel(t *testing.T, label, value string) {
	t.Helper()
	patch := []byte(`{"metadata":{"labels":{"` + label + `":` + value + `}}}`)
	if _, err := b.api.Admin.CoreV1().Namespaces().Patch(t.Context(), b.id.Namespace(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// goes bounds the wait for a namespace to be removed, by controllers that have those of other tests to remove as well.
const goes = 5 * time.Minute

func TestTeardownEndsAtNotFound(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	op := operation(t, b.janitor, &clustertest.Trust{})
	if gone, err := op.NamespaceGone(t.Context(), b.id); err != nil || gone {
		t.Fatalf("gone is %v, %v before the delete", gone, err)
	}
	for range 2 {
		if err := op.DeleteNamespace(t.Context(), b.id); err != nil {
			t.Fatal(err)
		}
	}
	if err := op.AwaitNamespaceGone(within(t, goes), b.id); err != nil {
		t.Fatal(err)
	}
	if gone, err := op.NamespaceGone(t.Context(), b.id); err != nil || !gone {
		t.Fatalf("gone is %v, %v after the wait", gone, err)
	}
	if err := op.DeleteNamespace(t.Context(), b.id); err != nil {
		t.Fatalf("delete what is gone: %v", err)
	}
}

// A watch that begins when the namespace is gone already tells nothing of it.
func TestTeardownEndsWithoutAWatch(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	blind, err := cluster.Connect(cluster.Config{Kubeconfig: b.api.Kubeconfig(t, clustertest.Janitor), Installation: installation})
	if err != nil {
		t.Fatal(err)
	}
	op := operation(t, blind, &clustertest.Trust{})
	if err := op.DeleteNamespace(t.Context(), b.id); err != nil {
		t.Fatal(err)
	}
	if err := op.AwaitNamespaceGone(within(t, goes), b.id); err != nil {
		t.Fatal(err)
	}
}

func TestTeardownSaysWhatKeepsTheNamespace(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept", Finalizers: []string{"example.com/forever"}}}
	maps := b.api.Admin.CoreV1().ConfigMaps(b.id.Namespace())
	if _, err := maps.Create(t.Context(), kept, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	op := operation(t, b.janitor, &clustertest.Trust{})
	if err := op.DeleteNamespace(t.Context(), b.id); err != nil {
		t.Fatal(err)
	}
	// Kubernetes says so a few seconds later, or many.
	for patience, said := within(t, goes), ""; !strings.Contains(said, "example.com/forever"); {
		err := op.AwaitNamespaceGone(within(t, time.Second), b.id)
		wantKind(t, err, cluster.Transient, "TimedOut")
		if patience.Err() != nil {
			t.Fatalf("no word about the finalizer: %v", err)
		}
		said = cluster.Classify(err).Detail
	}
	free := []byte(`{"metadata":{"finalizers":null}}`)
	if _, err := maps.Patch(t.Context(), "kept", types.MergePatchType, free, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := op.AwaitNamespaceGone(within(t, goes), b.id); err != nil {
		t.Fatal(err)
	}
}

func TestProvisionerCannotResurrectWhatIsGoing(t *testing.T) {
	b := setup(t)
	op := operation(t, b.provisioner, &clustertest.Trust{})
	kept := b.namespace()
	if err := op.EnsureNamespace(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	hold := []byte(`{"metadata":{"finalizers":["example.com/forever"]}}`)
	namespaces := b.api.Admin.CoreV1().Namespaces()
	if _, err := namespaces.Patch(t.Context(), b.id.Namespace(), types.MergePatchType, hold, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := operation(t, b.janitor, &clustertest.Trust{}).DeleteNamespace(t.Context(), b.id); err != nil {
		t.Fatal(err)
	}
	wantKind(t, op.EnsureNamespace(t.Context(), kept), cluster.Transient, "NamespaceTerminating")
	if ready, err := op.NamespaceReady(t.Context(), kept); err != nil || ready {
		t.Errorf("ready is %v, %v", ready, err)
	}
	free := []byte(`{"metadata":{"finalizers":null}}`)
	if _, err := namespaces.Patch(t.Context(), b.id.Namespace(), types.MergePatchType, free, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}
