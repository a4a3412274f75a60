package release_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	storerelease "github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
)

// wants is a chart that has a volume for each of the names.
const wants = `{{ range .Values.volumes }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ . }}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
{{ end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {title: {{ .Values.title }}}
`

// with is a store that stood, as it is to be with these volumes.
func (b *testBundle) with(title string, volumes ...string) storerelease.Spec {
	return storerelease.Spec{
		Store: b.id, Verify: true, Stood: true,
		Chart: []engine.ChartFile{
			{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: shop\nversion: 1.0.0\n")},
			{Name: "templates/all.yaml", Data: []byte(wants)},
		},
		Values: map[string]any{"title": title, "volumes": volumes},
	}
}

func (b *testBundle) wantRefused(t *testing.T, spec storerelease.Spec, reason string) {
	t.Helper()
	err := b.releases.Ensure(t.Context(), b.operation(t, &clustertest.Trust{}), spec)
	if e := cluster.Classify(err); e == nil || e.Kind != cluster.Permanent || e.Reason != reason {
		t.Errorf("%v with %v: %v, want %s", spec.Values["title"], spec.Values["volumes"], err, reason)
	}
}

// A larger plan may bring a volume that the store never had, and that isn't lost. What the store had is never left out:
// its programs would find an empty place.
func TestAStoreKeepsItsVolumesAndMayGetMore(t *testing.T) {
	b := setup(t)
	first := b.with("first", "orders")
	first.Stood = false
	b.ensure(t, first)
	b.ensure(t, b.with("second", "orders", "cache"))
	// The operation failed behind the release, and is gone back from.
	b.ensure(t, b.with("first again", "orders"))
	b.ensure(t, b.with("third", "orders", "cache"))
	b.wantRefused(t, b.with("elsewhere", "cache"), storerelease.ReasonDataLeftOut)
	b.wantRefused(t, b.with("nowhere"), storerelease.ReasonDataLeftOut)
	if data, err := b.api.Admin.CoreV1().ConfigMaps(b.id.Namespace()).Get(t.Context(), "settings", metav1.GetOptions{}); err != nil || data.Data["title"] != "third" {
		t.Errorf("what was refused was done: %v, %v", data.Data, err)
	}
	b.lose(t, "orders")
	b.wantRefused(t, b.with("fourth", "orders", "cache"), cluster.ReasonDataMissing)
}

// Without Helm's record nothing says what the store had but what it is to have.
func TestALostVolumeIsNotMadeAnewWithoutARecordEither(t *testing.T) {
	b := setup(t)
	first := b.with("first", "orders")
	first.Stood = false
	b.ensure(t, first)
	secrets := b.api.Admin.CoreV1().Secrets(b.id.Namespace())
	if err := secrets.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "owner=helm"}); err != nil {
		t.Fatal(err)
	}
	b.lose(t, "orders")
	b.wantRefused(t, b.with("second", "orders"), cluster.ReasonDataMissing)
}

func (b *testBundle) lose(t *testing.T, volume string) {
	t.Helper()
	claims := b.api.Admin.CoreV1().PersistentVolumeClaims(b.id.Namespace())
	if _, err := claims.Patch(t.Context(), volume, "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := claims.Delete(t.Context(), volume, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}
