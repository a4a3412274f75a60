package release_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	helmrelease "helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	storerelease "github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
)

func TestEnsureInstallsOnceAndFollowsTheValues(t *testing.T) {
	b := setup(t)
	op := b.operation(t, &clustertest.Trust{})
	if done, err := b.releases.Deployed(t.Context(), op, b.spec(t, "first")); err != nil || done {
		t.Fatalf("deployed is %v, %v before ensure", done, err)
	}
	t.Logf("install: %d requests", b.ensure(t, b.spec(t, "first")))
	b.wantTitle(t, "first", 1)
	t.Logf("nothing to do: %d requests", b.ensure(t, b.spec(t, "first")))
	b.wantTitle(t, "first", 1)
	t.Logf("upgrade: %d requests", b.ensure(t, b.spec(t, "second")))
	b.wantTitle(t, "second", 2)
	for _, title := range []string{"third", "fourth", "fifth"} {
		b.ensure(t, b.spec(t, title))
	}
	b.wantTitle(t, "fifth", 5)
	history, err := b.revisions().History(storerelease.Name)
	if err != nil || len(history) != 3 {
		t.Errorf("%d revisions are kept (%v), want 3", len(history), err)
	}
}

// wantTitle checks what is in the cluster, and the revision that made it.
func (b *testBundle) wantTitle(t *testing.T, title string, revision int) {
	t.Helper()
	settings, err := b.api.Admin.CoreV1().ConfigMaps(b.id.Namespace()).Get(t.Context(), "settings", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if settings.Data["title"] != title {
		t.Errorf("title is %q, want %q", settings.Data["title"], title)
	}
	last, err := b.revisions().Last(storerelease.Name)
	if err != nil {
		t.Fatal(err)
	}
	if last.Version != revision || last.Info.Status != helmrelease.StatusDeployed {
		t.Errorf("revision %d is %s, want %d deployed", last.Version, last.Info.Status, revision)
	}
}

func TestPodsAndObjectsCarryOurLabels(t *testing.T) {
	b := setup(t)
	b.ensure(t, b.spec(t, "labels"))
	web, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]map[string]string{"deployment": web.Labels, "pod": web.Spec.Template.Labels} {
		for _, label := range []string{cluster.LabelInstallation, cluster.LabelStore} {
			if want := b.cluster.ObjectLabels(b.id)[label]; got[label] != want {
				t.Errorf("%s has %s %q, want %q", where, label, got[label], want)
			}
		}
	}
	if web.Spec.Template.Labels["app.kubernetes.io/name"] != "shop" {
		t.Errorf("the chart's own labels are gone: %v", web.Spec.Template.Labels)
	}
}

func TestEnsureRecoversFromEveryStatus(t *testing.T) {
	b := setup(t)
	for _, status := range []helmrelease.Status{
		helmrelease.StatusPendingInstall, helmrelease.StatusPendingUpgrade, helmrelease.StatusPendingRollback,
		helmrelease.StatusFailed, helmrelease.StatusUninstalling, helmrelease.StatusSuperseded, helmrelease.StatusUnknown,
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			b := b.another(t)
			b.ensure(t, b.spec(t, "before"))
			b.leave(t, status)
			if done, err := b.releases.Deployed(t.Context(), b.operation(t, &clustertest.Trust{}), b.spec(t, "before")); err != nil || done {
				t.Fatalf("deployed is %v, %v with a release left %s", done, err, status)
			}
			b.ensure(t, b.spec(t, "after"))
			b.wantTitle(t, "after", 2)
		})
	}
}

// leastRequests is what an installation needs at least; fewer would mean that its trust isn't asked.
const leastRequests = 10

func TestEnsureConvergesFromAKillAtEveryRequest(t *testing.T) {
	b := setup(t)
	requests := max(b.ensure(t, b.spec(t, "install")), b.ensure(t, b.spec(t, "upgrade")))
	if requests < leastRequests {
		t.Fatalf("a release takes %d requests, want %d at least", requests, leastRequests)
	}
	for n := 1; n <= requests; n++ {
		t.Run(fmt.Sprint("request ", n), func(t *testing.T) {
			t.Parallel()
			b := b.another(t)
			b.killAt(t, n, b.spec(t, "install"))
			b.ensure(t, b.spec(t, "install"))
			if b.killAt(t, n, b.spec(t, "upgrade")) {
				b.killAt(t, n/2+1, b.spec(t, "upgrade"))
			}
			b.ensure(t, b.spec(t, "upgrade"))
			settings, err := b.api.Admin.CoreV1().ConfigMaps(b.id.Namespace()).Get(t.Context(), "settings", metav1.GetOptions{})
			if err != nil || settings.Data["title"] != "upgrade" {
				t.Fatalf("%v, %v", settings.Data, err)
			}
			if _, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Get(t.Context(), "web", metav1.GetOptions{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// killAt ends the trust at the n-th request and says whether Ensure got that far.
func (b *testBundle) killAt(t *testing.T, n int, spec storerelease.Spec) bool {
	t.Helper()
	trust := &clustertest.Trust{EndAt: n}
	err := b.releases.Ensure(t.Context(), b.operation(t, trust), spec)
	if err == nil {
		return false
	}
	if trust.Asked() < n {
		t.Fatalf("failed before request %d: %v", n, err)
	}
	var e *cluster.Error
	if !errors.As(err, &e) || e.Kind != cluster.Refused || !errors.Is(err, clustertest.ErrEnded) {
		t.Errorf("kill at request %d: got %v, want what the trust said", n, err)
	}
	return true
}

func TestEnsureWaitsForATurnAsLongAsItsContext(t *testing.T) {
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	none := storerelease.New(0)
	err := none.Ensure(ctx, b.operation(t, &clustertest.Trust{}), b.spec(t, "never"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRefusedCharts(t *testing.T) {
	b := setup(t)
	metadata := engine.ChartFile{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: shop\nversion: 1.0.0\n")}
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"
	for name, bad := range map[string]engine.ChartFile{
		"cluster-scoped":    {Name: "templates/x.yaml", Data: []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n")},
		"another namespace": {Name: "templates/x.yaml", Data: []byte(configMap + "  namespace: kube-system\n")},
		"hook":              {Name: "templates/x.yaml", Data: []byte(configMap + "  annotations: {helm.sh/hook: pre-install}\n")},
		"own kinds":         {Name: "crds/x.yaml", Data: []byte("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n")},
		"broken template":   {Name: "templates/x.yaml", Data: []byte("{{ .Values.a.b.c }}")},
		"broken YAML":       {Name: "templates/x.yaml", Data: []byte("a: b: c")},
	} {
		t.Run(name, func(t *testing.T) {
			spec := storerelease.Spec{Store: b.id, Chart: []engine.ChartFile{metadata, bad}, Values: map[string]any{}}
			err := b.releases.Ensure(t.Context(), b.operation(t, &clustertest.Trust{}), spec)
			var e *cluster.Error
			if !errors.As(err, &e) || e.Kind != cluster.Permanent || e.Reason != "ChartInvalid" {
				t.Fatalf("got %v, want ChartInvalid", err)
			}
			if _, err := b.revisions().Last(storerelease.Name); err == nil {
				t.Error("a release was begun")
			}
		})
	}
}

// Helm makes words of what becomes of its changes. What the cluster will never accept is nobody's to try five times.
func TestAChangeThatTheClusterNeverAcceptsIsPermanent(t *testing.T) {
	b := setup(t)
	b.ensure(t, b.spec(t, "first"))
	other := b.spec(t, "second")
	for i, file := range other.Chart {
		if strings.HasSuffix(file.Name, "_helpers.tpl") {
			other.Chart[i].Data = bytes.ReplaceAll(file.Data, []byte("name: shop"), []byte("name: another"))
		}
	}
	err := b.releases.Ensure(t.Context(), b.operation(t, &clustertest.Trust{}), other)
	var e *cluster.Error
	if !errors.As(err, &e) || e.Kind != cluster.Permanent || e.Reason != "Invalid" || !strings.Contains(e.Detail, "field is immutable") {
		t.Fatalf("got %v, want that the selector can't be changed", err)
	}
	b.ensure(t, b.spec(t, "first"))
}

// The API server counts an object for the quota before it stores it. A worker that ends in between leaves the count
// without the object.
func TestWhatOnlyTheQuotaKnowsOfIsNoObstacle(t *testing.T) {
	b := setup(t)
	b.countStorage(t, "1Gi")
	b.ensure(t, b.spec(t, "first"))
}

func TestAChartThatIsTooLargeForItsPlanIsRefused(t *testing.T) {
	b := setup(t)
	patch := []byte(`{"spec":{"hard":{"requests.storage":"512Mi"}}}`)
	quotas := b.api.Admin.CoreV1().ResourceQuotas(b.id.Namespace())
	if _, err := quotas.Patch(t.Context(), "store", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	b.awaitRefusal(t, "1Gi")
	var refused *cluster.Error
	err := b.releases.Ensure(t.Context(), b.operation(t, &clustertest.Trust{}), b.spec(t, "first"))
	if !errors.As(err, &refused) || refused.Kind != cluster.Forbidden {
		t.Fatalf("got %v, want a refusal", err)
	}
}

// awaitRefusal waits until a claim of so much storage is refused.
func (b *testBundle) awaitRefusal(t *testing.T, storage string) {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "large-"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(storage)}},
		},
	}
	clustertest.AwaitOverQuota(t, func(ctx context.Context, dry metav1.CreateOptions) error {
		_, err := b.api.Admin.CoreV1().PersistentVolumeClaims(b.id.Namespace()).Create(ctx, claim, dry)
		return err
	})
}

// countStorage makes the quota say that so much storage is used.
func (b *testBundle) countStorage(t *testing.T, used string) {
	t.Helper()
	quotas := b.api.Admin.CoreV1().ResourceQuotas(b.id.Namespace())
	clustertest.Eventually(t, "the quota is counted", func(ctx context.Context) (bool, error) {
		quota, err := quotas.Get(ctx, "store", metav1.GetOptions{})
		return err == nil && len(quota.Status.Hard) > 0, err
	})
	patch := []byte(`{"status":{"used":{"requests.storage":"` + used + `"}}}`)
	if _, err := quotas.Patch(t.Context(), "store", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}
