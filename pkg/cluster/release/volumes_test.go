package release_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	storerelease "github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
)

// kept is a chart with a volume of each kind: a claim of its own, and one that its StatefulSet makes.
const kept = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {title: {{ .Values.title | quote }}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: orders}
spec:
  storageClassName: {{ .Values.class }}
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: {{ .Values.storage }}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: database}
spec:
  replicas: 0
  serviceName: database
  selector: {matchLabels: {app: database}}
  template:
    metadata: {labels: {app: database}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: database
          image: registry.example/database:1
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
          resources: {limits: {cpu: 100m, memory: 32Mi}}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        storageClassName: {{ .Values.class }}
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: {{ .Values.storage }}}}
`

// keeping is a store with volumes of a class of its own, which lets them grow or doesn't.
type keeping struct {
	*testBundle
	class string
}

func keepsVolumes(t *testing.T, grow bool) *keeping {
	t.Helper()
	b := setup(t)
	k := &keeping{testBundle: b, class: string(b.id)}
	_, err := b.api.Admin.StorageV1().StorageClasses().Create(t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: k.class}, Provisioner: "test.example/none", AllowVolumeExpansion: &grow,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k.grant(t, "2Gi")
	k.ensure(t, k.spec(t, "first", "1Gi"))
	// What the StatefulSet's controller would make of its template, and the binding, which there is nobody for here.
	claims := b.api.Admin.CoreV1().PersistentVolumeClaims(b.id.Namespace())
	orders, err := claims.Get(t.Context(), "orders", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data-database-0"}, Spec: orders.Spec}
	clustertest.Eventually(t, "there is room for another volume", func(ctx context.Context) (bool, error) {
		_, err := claims.Create(ctx, data, metav1.CreateOptions{})
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return err == nil, err
	})
	for _, name := range []string{"orders", "data-database-0"} {
		if _, err := claims.Patch(t.Context(), name, types.MergePatchType, []byte(`{"status":{"phase":"Bound"}}`), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// grant gives the store a plan with so much storage. Admission hears of it later.
func (k *keeping) grant(t *testing.T, storage string) {
	t.Helper()
	plan := engine.Plan{Name: "small", CPU: "500m", Memory: "256Mi", Storage: storage}
	if err := k.operation(t, &clustertest.Trust{}).EnsureIsolation(t.Context(), cluster.Isolation{Store: k.id, Plan: plan}); err != nil {
		t.Fatal(err)
	}
}

func (k *keeping) spec(t *testing.T, title, storage string) storerelease.Spec {
	t.Helper()
	return storerelease.Spec{
		Store: k.id, Verify: true,
		Chart: []engine.ChartFile{
			{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: shop\nversion: 1.0.0\n")},
			{Name: "templates/all.yaml", Data: []byte(kept)},
		},
		Values: map[string]any{"title": title, "storage": storage, "class": k.class},
	}
}

// wantSizes checks what the claims ask for.
func (k *keeping) wantSizes(t *testing.T, orders, data string) {
	t.Helper()
	for name, want := range map[string]string{"orders": orders, "data-database-0": data} {
		claim, err := k.api.Admin.CoreV1().PersistentVolumeClaims(k.id.Namespace()).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := claim.Spec.Resources.Requests[corev1.ResourceStorage]; got.Cmp(resource.MustParse(want)) != 0 {
			t.Errorf("%s asks for %s, want %s", name, got.String(), want)
		}
	}
}

func (k *keeping) set(t *testing.T) *appsv1.StatefulSet {
	t.Helper()
	set, err := k.api.Admin.AppsV1().StatefulSets(k.id.Namespace()).Get(t.Context(), "database", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestVolumesGrowWithTheRelease(t *testing.T) {
	k := keepsVolumes(t, true)
	before := k.set(t)
	k.grant(t, "10Gi")
	k.ensure(t, k.spec(t, "second", "5Gi"))
	k.wantSizes(t, "5Gi", "5Gi")
	k.wantTitle(t, "second", 2)
	// A StatefulSet made anew would start its pods anew.
	if after := k.set(t); after.UID != before.UID || after.Generation != before.Generation {
		t.Error("the StatefulSet was changed")
	}
	if words := k.drift(t); len(words) != 0 {
		t.Errorf("grown volumes were taken for changed by hand: %q", words)
	}
	k.ensure(t, k.spec(t, "third", "5Gi"))
	k.wantSizes(t, "5Gi", "5Gi")
}

// An operator grows a volume that is full, whatever the plan says; and a plan with less is refused long before this.
func TestVolumesNeverShrink(t *testing.T) {
	k := keepsVolumes(t, true)
	claims := k.api.Admin.CoreV1().PersistentVolumeClaims(k.id.Namespace())
	patch := []byte(`{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}`)
	k.grant(t, "6Gi")
	for _, name := range []string{"orders", "data-database-0"} {
		clustertest.Eventually(t, "there is room for a larger volume", func(ctx context.Context) (bool, error) {
			_, err := claims.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
			if apierrors.IsForbidden(err) {
				return false, nil
			}
			return err == nil, err
		})
	}
	// What is left is too little for what stands, and nothing more is asked for.
	k.grant(t, "2Gi")
	if words := k.drift(t); len(words) != 0 {
		t.Errorf("volumes that were grown by hand: %q", words)
	}
	k.ensure(t, k.spec(t, "second", "1Gi"))
	k.wantSizes(t, "3Gi", "3Gi")
	k.wantTitle(t, "second", 2)
	k.ensure(t, k.spec(t, "third", "512Mi"))
	k.wantSizes(t, "3Gi", "3Gi")
	if words := k.drift(t); len(words) != 0 {
		t.Errorf("after that: %q", words)
	}
}

func TestWhereTheClassLetsNoVolumeGrowNothingIsChanged(t *testing.T) {
	k := keepsVolumes(t, false)
	op := k.operation(t, &clustertest.Trust{})
	for doing, err := range map[string]error{
		"asked": k.releases.VolumesCanGrow(t.Context(), op, k.spec(t, "second", "5Gi")),
		"done":  k.releases.Ensure(t.Context(), op, k.spec(t, "second", "5Gi")),
	} {
		e := cluster.Classify(err)
		if e == nil || e.Kind != cluster.Permanent || e.Reason != cluster.ReasonVolumeCannotGrow || e.Sentence != cluster.VolumeCannotGrowSentence ||
			!strings.Contains(e.Detail, k.class) {
			t.Fatalf("%s: %v", doing, err)
		}
	}
	k.wantSizes(t, "1Gi", "1Gi")
	k.wantTitle(t, "first", 1)
	// What asks for no more than there is goes on.
	if err := k.releases.VolumesCanGrow(t.Context(), op, k.spec(t, "second", "1Gi")); err != nil {
		t.Error(err)
	}
	k.ensure(t, k.spec(t, "second", "1Gi"))
	k.wantTitle(t, "second", 2)
}

// beforeHelm is how many requests there are at least until the volumes are as they shall be: the record, the objects, the claims,
// their class, the claims again. Kills of Helm's own requests are tried without volumes.
const beforeHelm = 12

func TestVolumesGrowOverAKillAtEveryRequest(t *testing.T) {
	k := keepsVolumes(t, true)
	k.grant(t, "20Gi")
	for n := range beforeHelm {
		size := fmt.Sprintf("%dMi", 1025+n)
		if !k.killAt(t, n+1, k.spec(t, size, size)) {
			t.Fatalf("it takes no %d requests", n+1)
		}
		k.ensure(t, k.spec(t, size, size))
		k.wantSizes(t, size, size)
	}
}

func TestAVolumeThatIsNotBoundYetIsWaitedFor(t *testing.T) {
	k := keepsVolumes(t, true)
	claims := k.api.Admin.CoreV1().PersistentVolumeClaims(k.id.Namespace())
	if _, err := claims.Patch(t.Context(), "orders", types.MergePatchType, []byte(`{"status":{"phase":"Pending"}}`), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	err := k.releases.Ensure(t.Context(), k.operation(t, &clustertest.Trust{}), k.spec(t, "second", "5Gi"))
	if e := cluster.Classify(err); e == nil || e.Kind != cluster.Transient || e.Reason != "VolumeNotBound" {
		t.Fatalf("got %v", err)
	}
	k.wantSizes(t, "1Gi", "1Gi")
}
