package cluster_test

import (
	"context"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/store"
)

// place makes a namespace with the labels of a store of an installation, as an administrator could.
func place(t *testing.T, api *clustertest.API, name string, id store.ID, installation string, finalizers ...string) *corev1.Namespace {
	t.Helper()
	made, err := api.Admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Finalizers: finalizers, Labels: map[string]string{
			cluster.LabelManagedBy: cluster.ManagedBy, cluster.LabelInstallation: installation, cluster.LabelStore: string(id),
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("make namespace %s: %v", name, err)
	}
	return made
}

// It is the janitor's rights that must do for it.
func TestTheJanitorListsTheNamespacesOfItsInstallation(t *testing.T) {
	t.Parallel()
	api := clustertest.Start(t)
	mine, theirs, odd := api.NewID(t), api.NewID(t), api.NewID(t)
	installation := "list-" + string(mine)
	c, err := cluster.Connect(cluster.Config{Kubeconfig: api.Kubeconfig(t, clustertest.Janitor), Installation: installation})
	if err != nil {
		t.Fatal(err)
	}
	const holding = "store-platform.io/test"
	made := place(t, api, mine.Namespace(), mine, installation, holding)
	place(t, api, theirs.Namespace(), theirs, "of-"+string(theirs))
	place(t, api, odd.Namespace(), mine, installation)

	seen, err := c.Namespaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(seen, func(a, _ cluster.Sighting) int {
		if a.Store == mine {
			return -1
		}
		return 1
	})
	if len(seen) != 2 || seen[0].Store != mine || seen[0].UID != made.UID || !seen[0].Terminating.IsZero() ||
		seen[1].Name != odd.Namespace() || seen[1].Store != "" {
		t.Fatalf("listed %+v", seen)
	}

	namespaces := api.Admin.CoreV1().Namespaces()
	if err := namespaces.Delete(t.Context(), made.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := namespaces.Patch(context.WithoutCancel(t.Context()), made.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
			t.Errorf("let the namespace go: %v", err)
		}
	}()
	if seen, err = c.Namespaces(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(seen, func(s cluster.Sighting) bool { return s.Store == mine })
	if at < 0 || seen[at].Terminating.IsZero() {
		t.Fatalf("one that is being removed is listed as %+v", seen)
	}
}
