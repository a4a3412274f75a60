package cluster_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
)

// looped is a container's status between two starts, the last of which has ended so.
func looped(end corev1.ContainerStateTerminated) corev1.PodStatus {
	status := waiting("CrashLoopBackOff", 3)
	status.ContainerStatuses[0].LastTerminationState.Terminated = &end
	return status
}

// endedAgain is a container's status behind such an end, before its kubelet says that it waits for the next start.
func endedAgain(end corev1.ContainerStateTerminated) corev1.PodStatus {
	status := looped(end)
	status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &end}
	return status
}

// What a kubelet says of a pod is told with the pod's name, and by what it comes from.
func TestAPodsCauseIsNamed(t *testing.T) {
	t.Parallel()
	const runtimeWords = `failed to create containerd task: OCI runtime create failed: exec: "/shop\x00": invalid argument`
	for name, c := range map[string]struct {
		status        corev1.PodStatus
		reason, words string
	}{
		"out of memory":        {looped(corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}), "OutOfMemory", "OOMKilled"},
		"never begun":          {looped(corev1.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: runtimeWords}), "RunContainerError", runtimeWords},
		"crash":                {looped(corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "password=hunter2"}), "CrashLoopBackOff", "ended with 1, Error"},
		"crash, just now":      {endedAgain(corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "password=hunter2"}), "CrashLoopBackOff", "ended with 1, Error"},
		"wrong at its start":   {waiting("CreateContainerConfigError", 0), "CreateContainerConfigError", "the cluster's own words"},
		"an image for nothing": {waiting("ImagePullBackOff", 0), "ImagePullBackOff", "the cluster's own words"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			op := b.isolated(t)
			b.deploy(t, "64Mi")
			ended := await(within(t, time.Minute), op, awaited(b.id))
			b.runPods(t, "registry.example/shop:1", c.status)
			b.wantCause(t, <-ended, c.reason, "pod/"+b.pod(t).Name, c.words)
		})
	}
}

func (b *testBundle) pod(t *testing.T) corev1.Pod {
	t.Helper()
	pods, err := b.api.Admin.CoreV1().Pods(b.id.Namespace()).List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d pods, %v", len(pods.Items), err)
	}
	return pods.Items[0]
}

// wantCause wants the reason, the object by name, and the words; and none that are a program's own.
func (b *testBundle) wantCause(t *testing.T, err error, reason, object, words string) {
	t.Helper()
	var why *cluster.NotReadyError
	e := cluster.Classify(err)
	if e == nil || e.Reason != reason || !errors.As(err, &why) || why.Object != object {
		t.Fatalf("got %+v of %+v, want %s of %s", e, why, reason, object)
	}
	if e.Sentence == "" || !strings.HasPrefix(e.Detail, object) || !strings.Contains(e.Detail, words) || strings.Contains(e.Detail, "hunter2") {
		t.Errorf("it says %q and %q, want %q of %s", e.Sentence, e.Detail, words, object)
	}
}

// tell says something about an object as a controller does, in an event.
func (b *testBundle) tell(t *testing.T, kind, name, about, reason, message string) {
	t.Helper()
	_, err := b.api.Admin.CoreV1().Events(b.id.Namespace()).Create(t.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: name + "-"},
		InvolvedObject: corev1.ObjectReference{Kind: about, Name: name, Namespace: b.id.Namespace()},
		Type:           kind, Reason: reason, Message: message, LastTimestamp: metav1.Now(),
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// A node that is gone tells nothing: its pods stay as they were but for one word, which the cluster says of them.
func TestAPodOfANodeThatIsGoneIsNamed(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	clustertest.Eventually(t, "there is a pod", func(ctx context.Context) (bool, error) {
		pods, err := b.api.Admin.CoreV1().Pods(b.id.Namespace()).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		return err == nil && len(pods.Items) == 1, err
	})
	pod := b.pod(t)
	pods := b.api.Admin.CoreV1().Pods(b.id.Namespace())
	// Without a kubelet nobody would let a pod of a node end.
	t.Cleanup(func() {
		now := int64(0)
		if err := pods.Delete(context.Background(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Error(err)
		}
	})
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: "node-7"}}
	if err := pods.Bind(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	left := running()
	left.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}, {Type: corev1.ContainersReady, Status: corev1.ConditionTrue}}
	b.runPods(t, "registry.example/shop:1", left)
	b.wantCause(t, b.awaitInVain(t, op, "NodeGone"), "NodeGone", "pod/"+pod.Name, "the node node-7 doesn't tell of it any more")
	b.tell(t, corev1.EventTypeWarning, pod.Name, "Pod", "NodeNotReady", "Node is not ready")
	b.wantCause(t, b.awaitInVain(t, op, "NodeGone"), "NodeGone", "pod/"+pod.Name, "NodeNotReady: Node is not ready")
	// It may be known before the pod's state shows it.
	left.Conditions = left.Conditions[:1]
	b.runPods(t, "registry.example/shop:1", left)
	b.wantCause(t, b.awaitInVain(t, op, "NodeGone"), "NodeGone", "pod/"+pod.Name, "NodeNotReady: Node is not ready")
}

// Nobody has refused to make the volume, and nobody makes it.
func TestAVolumeThatStaysUnboundIsNamed(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	class, immediate := "lone-"+string(b.id), storagev1.VolumeBindingImmediate
	if _, err := b.api.Admin.StorageV1().StorageClasses().Create(t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "example.com/nobody", VolumeBindingMode: &immediate,
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.api.Admin.StorageV1().StorageClasses().Delete(context.Background(), class, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	b.claim(t, &class, "")
	const words = "Waiting for a volume to be created either by the external provisioner 'example.com/nobody' or manually by the system administrator."
	b.tell(t, corev1.EventTypeNormal, "data", "PersistentVolumeClaim", "ExternalProvisioning", words)
	// What was said of a claim of the same name that is gone outlives it.
	if _, err := b.api.Admin.CoreV1().Events(b.id.Namespace()).Create(t.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: "data-"},
		InvolvedObject: corev1.ObjectReference{Kind: "PersistentVolumeClaim", Name: "data", Namespace: b.id.Namespace(), UID: "of-another"},
		Type:           corev1.EventTypeWarning, Reason: "ProvisioningFailed", Message: "not found", LastTimestamp: metav1.Now(),
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.deploy(t, "64Mi")
	b.runPods(t, "registry.example/shop:1", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
	}}})
	b.wantCause(t, b.awaitInVain(t, op, "VolumeNotBound"), "VolumeNotBound", "persistentvolumeclaim/data", words)
}
