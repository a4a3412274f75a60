package provisioner_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

// podsRun is the status of a pod that a kubelet has started. The pods stay without a node, so nobody has to let them
// end gracefully when their namespace goes.
const podsRun = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"ContainersReady","status":"True"}]}}`

// kubeletPause lies between two tries of what the API server didn't do.
const kubeletPause = 100 * time.Millisecond

// startKubelet makes every pod of the installation run, from now until the test ends.
func (b *bundle) startKubelet() {
	b.t.Helper()
	ctx := b.t.Context()
	var running sync.WaitGroup
	b.t.Cleanup(running.Wait)
	running.Go(func() {
		// A watch ends now and then, and what happens meanwhile is in the next list.
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if err := b.runPods(ctx); err != nil && ctx.Err() == nil {
				b.t.Logf("the kubelet begins anew: %v", err)
			}
		}, kubeletPause)
	})
}

// runPods makes pods run until its watch ends.
func (b *bundle) runPods(ctx context.Context) error {
	selector := metav1.ListOptions{LabelSelector: cluster.LabelInstallation + "=" + b.installation}
	pods, err := b.api.Admin.CoreV1().Pods("").List(ctx, selector)
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	selector.ResourceVersion = pods.ResourceVersion
	events, err := b.api.Admin.CoreV1().Pods("").Watch(ctx, selector)
	if err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	defer events.Stop()
	for i := range pods.Items {
		b.runPod(ctx, &pods.Items[i])
	}
	for event := range events.ResultChan() {
		if event.Type == watch.Error {
			return fmt.Errorf("watch pods: %w", apierrors.FromObject(event.Object))
		}
		if pod, ok := event.Object.(*corev1.Pod); ok {
			b.runPod(ctx, pod)
		}
	}
	return nil
}

func (b *bundle) runPod(ctx context.Context, pod *corev1.Pod) {
	if _, roomless := b.unscheduled.Load(pod.Namespace); roomless || pod.Status.Phase != corev1.PodPending {
		return
	}
	var last error
	err := wait.PollUntilContextTimeout(ctx, kubeletPause, patience, true, func(ctx context.Context) (bool, error) {
		_, last = b.api.Admin.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType,
			[]byte(podsRun), metav1.PatchOptions{}, "status")
		return last == nil || apierrors.IsNotFound(last), nil
	})
	if err != nil && ctx.Err() == nil {
		b.t.Errorf("run a pod: %v", last)
	}
}

// absence is how long a namespace that was removed is watched for coming back.
const absence = 3 * time.Second

// requireGone fails when the store's namespace is there, or comes back.
func (b *bundle) requireGone(id store.ID) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
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
	b.duringAbsence(events, func(event watch.Event) {
		b.t.Fatalf("namespace %s: %s after it was gone\n%s", id.Namespace(), event.Type, b.told(id))
	})
}

// duringAbsence passes on what an open watch sees for as long as an absence is watched. One that ends before has seen
// too little.
func (b *bundle) duringAbsence(events watch.Interface, see func(watch.Event)) {
	b.t.Helper()
	defer events.Stop()
	over := time.After(absence)
	for {
		select {
		case event, open := <-events.ResultChan():
			if !open || event.Type == watch.Error {
				b.t.Fatalf("the watch for a namespace that comes back ended: %v", event.Object)
			}
			see(event)
		case <-over:
			return
		}
	}
}
