package cluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// Seen is what runs of a store, as the watches know it: asking for it costs the API server nothing.
type Seen struct {
	Workloads []query.Workload
	Pods      []query.Pod
	// There says whether the store has a namespace, Complete whether the watches know all there is: before that, what isn't here
	// may only not have been heard of.
	There, Complete bool
}

// Seen looks at what runs of a store.
func (c *Cluster) Seen(id store.ID) Seen {
	known := c.watcher.caches.Load()
	if known == nil {
		return Seen{}
	}
	_, err := known.namespaces.Get(id.Namespace())
	seen := Seen{There: err == nil, Complete: known.complete()}
	found, pods := c.watcher.look(id.Namespace())
	all := found.others(nil)
	for _, r := range all {
		seen.Workloads = append(seen.Workloads, workloadSeen(r, pods))
	}
	for _, pod := range pods {
		seen.Pods = append(seen.Pods, podSeen(pod, all))
	}
	slices.SortFunc(seen.Pods, func(a, b query.Pod) int { return strings.Compare(a.Name, b.Name) })
	return seen
}

// Struggling is Failing of a store that is being made or changed, or whose making has failed: what isn't there yet isn't missed.
// early says that what is found may still be the way of a start. failures are the pack's.
func (c *Cluster) Struggling(id store.ID, failures []engine.Failure) (found *Error, early bool) {
	workloads, pods := c.watcher.look(id.Namespace())
	for _, r := range workloads.others(nil) {
		if e := failed(r, pods, failures); e != nil {
			return e, false
		}
		e := failing(r, pods)
		switch {
		case e == nil:
		case !starting(e.Reason) || hopeless(r, pods) != nil:
			return e, false
		case found == nil:
			found, early = e, true
		}
	}
	return found, early
}

// starting says whether it may be how a store starts: a shop that comes before its database ends once or twice.
func starting(reason string) bool {
	return reason == reasonCrashLoop || reason == reasonEnding || onItsWay[reason] && reason != reasonNoProgress
}

// Explained adds to what Failing or Struggling found what only a live look tells: a few requests, where the watches leave it open.
func (c *Cluster) Explained(ctx context.Context, id store.ID, found *Error) *Error {
	var why *NotReadyError
	if !errors.As(found, &why) {
		return found
	}
	op, err := c.Operation(Looking(ctx))
	if err != nil {
		return found
	}
	copied := *why
	looked := op.explain(ctx, id, &copied)
	if *looked == *why {
		return found
	}
	_, name, _ := strings.Cut(looked.Workload, "/")
	return broken(rollout{name: name}, looked)
}

// Object is what of the cluster an error is about, like pod/web-1; empty where it doesn't say.
func (e *Error) Object() string {
	var why *NotReadyError
	if errors.As(e, &why) {
		return cmp.Or(why.Object, why.Workload)
	}
	return ""
}

func workloadSeen(r rollout, pods []*corev1.Pod) query.Workload {
	w := query.Workload{Kind: r.kind, Name: r.name, Wanted: r.want, Available: r.available, Updated: r.updated}
	if r.want > 0 && !r.ready() || len(r.ending(pods)) > 0 {
		why := whyNot(r, pods)
		w.Cause = query.Cause{Reason: why.Reason, Message: why.Sentence, Detail: store.Bounded(why.Detail)}
	}
	return w
}

func podSeen(pod *corev1.Pod, all []rollout) query.Pod {
	p := query.Pod{
		Name: pod.Name, Workload: ownerOf(pod, all), Phase: string(pod.Status.Phase), Node: pod.Spec.NodeName,
		Since: pod.CreationTimestamp.Time, Ending: pod.DeletionTimestamp != nil,
		Reason: pod.Status.Reason, Message: store.Bounded(pod.Status.Message), Containers: []query.Container{},
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Type == corev1.PodReady:
			p.Ready = condition.Status == corev1.ConditionTrue
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && p.Reason == "":
			p.Reason, p.Message = condition.Reason, store.Bounded(condition.Message)
		}
	}
	for _, status := range pod.Status.InitContainerStatuses {
		p.Containers = append(p.Containers, containerSeen(status, true))
	}
	for _, status := range pod.Status.ContainerStatuses {
		p.Containers = append(p.Containers, containerSeen(status, false))
	}
	return p
}

// ownerOf is a workload of the store's, or whoever else has made the pod.
func ownerOf(pod *corev1.Pod, all []rollout) string {
	for _, r := range all {
		if r.owns(pod) {
			return r.key()
		}
	}
	if owner := metav1.GetControllerOf(pod); owner != nil {
		return workloadKey(owner.Kind, owner.Name)
	}
	return ""
}

func containerSeen(status corev1.ContainerStatus, init bool) query.Container {
	c := query.Container{Name: status.Name, Init: init, Ready: status.Ready, Restarts: status.RestartCount}
	last := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
	switch state := status.State; {
	case state.Running != nil:
		started := state.Running.StartedAt.Time
		c.State, c.Since = "running", &started
	case state.Terminated != nil:
		c.State, c.Reason, c.Message = "ended", state.Terminated.Reason, store.Bounded(state.Terminated.Message)
	default:
		c.State = "waiting"
		if state.Waiting != nil {
			c.Reason, c.Message = state.Waiting.Reason, store.Bounded(state.Waiting.Message)
		}
	}
	if last != nil {
		c.Last = &query.ContainerEnd{ExitCode: last.ExitCode, Reason: last.Reason, At: last.FinishedAt.Time}
	}
	return c
}
