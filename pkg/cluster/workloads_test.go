package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

var web = []engine.Workload{{Kind: "Deployment", Name: "web", Progress: "Starting the shop"}}

// deploy makes a Deployment as a release would. There is no node: the test plays the kubelet (runPods).
func (b *testBundle) deploy(t *testing.T, memory string) {
	t.Helper()
	one := int32(1)
	labels := b.provisioner.ObjectLabels(b.id)
	labels[cluster.LabelManagedBy] = "Helm"
	_, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: b.podTemplate(memory),
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) podTemplate(memory string) corev1.PodTemplateSpec {
	no, yes, user := false, true, int64(1000)
	labels := map[string]string{"app": "web", cluster.LabelInstallation: installation, cluster.LabelStore: string(b.id)}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "web", Image: "registry.example/shop:1",
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
				Resources:       corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}},
			}},
		},
	}
}

// runPods gives every pod that runs image the status that a kubelet would, once there is one.
func (b *testBundle) runPods(t *testing.T, image string, status corev1.PodStatus) {
	t.Helper()
	pods := b.api.Admin.CoreV1().Pods(b.id.Namespace())
	clustertest.Eventually(t, "there is a pod of "+image, func(ctx context.Context) (bool, error) {
		all, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return false, err
		}
		found := false
		for _, pod := range all.Items {
			if pod.Spec.Containers[0].Image != image {
				continue
			}
			pod.Status = status
			if _, err := pods.UpdateStatus(ctx, &pod, metav1.UpdateOptions{}); err != nil {
				return false, nil
			}
			found = true
		}
		return found, nil
	})
}

func running() corev1.PodStatus {
	return corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "web", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
		}},
	}
}

func waiting(reason string, restarts int32) corev1.PodStatus {
	return corev1.PodStatus{
		Phase: corev1.PodPending,
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "web", RestartCount: restarts,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "the cluster's own words"}},
		}},
	}
}

// awaited is web, with nobody to tell.
func awaited(id store.ID) cluster.Awaited {
	return cluster.Awaited{Store: id, Workloads: web, Tell: func(string) {}}
}

// await starts the wait; what it returns tells how it ended.
func await(ctx context.Context, op *cluster.Operation, a cluster.Awaited) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- op.AwaitWorkloads(ctx, a) }()
	return ended
}

func TestAwaitWorkloadsFollowsTheRollout(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	ended := await(within(t, time.Minute), op, awaited(b.id))
	b.runPods(t, "registry.example/shop:1", running())
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if ready, err := op.WorkloadsReady(t.Context(), b.id, web); err != nil || !ready {
		t.Errorf("ready is %v, %v", ready, err)
	}

	b.changeImage(t, "registry.example/shop:2")
	// The cache may still hold the rollout that was ready.
	if err := op.AwaitWorkloads(within(t, time.Second), awaited(b.id)); err == nil {
		t.Fatal("the previous rollout was taken for the new one")
	}
	ended = await(within(t, time.Minute), op, awaited(b.id))
	b.removePods(t)
	b.runPods(t, "registry.example/shop:2", running())
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) changeImage(t *testing.T, image string) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"web","image":%q}]}}}}`, image)
	_, err := b.api.Admin.AppsV1().Deployments(b.id.Namespace()).Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// removePods plays the kubelet's part in a pod's removal.
func (b *testBundle) removePods(t *testing.T) {
	t.Helper()
	now := int64(0)
	err := b.api.Admin.CoreV1().Pods(b.id.Namespace()).DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAwaitWorkloadsGivesUpAtOnceWhereWaitingIsPointless(t *testing.T) {
	t.Parallel()
	for _, hopeless := range []corev1.PodStatus{waiting("ImagePullBackOff", 0), waiting("CrashLoopBackOff", 3)} {
		reason := hopeless.ContainerStatuses[0].State.Waiting.Reason
		t.Run(reason, func(t *testing.T) {
			b := setup(t)
			op := b.isolated(t)
			b.deploy(t, "64Mi")
			ended := await(within(t, time.Minute), op, awaited(b.id))
			b.runPods(t, "registry.example/shop:1", hopeless)
			err := <-ended
			wantKind(t, err, cluster.Transient, reason)
			wantNotReady(t, err, "deployment/web", "container web: the cluster's own words")
		})
	}
}

func wantNotReady(t *testing.T, err error, workload, detail string) {
	t.Helper()
	var e *cluster.NotReadyError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *NotReadyError", err)
	}
	if e.Workload != workload || e.Sentence == "" || !strings.HasSuffix(e.Detail, detail) {
		t.Errorf("got %+v", e)
	}
}

func TestAwaitWorkloadsSaysAtTheDeadlineWhatIsMissing(t *testing.T) {
	unschedulable := corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available",
	}}}
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	b.runPods(t, "registry.example/shop:1", unschedulable)
	err := b.awaitInVain(t, op, "Unschedulable")
	wantKind(t, err, cluster.Transient, "Unschedulable")
	wantNotReady(t, err, "deployment/web", "0/1 nodes are available")
}

// A cluster that can't make the store's volume has room enough, and the scheduler calls it the same.
func TestAwaitWorkloadsKnowsAVolumeThatNobodyMakes(t *testing.T) {
	t.Parallel()
	fast := "fast"
	for reason, c := range map[string]struct {
		class            *string
		complaint, words string
	}{
		"NoStorageClass": {nil, "", "persistentvolumeclaim/data has no storage class"},
		"VolumeNotMade":  {&fast, "storageclass not found", "persistentvolumeclaim/data of class fast: ProvisioningFailed: storageclass not found"},
	} {
		t.Run(reason, func(t *testing.T) {
			b := setup(t)
			op := b.isolated(t)
			b.claim(t, c.class, c.complaint)
			b.deploy(t, "64Mi")
			b.runPods(t, "registry.example/shop:1", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
				Message: "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
			}}})
			err := b.awaitInVain(t, op, reason)
			wantKind(t, err, cluster.Transient, reason)
			var e *cluster.NotReadyError
			if !errors.As(err, &e) || e.Sentence == "" || !strings.Contains(e.Detail, c.words) {
				t.Errorf("it says %+v", e)
			}
		})
	}
}

// claim asks for a volume as a chart does; complaint is what its provisioner says of it.
func (b *testBundle) claim(t *testing.T, class *string, complaint string) {
	t.Helper()
	_, err := b.api.Admin.CoreV1().PersistentVolumeClaims(b.id.Namespace()).Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: class,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if complaint != "" {
		b.tell(t, corev1.EventTypeWarning, "data", "PersistentVolumeClaim", "ProvisioningFailed", complaint)
	}
}

func TestAwaitWorkloadsKnowsAStoreThatIsTooBigForItsPlan(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	quotas := b.api.Admin.CoreV1().ResourceQuotas(b.id.Namespace())
	clustertest.Eventually(t, "the quota is counted", func(ctx context.Context) (bool, error) {
		quota, err := quotas.Get(ctx, "store", metav1.GetOptions{})
		return err == nil && len(quota.Status.Hard) > 0, err
	})
	b.fillQuota(t)
	b.awaitRefusal(t, "200Mi")
	b.deploy(t, "200Mi")
	err := b.awaitInVain(t, op, "QuotaExceeded")
	wantKind(t, err, cluster.Transient, "QuotaExceeded")
}

// awaitInVain waits again and again until it is told of the reason, and returns what it was told last: at a deadline that
// comes early the controllers or the watches may not have come round yet.
func (b *testBundle) awaitInVain(t *testing.T, op *cluster.Operation, reason string) error {
	t.Helper()
	for patience := within(t, time.Minute); ; {
		err := op.AwaitWorkloads(within(t, 2*time.Second), awaited(b.id))
		var e *cluster.Error
		if err == nil || errors.As(err, &e) && e.Reason == reason || patience.Err() != nil {
			return err
		}
	}
}

// fillQuota takes all of the plan's memory but a little.
func (b *testBundle) fillQuota(t *testing.T) {
	t.Helper()
	patch := []byte(`{"spec":{"hard":{"limits.memory":"100Mi"}}}`)
	quotas := b.api.Admin.CoreV1().ResourceQuotas(b.id.Namespace())
	if _, err := quotas.Patch(t.Context(), "store", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, "the quota is counted", func(ctx context.Context) (bool, error) {
		quota, err := quotas.Get(ctx, "store", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		memory := quota.Status.Hard[corev1.ResourceLimitsMemory]
		return memory.Cmp(resource.MustParse("100Mi")) == 0, nil
	})
}

// awaitRefusal waits until a pod of that size is refused.
func (b *testBundle) awaitRefusal(t *testing.T, memory string) {
	t.Helper()
	template := b.podTemplate(memory)
	template.GenerateName = "web-"
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	clustertest.AwaitOverQuota(t, func(ctx context.Context, dry metav1.CreateOptions) error {
		_, err := b.api.Admin.CoreV1().Pods(b.id.Namespace()).Create(ctx, pod, dry)
		return err
	})
}

func TestAwaitWorkloadsMissesWhatTheChartDoesNotBring(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	wantKind(t, op.AwaitWorkloads(t.Context(), awaited(b.id)), cluster.Permanent, "WorkloadMissing")
}

func TestAwaitWorkloadsEndsWithItsContext(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	ctx, cancel := context.WithCancel(t.Context())
	ended := await(ctx, op, awaited(b.id))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
