package cluster

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/engine"
)

// Kinds of workload that a chart may bring.
const (
	kindDeployment  = "Deployment"
	kindStatefulSet = "StatefulSet"
)

// rollout is how far one workload has come, whatever its kind.
type rollout struct {
	kind, name           string
	generation, observed int64
	// want is how many pods there shall be, total how many there are, updated how many of them are of the newest
	// template, available how many of them serve.
	want, total, updated, available int32
	// revision is the newest template's hash, where the kind tells it.
	revision string
	// refused is the controller's word on why it can't make pods; expired, on why it gave up waiting for them.
	refused, expired string
}

func (r rollout) key() string { return workloadKey(r.kind, r.name) }

func workloadKey(kind, name string) string { return strings.ToLower(kind) + "/" + name }

func (r rollout) ready() bool {
	return r.observed >= r.generation && r.updated == r.want && r.total == r.want && r.available == r.want
}

func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func deploymentRollout(d *appsv1.Deployment) rollout {
	r := rollout{
		kind: kindDeployment, name: d.Name, generation: d.Generation, observed: d.Status.ObservedGeneration,
		want: replicas(d.Spec.Replicas), total: d.Status.Replicas, updated: d.Status.UpdatedReplicas, available: d.Status.AvailableReplicas,
	}
	for _, condition := range d.Status.Conditions {
		switch {
		case condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue:
			r.refused = condition.Message
		case condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse:
			r.expired = condition.Message
		}
	}
	return r
}

func statefulSetRollout(s *appsv1.StatefulSet) rollout {
	updated := s.Status.UpdatedReplicas
	// A set that was never changed counts no pod as updated in some versions; its two revisions are then the same.
	if s.Status.CurrentRevision == s.Status.UpdateRevision {
		updated = s.Status.Replicas
	}
	return rollout{
		kind: kindStatefulSet, name: s.Name, generation: s.Generation, observed: s.Status.ObservedGeneration,
		want: replicas(s.Spec.Replicas), total: s.Status.Replicas, updated: updated, available: s.Status.AvailableReplicas,
		revision: s.Status.UpdateRevision,
	}
}

// rollouts are all workloads of one store by key.
type rollouts map[string]rollout

// waitingFor is the first workload that isn't ready: of those the pack lists, in its order, then of the others. since
// are the rollouts as they were read live: a cache that is behind them proves nothing.
func (rs rollouts) waitingFor(listed []engine.Workload, since rollouts, pods []*corev1.Pod) (rollout, bool) {
	for _, w := range listed {
		if r, ok := rs.unready(workloadKey(w.Kind, w.Name), since, pods); ok {
			r.kind, r.name = w.Kind, w.Name
			return r, true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(since)) {
		if r, ok := rs.unready(key, since, pods); ok {
			return r, true
		}
	}
	return rollout{}, false
}

func (rs rollouts) unready(key string, since rollouts, pods []*corev1.Pod) (rollout, bool) {
	r, cached := rs[key]
	if !cached || r.generation < since[key].generation {
		behind := since[key]
		// What the live read said of its pods is older than what the cache is going to say.
		behind.refused, behind.expired = "", ""
		return behind, true
	}
	return r, !r.ready() || len(r.ending(pods)) > 0
}

// wantsNone says whether one of the rollouts is of no pods.
func (rs rollouts) wantsNone() bool {
	for _, r := range rs {
		if r.want == 0 {
			return true
		}
	}
	return false
}

// ending are the pods that a workload of none still has, by name. Controllers stop counting a pod when they ask it to end,
// and a database may take a minute from there: until then its volume is in use, and what it says is said by the store. One
// that has ended, as after an eviction, stays where it is and is in nobody's way.
func (r rollout) ending(pods []*corev1.Pod) []string {
	if r.want > 0 {
		return nil
	}
	var names []string
	for _, pod := range pods {
		ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if r.owns(pod) && !ended {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}

// owns goes by the owner's name: between a Deployment and its pods stands a ReplicaSet, which nobody watches.
func (r rollout) owns(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	switch {
	case owner == nil:
		return false
	case r.kind == kindStatefulSet:
		return owner.Kind == kindStatefulSet && owner.Name == r.name
	default:
		return owner.Name == r.name+"-"+pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	}
}

// podsOf are the pods of the rollout's newest template, as far as they are known. Of older ones nothing is to be
// learnt, they may be the reason for the change; and nothing of those that shall not be.
func podsOf(r rollout, pods []*corev1.Pod) []*corev1.Pod {
	if r.want == 0 || r.updated == 0 || r.observed < r.generation {
		return nil
	}
	var newest []*corev1.Pod
	var hash string
	var made metav1.Time
	for _, pod := range pods {
		switch {
		case !r.owns(pod):
		case r.kind == kindStatefulSet:
			if r.revision == pod.Labels[appsv1.ControllerRevisionHashLabelKey] {
				newest = append(newest, pod)
			}
		default:
			podHash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
			if made.Before(&pod.CreationTimestamp) {
				made = pod.CreationTimestamp
				if podHash != hash {
					hash, newest = podHash, nil
				}
			}
			if podHash == hash {
				newest = append(newest, pod)
			}
		}
	}
	return newest
}
