package cluster

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/engine"
)

func TestRolloutReady(t *testing.T) {
	done := rollout{kind: kindDeployment, name: "web", generation: 3, observed: 3, want: 2, total: 2, updated: 2, available: 2}
	if !done.ready() {
		t.Error("a finished rollout isn't ready")
	}
	for name, change := range map[string]func(*rollout){
		"not observed":         func(r *rollout) { r.observed = 2 },
		"old pods are left":    func(r *rollout) { r.total = 3 },
		"not all are updated":  func(r *rollout) { r.updated = 1 },
		"not all are there":    func(r *rollout) { r.total, r.updated = 1, 1 },
		"not all can be asked": func(r *rollout) { r.available = 1 },
	} {
		r := done
		if change(&r); r.ready() {
			t.Errorf("ready although %s", name)
		}
	}
	if stopped := (rollout{generation: 1, observed: 1}); !stopped.ready() {
		t.Error("a workload of no pods isn't ready")
	}
}

// A controller counts no pod any more that it has asked to end.
func TestAWorkloadOfNoPodsIsReadyWhenNoneIsLeft(t *testing.T) {
	controller := true
	pod := func(kind, owner, hash string, phase corev1.PodPhase) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: owner + "-pod", Labels: map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash},
				OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: &controller}},
			},
			Status: corev1.PodStatus{Phase: phase},
		}
	}
	stopped := make(rollouts)
	stopped.add(rollout{kind: kindDeployment, name: "web"})
	stopped.add(rollout{kind: kindStatefulSet, name: "db"})
	stopped.add(rollout{kind: kindDeployment, name: "page", want: 1, total: 1, updated: 1, available: 1})
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"a shop's":              {pod("ReplicaSet", "web-1a", "1a", corev1.PodRunning), "deployment/web"},
		"a database's":          {pod(kindStatefulSet, "db", "", corev1.PodRunning), "statefulset/db"},
		"one that hasn't run":   {pod(kindStatefulSet, "db", "", corev1.PodPending), "statefulset/db"},
		"an evicted one":        {pod(kindStatefulSet, "db", "", corev1.PodFailed), ""},
		"the page's":            {pod("ReplicaSet", "page-1a", "1a", corev1.PodRunning), ""},
		"a job's":               {pod("Job", "cron-1", "", corev1.PodRunning), ""},
		"of another's likeness": {pod("ReplicaSet", "web-1a", "", corev1.PodRunning), ""},
	} {
		r, waiting := stopped.waitingFor(nil, stopped, []*corev1.Pod{c.pod})
		if waiting != (c.want != "") || waiting && r.key() != c.want {
			t.Errorf("%s: waits for %q, want %q", name, r.key(), c.want)
		}
		if !waiting {
			continue
		}
		if why := diagnose(r, []*corev1.Pod{c.pod}); why.Reason != reasonEnding || why.Detail != c.pod.Name {
			t.Errorf("%s: %+v", name, why)
		}
	}
}

// How a pod fails that shall not be any more is nobody's concern.
func TestNothingIsHopelessAboutPodsThatShallEnd(t *testing.T) {
	controller := true
	crashing := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: kindStatefulSet, Name: "db", Controller: &controller}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "db", RestartCount: 9, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonCrashLoop}},
		}}},
	}
	r := rollout{kind: kindStatefulSet, name: "db", total: 1, updated: 1}
	if e := hopeless(r, []*corev1.Pod{crashing}); e != nil {
		t.Errorf("%+v", e)
	}
	r.want = 1
	if hopeless(r, []*corev1.Pod{crashing}) == nil {
		t.Error("the crash isn't seen where the pod is wanted")
	}
}

func TestStatefulSetCountsUpdatedPodsOnlyWhileItChanges(t *testing.T) {
	one := int32(1)
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db", Generation: 1},
		Spec:       appsv1.StatefulSetSpec{Replicas: &one},
		Status:     appsv1.StatefulSetStatus{ObservedGeneration: 1, Replicas: 1, AvailableReplicas: 1, CurrentRevision: "a", UpdateRevision: "a"},
	}
	if !statefulSetRollout(set).ready() {
		t.Error("never changed, and not ready")
	}
	set.Status.UpdateRevision = "b"
	if statefulSetRollout(set).ready() {
		t.Error("ready with the pods of the revision before")
	}
}

func TestWaitingForNeedsACacheAsNewAsTheLiveRead(t *testing.T) {
	listed := []engine.Workload{{Kind: "StatefulSet", Name: "db"}, {Kind: "Deployment", Name: "web"}}
	all := func(generation int64) rollouts {
		rs := make(rollouts)
		for _, w := range listed {
			rs.add(rollout{kind: w.Kind, name: w.Name, generation: generation, observed: generation})
		}
		rs.add(rollout{kind: kindDeployment, name: "extra", generation: generation, observed: generation})
		return rs
	}
	if r, waiting := all(2).waitingFor(listed, all(2), nil); waiting {
		t.Errorf("waits for %s although all is ready", r.key())
	}
	if _, waiting := all(3).waitingFor(listed, all(2), nil); waiting {
		t.Error("waits although the cache is newer")
	}
	if r, waiting := all(1).waitingFor(listed, all(2), nil); !waiting || r.key() != "statefulset/db" {
		t.Errorf("waits for %q of a cache that is behind, want the first one listed", r.key())
	}
	if _, waiting := (rollouts)(nil).waitingFor(listed, all(2), nil); !waiting {
		t.Error("an empty cache is ready")
	}
	partly := all(2)
	extra := partly["deployment/extra"]
	extra.want = 1
	partly.add(extra)
	if r, waiting := partly.waitingFor(listed, all(2), nil); !waiting || r.key() != "deployment/extra" {
		t.Errorf("waits for %q, want the one that isn't listed", r.key())
	}
}

// pod is one of web's, made by the ReplicaSet of a template's hash.
func pod(hash string, age time.Duration, status corev1.PodStatus) *corev1.Pod {
	yes := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web-" + hash, CreationTimestamp: metav1.NewTime(time.Now().Add(-age)),
			Labels:          map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-" + hash, Controller: &yes}},
		},
		Status: status,
	}
}

func waits(reason string, restarts int32) corev1.PodStatus {
	return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
		Name: "web", RestartCount: restarts, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
	}}}
}

func TestHopelessJudgesOnlyTheNewestTemplate(t *testing.T) {
	current := rollout{kind: kindDeployment, name: "web", generation: 2, observed: 2, want: 1, updated: 1}
	behind := current
	behind.observed = 1
	for name, test := range map[string]struct {
		rollout rollout
		pods    []*corev1.Pod
		want    string
	}{
		"no image":          {current, []*corev1.Pod{pod("b", 0, waits("ImagePullBackOff", 0))}, "ImagePullBackOff"},
		"no image before":   {current, []*corev1.Pod{pod("a", time.Hour, waits("ImagePullBackOff", 0)), pod("b", 0, waits("ContainerCreating", 0))}, ""},
		"not yet observed":  {behind, []*corev1.Pod{pod("a", time.Hour, waits("ImagePullBackOff", 0))}, ""},
		"first crashes":     {current, []*corev1.Pod{pod("b", 0, waits("CrashLoopBackOff", crashesToGiveUp-1))}, ""},
		"crash after crash": {current, []*corev1.Pod{pod("b", 0, waits("CrashLoopBackOff", crashesToGiveUp))}, "CrashLoopBackOff"},
		"another's pod":     {rollout{kind: kindDeployment, name: "db", updated: 1}, []*corev1.Pod{pod("b", 0, waits("ImagePullBackOff", 0))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if e := hopeless(test.rollout, test.pods); e != nil {
				got = e.Reason
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDiagnose(t *testing.T) {
	current := rollout{kind: kindDeployment, name: "web", generation: 1, observed: 1, want: 1, updated: 1}
	refused := current
	refused.refused = "exceeded"
	expired := current
	expired.expired = "has timed out progressing"
	unschedulable := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}}
	for want, test := range map[string]struct {
		rollout rollout
		status  corev1.PodStatus
	}{
		"Unschedulable":            {current, unschedulable},
		"ContainerCreating":        {current, waits("ContainerCreating", 0)},
		"PodsNotReady":             {current, corev1.PodStatus{}},
		"PodsRefused":              {refused, corev1.PodStatus{}},
		"ProgressDeadlineExceeded": {expired, corev1.PodStatus{}},
		"NoPodsYet":                {rollout{kind: kindDeployment, name: "web", want: 1}, corev1.PodStatus{}},
	} {
		if e := diagnose(test.rollout, []*corev1.Pod{pod("a", 0, test.status)}); e.Reason != want || e.Sentence == "" {
			t.Errorf("got %s (%q), want %s", e.Reason, e.Sentence, want)
		}
	}
}

func TestTrimKeepsWhatReadinessIsMadeOf(t *testing.T) {
	full := pod("a", 0, waits("ImagePullBackOff", 2))
	full.Annotations = map[string]string{"much": "text"}
	full.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	full.Spec.Containers = []corev1.Container{{Name: "web", Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "x"}}}}
	before := diagnose(rollout{kind: kindDeployment, name: "web", updated: 1, want: 1}, []*corev1.Pod{full})
	trimmed, err := trim(full)
	if err != nil {
		t.Fatal(err)
	}
	got := trimmed.(*corev1.Pod)
	if got.Annotations != nil || got.ManagedFields != nil || got.Spec.Containers != nil {
		t.Errorf("too much is left: %+v", got)
	}
	after := diagnose(rollout{kind: kindDeployment, name: "web", updated: 1, want: 1}, []*corev1.Pod{got})
	if *before != *after {
		t.Errorf("got %+v of the trimmed pod, want %+v", after, before)
	}
}

func TestPodNeedsCountInitContainersOnce(t *testing.T) {
	sized := func(memory string) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: mustParse(t, memory)}}}
	}
	need := podNeeds(corev1.PodSpec{Containers: []corev1.Container{sized("10Mi"), sized("20Mi")}, InitContainers: []corev1.Container{sized("50Mi"), sized("40Mi")}})
	if got := need[corev1.ResourceLimitsMemory]; got.Cmp(mustParse(t, "50Mi")) != 0 {
		t.Errorf("got %s, want 50Mi", got.String())
	}
}

func mustParse(t *testing.T, text string) resource.Quantity {
	t.Helper()
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		t.Fatal(err)
	}
	return quantity
}
