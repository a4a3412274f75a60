package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/store"
)

// endings are how containers of a store had ended before a wait for it began. A kubelet tells of an end until the next:
// of one that whoever asks for a retry has mended the cause of, as of any other.
type endings map[ending]bool

type ending struct {
	pod types.UID
	// container is the kubelet's id of one run: the next run has another.
	container string
}

func (o *Operation) endings(ctx context.Context, id store.ID) (endings, error) {
	pods, err := o.client.CoreV1().Pods(id.Namespace()).List(ctx, metav1.ListOptions{LabelSelector: o.cluster.selector(id)})
	if err != nil {
		return nil, o.fail("list pods", err)
	}
	found := make(endings)
	for i := range pods.Items {
		pod := &pods.Items[i]
		for _, status := range containers(pod) {
			for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
				if state.Terminated != nil {
					found[ending{pod.UID, state.Terminated.ContainerID}] = true
				}
			}
		}
	}
	return found, nil
}

// forgotten are the pods without these endings, and without the loops that only they have led to.
func (e endings) forgotten(pods []*corev1.Pod) []*corev1.Pod {
	if len(e) == 0 {
		return pods
	}
	left := make([]*corev1.Pod, len(pods))
	for i, pod := range pods {
		left[i] = pod.DeepCopy()
		e.forget(pod.UID, left[i].Status.InitContainerStatuses)
		e.forget(pod.UID, left[i].Status.ContainerStatuses)
	}
	return left
}

func (e endings) forget(pod types.UID, statuses []corev1.ContainerStatus) {
	old := func(s corev1.ContainerState) bool {
		return s.Terminated != nil && e[ending{pod, s.Terminated.ContainerID}]
	}
	for i := range statuses {
		status := &statuses[i]
		if old(status.State) {
			status.State = corev1.ContainerState{}
		}
		if !old(status.LastTerminationState) {
			continue
		}
		status.LastTerminationState = corev1.ContainerState{}
		if waiting := status.State.Waiting; waiting != nil && waiting.Reason == reasonCrashLoop {
			status.State = corev1.ContainerState{}
		}
	}
}
