package cluster

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFailingNamesThePartAndTheCause(t *testing.T) {
	controller := true
	crashing := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: kindStatefulSet, Name: "database", Controller: &controller}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "mariadb", RestartCount: 4, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonCrashLoop}},
		}}},
	}
	for name, c := range map[string]struct {
		rollout          rollout
		pods             []*corev1.Pod
		reason, sentence string
	}{
		"serves":  {rollout: rollout{kind: kindStatefulSet, name: "database", want: 1, total: 1, updated: 1, available: 1}},
		"renewed": {rollout: rollout{kind: kindDeployment, name: "web", generation: 2, observed: 2, want: 1, total: 2, updated: 1, available: 1}},
		// As with a part that the plan does without.
		"not wanted": {rollout: rollout{kind: kindStatefulSet, name: "database"}},
		"not ready": {
			rollout: rollout{kind: kindStatefulSet, name: "database", want: 1, total: 1, updated: 1},
			reason:  reasonNoPods, sentence: "A part of the store, database, doesn't work. 0 of its 1 pods work.",
		},
		"crashing": {
			rollout: rollout{kind: kindStatefulSet, name: "database", want: 1, total: 1, updated: 1}, pods: []*corev1.Pod{crashing},
			reason: reasonCrashLoop, sentence: "A part of the store, database, doesn't work. " + sentences[reasonCrashLoop],
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := failing(c.rollout, c.pods)
			if c.reason == "" {
				if e != nil {
					t.Fatalf("%+v", e)
				}
				return
			}
			if e == nil || e.Reason != c.reason || e.Sentence != c.sentence || !strings.HasPrefix(e.Detail, "statefulset/database") {
				t.Fatalf("got %+v, want %s: %s", e, c.reason, c.sentence)
			}
		})
	}
}

func TestWhatDoesNotChangeByItself(t *testing.T) {
	at := func(generation int64, version string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: "web", Generation: generation, ResourceVersion: version}
	}
	for name, c := range map[string]struct {
		before, now any
		want        bool
	}{
		"a Deployment's status": {&appsv1.Deployment{ObjectMeta: at(1, "1")}, &appsv1.Deployment{ObjectMeta: at(1, "2")}, false},
		"a Deployment's spec":   {&appsv1.Deployment{ObjectMeta: at(1, "1")}, &appsv1.Deployment{ObjectMeta: at(2, "2")}, true},
		"a Deployment removed":  {nil, &appsv1.Deployment{ObjectMeta: at(1, "1")}, true},
		"a pod removed":         {nil, &corev1.Pod{ObjectMeta: at(1, "1")}, false},
		"a Service changed":     {&metav1.PartialObjectMetadata{ObjectMeta: at(0, "1")}, &metav1.PartialObjectMetadata{ObjectMeta: at(0, "2")}, true},
		"an Ingress's status":   {&metav1.PartialObjectMetadata{ObjectMeta: at(1, "1")}, &metav1.PartialObjectMetadata{ObjectMeta: at(1, "2")}, false},
		"a namespace's status":  {&corev1.Namespace{ObjectMeta: at(0, "1")}, &corev1.Namespace{ObjectMeta: at(0, "2")}, false},
	} {
		if got := wantedChanged(c.before, c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
