package provisioner_test

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

// podsRun is the status of a pod that a kubelet has started. The pods stay without a node, so nobody has to let them
// end gracefully when their namespace goes.
const podsRun = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"ContainersReady","status":"True"}]}}`

// startKubelet makes every pod of the installation run, from now until the test ends.
func (b *bundle) startKubelet() {
	b.t.Helper()
	selector := metav1.ListOptions{LabelSelector: cluster.LabelInstallation + "=" + b.installation}
	pods, err := b.api.Admin.CoreV1().Pods("").List(b.t.Context(), selector)
	if err != nil {
		b.t.Fatalf("list pods: %v", err)
	}
	selector.ResourceVersion = pods.ResourceVersion
	events, err := b.api.Admin.CoreV1().Pods("").Watch(b.t.Context(), selector)
	if err != nil {
		b.t.Fatalf("watch pods: %v", err)
	}
	go func() {
		for i := range pods.Items {
			b.runPod(&pods.Items[i])
		}
		for event := range events.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok {
				b.runPod(pod)
			}
		}
	}()
}

func (b *bundle) runPod(pod *corev1.Pod) {
	if pod.Status.Phase != corev1.PodPending {
		return
	}
	_, err := b.api.Admin.CoreV1().Pods(pod.Namespace).Patch(b.t.Context(), pod.Name, types.StrategicMergePatchType,
		[]byte(podsRun), metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) && b.t.Context().Err() == nil {
		b.t.Errorf("run a pod: %v", err)
	}
}

// absence is how long a namespace that was removed is watched for coming back.
const absence = 3 * time.Second

// requireGone fails when the store's namespace is there, or comes back.
func (b *bundle) requireGone(id store.ID) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), absence)
	defer cancel()
	namespaces := b.api.Admin.CoreV1().Namespaces()
	_, err := namespaces.Get(ctx, id.Namespace(), metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		b.t.Fatalf("namespace %s is still there (%v)\n%s", id.Namespace(), err, b.told(id))
	}
	events, err := namespaces.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + id.Namespace()})
	if err != nil {
		b.t.Fatalf("watch the namespace: %v", err)
	}
	for event := range events.ResultChan() {
		b.t.Fatalf("namespace %s: %s after it was gone\n%s", id.Namespace(), event.Type, b.told(id))
	}
}
