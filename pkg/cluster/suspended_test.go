package cluster_test

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
)

// patchPods changes every pod of the store.
func (b *testBundle) patchPods(t *testing.T, patch string) {
	t.Helper()
	pods := b.api.Admin.CoreV1().Pods(b.id.Namespace())
	all, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range all.Items {
		if _, err := pods.Patch(t.Context(), pod.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *testBundle) scale(t *testing.T, name, patch string) {
	t.Helper()
	_, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// A pod that takes its time to end is counted by no controller, and still is the store's.
func TestASuspendedStoreHasNoPodOfItsShopLeft(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	ended := await(within(t, time.Minute), op, awaited(b.id))
	b.runPods(t, "registry.example/shop:1", running())
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	// What keeps it is a kubelet elsewhere; here there is none, and a finalizer does.
	b.patchPods(t, `{"metadata":{"finalizers":["test/ending"]}}`)
	b.scale(t, "web", `{"spec":{"replicas":0}}`)
	clustertest.Eventually(t, "the controller counts no pod", func(ctx context.Context) (bool, error) {
		web, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Get(ctx, "web", metav1.GetOptions{})
		return err == nil && web.Status.ObservedGeneration == web.Generation && web.Status.Replicas == 0, err
	})
	if done, err := op.WorkloadsReady(t.Context(), b.id, web); err != nil || done {
		t.Errorf("done is %v, %v with a pod that is about to end", done, err)
	}
	err := op.AwaitWorkloads(within(t, time.Second), awaited(b.id))
	wantKind(t, err, cluster.Transient, "PodsNotEnded")
	ended = await(within(t, time.Minute), op, awaited(b.id))
	b.patchPods(t, `{"metadata":{"finalizers":null}}`)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if done, err := op.WorkloadsReady(t.Context(), b.id, web); err != nil || !done {
		t.Errorf("done is %v, %v with no pod left", done, err)
	}
	if e := b.provisioner.Failing(b.id, web); e != nil {
		t.Errorf("a store that is to have no pod fails: %v", e)
	}
}

// The page comes up while the shop, whose pods fill the plan, is on its way out.
func TestASuspendedStoreHasRoomForItsPage(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	suspended := b.isolation()
	suspended.Suspended = true
	if done, err := op.IsolationDone(t.Context(), suspended); err != nil || done {
		t.Errorf("done is %v, %v with the quota of a store that runs", done, err)
	}
	if err := op.EnsureIsolation(t.Context(), suspended); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		isolation cluster.Isolation
		want      string
	}{"suspended": {suspended, "288Mi"}, "resumed": {b.isolation(), "256Mi"}} {
		if err := op.EnsureIsolation(t.Context(), c.isolation); err != nil {
			t.Fatal(err)
		}
		quota, err := b.api.Admin.CoreV1().ResourceQuotas(b.id.Namespace()).Get(t.Context(), "store", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := quota.Spec.Hard[corev1.ResourceLimitsMemory]; got.Cmp(resource.MustParse(c.want)) != 0 {
			t.Errorf("%s: %s of memory, want %s", name, got.String(), c.want)
		}
		if done, err := op.IsolationDone(t.Context(), c.isolation); err != nil || !done {
			t.Errorf("%s: done is %v, %v", name, done, err)
		}
	}
	room := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("32Mi")}
	page := corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: room, Requests: room}}}}
	if over := cluster.OverPage([]corev1.PodSpec{page}); len(over) > 0 {
		t.Errorf("a page is over its room: %v", over)
	}
	if over := cluster.OverPage([]corev1.PodSpec{page, page}); len(over) != 4 {
		t.Errorf("two pages are over: %v", over)
	}
	if over, err := cluster.OverPlan(engine.Plan{CPU: "50m", Memory: "32Mi", Storage: "1Gi"}, []corev1.PodSpec{page, page}); err != nil || len(over) != 4 {
		t.Errorf("two pages are over their plan: %v, %v", over, err)
	}
}
