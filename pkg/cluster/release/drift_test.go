package release_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	storerelease "github.com/store-platform/store-platform/pkg/cluster/release"
)

// drift is what a look finds, one line an object.
func (b *testBundle) drift(t *testing.T) []string {
	t.Helper()
	found, err := b.releases.Drift(t.Context(), b.operation(t, &clustertest.Trust{}), b.id)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, d := range found {
		words = append(words, d.Words())
	}
	return words
}

func (b *testBundle) verified(t *testing.T) storerelease.Spec {
	t.Helper()
	spec := b.spec(t, "title")
	spec.Verify = true
	return spec
}

// tamper changes the Deployment by hand.
func (b *testBundle) tamper(t *testing.T, patch string) {
	t.Helper()
	_, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFreshReleaseHasNoDrift(t *testing.T) {
	b := setup(t)
	b.ensure(t, b.spec(t, "title"))
	trust := &clustertest.Trust{}
	found, err := b.releases.Drift(t.Context(), b.operation(t, trust), b.id)
	if err != nil || len(found) != 0 {
		t.Fatalf("%v, %v in a release that nobody touched", found, err)
	}
	t.Logf("a look: %d requests", trust.Asked())
}

func TestWhatOthersAddOrWriteInAnotherWayIsNoDrift(t *testing.T) {
	b := setup(t)
	b.ensure(t, b.spec(t, "title"))
	// The manifest says "100m" and nothing of replicas.
	b.tamper(t, `{"metadata":{"annotations":{"somebody":"else"}},"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"web","resources":{"limits":{"cpu":"0.1"}}}]}}}}`)
	if words := b.drift(t); len(words) != 0 {
		t.Fatalf("found %q", words)
	}
}

// A set's controller writes its status and marks of its own at any moment, most of all to one that was just made. That a set was written
// in another way than it is kept has the API server asked each time.
func TestWhatIsWrittenDuringALookIsNoDrift(t *testing.T) {
	k := keepsVolumes(t, true)
	proxy := k.api.NewProxy(t)
	through, err := cluster.Connect(cluster.Config{Kubeconfig: proxy.Kubeconfig(t, clustertest.Provisioner), Installation: "test"})
	if err != nil {
		t.Fatal(err)
	}
	k.cluster = through
	var looks atomic.Int32
	proxy.Each(func(c *clustertest.Call) {
		if c.Request.Method == http.MethodPatch && strings.HasSuffix(c.Request.URL.Path, "/statefulsets/database") && looks.Add(1) == 1 {
			_, err := k.api.Admin.AppsV1().StatefulSets(k.id.Namespace()).Patch(t.Context(), "database", types.MergePatchType,
				[]byte(`{"metadata":{"annotations":{"controller.example/revision":"2"}}}`), metav1.PatchOptions{})
			if err != nil {
				t.Error(err)
			}
		}
		c.Forward()
	})
	if words := k.drift(t); len(words) != 0 {
		t.Errorf("found %q", words)
	}
	if looks.Load() != 2 {
		t.Errorf("the set was looked at %d times, want 2", looks.Load())
	}
}

func TestDriftIsFoundAndRestored(t *testing.T) {
	b := setup(t)
	spec := b.verified(t)
	b.ensure(t, spec)
	services := b.api.Admin.CoreV1().Services(b.id.Namespace())
	if err := services.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.tamper(t, `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry.example/other:1"}]}}}}`)
	want := []string{"deployment/web: spec.template.spec.containers", "service/web: not found"}
	if words := b.drift(t); !slices.Equal(slices.Sorted(slices.Values(words)), want) {
		t.Fatalf("found %q, want %q", words, want)
	}
	op := b.operation(t, &clustertest.Trust{})
	if done, err := b.releases.Deployed(t.Context(), op, spec); err != nil || done {
		t.Fatalf("deployed is %v, %v though half of it is gone", done, err)
	}
	if done, err := b.releases.Deployed(t.Context(), op, b.spec(t, "title")); err != nil || !done {
		t.Fatalf("who only asks for the record gets %v, %v", done, err)
	}
	b.ensure(t, spec)
	if words := b.drift(t); len(words) != 0 {
		t.Fatalf("after it was restored: %q", words)
	}
	if _, err := services.Get(t.Context(), "web", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	b.wantTitle(t, "title", 2)
	b.ensure(t, spec)
	b.wantTitle(t, "title", 2)
}

func TestDriftTellsNoValues(t *testing.T) {
	b := setup(t)
	b.ensure(t, b.spec(t, "title"))
	_, err := b.api.Admin.CoreV1().ConfigMaps(b.id.Namespace()).Patch(t.Context(), "settings", types.MergePatchType, []byte(`{"data":{"title":"changed"}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if words := b.drift(t); len(words) != 1 || words[0] != "configmap/settings: data.title" {
		t.Fatalf("found %q", words)
	}
}

// A volume that is gone took its data along: one made in its place would be empty, and the shop would look well.
func TestALostVolumeIsNotMadeAnew(t *testing.T) {
	b := setup(t)
	spec := b.verified(t)
	b.ensure(t, spec)
	volumes := b.api.Admin.CoreV1().PersistentVolumeClaims(b.id.Namespace())
	_, err := volumes.Patch(t.Context(), "orders", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := volumes.Delete(t.Context(), "orders", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if words := b.drift(t); len(words) != 1 || !strings.HasPrefix(words[0], "persistentvolumeclaim/orders") {
		t.Fatalf("found %q", words)
	}
	err = b.releases.Ensure(t.Context(), b.operation(t, &clustertest.Trust{}), spec)
	if e := cluster.Classify(err); e == nil || e.Kind != cluster.Permanent || e.Reason != cluster.ReasonDataMissing {
		t.Fatalf("ensure: %v", err)
	}
}

// Helm's own record is part of what can be removed by hand.
func TestALostRecordIsMadeAnew(t *testing.T) {
	b := setup(t)
	spec := b.verified(t)
	b.ensure(t, spec)
	err := b.api.Admin.CoreV1().Secrets(b.id.Namespace()).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	if words := b.drift(t); len(words) != 1 || words[0] != "release/store: not found" {
		t.Fatalf("found %q", words)
	}
	b.ensure(t, spec)
	if words := b.drift(t); len(words) != 0 {
		t.Fatalf("after it was restored: %q", words)
	}
}
