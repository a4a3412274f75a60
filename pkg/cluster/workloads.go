package cluster

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// Awaited is what AwaitWorkloads waits for.
type Awaited struct {
	Store store.ID
	// Workloads are those that must be there, in the order in which they come up.
	Workloads []engine.Workload
	// Failures are the ends of init containers that no waiting would change.
	Failures []engine.Failure
	// Again says that the store was tried before by a command that has ended: how its containers had ended by then says
	// nothing about how they are going to.
	Again bool
	// Tell hears what the store's pods are at, in the pack's words, whenever that changes. It is called by the goroutine
	// that waits.
	Tell func(phrase string)
}

// AwaitWorkloads waits until all listed workloads, and every other one of the store, are rolled out and available; of one
// that shall have no pods none is left then. It reads live once and then waits for the watches to reach at least that: a cache that hasn't seen the release yet
// would call the previous one ready.
//
// The error is a *NotReadyError inside an *Error at ctx's deadline, and at once when waiting is pointless.
func (o *Operation) AwaitWorkloads(ctx context.Context, a Awaited) error {
	wake, done := o.cluster.watcher.wait(a.Store.Namespace())
	defer done()
	since, err := o.readRollouts(ctx, a.Store, a.Workloads)
	if err != nil {
		return err
	}
	var before endings
	if a.Again {
		if before, err = o.endings(ctx, a.Store); err != nil {
			return err
		}
	}
	told := ""
	for {
		cached, pods := o.cluster.watcher.look(a.Store.Namespace())
		r, waiting := cached.waitingFor(a.Workloads, since, pods)
		if !waiting {
			// The watch of pods may not have heard yet of one that others have been told to end.
			if r, waiting, err = o.notEnded(ctx, a.Store, a.Workloads, cached); err != nil || !waiting {
				return err
			}
		}
		if err := o.pointless(ctx, a, r, before.forgotten(pods)); err != nil {
			return err
		}
		if phrase := phraseOf(r, pods, a.Workloads); phrase != "" && phrase != told {
			a.Tell(phrase)
			told = phrase
		}
		select {
		case <-wake:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return o.explain(ctx, a.Store, diagnose(r, pods)).classified()
			}
			return o.fail("wait for "+r.key(), ctx.Err())
		}
	}
}

// pointless is the reason not to wait any longer, or nil.
func (o *Operation) pointless(ctx context.Context, a Awaited, r rollout, pods []*corev1.Pod) error {
	if e := failed(r, pods, a.Failures); e != nil {
		return e
	}
	if e := hopeless(r, pods); e != nil {
		return o.explain(ctx, a.Store, e).classified()
	}
	return nil
}

// WorkloadsReady looks once, live.
func (o *Operation) WorkloadsReady(ctx context.Context, id store.ID, listed []engine.Workload) (bool, error) {
	live, err := o.liveRollouts(ctx, id)
	if err != nil {
		return false, err
	}
	if _, waiting := live.waitingFor(listed, live, nil); waiting {
		return false, nil
	}
	_, waiting, err := o.notEnded(ctx, id, listed, live)
	return err == nil && !waiting, err
}

// notEnded is the first workload of no pods that still has one, as the API server knows them.
func (o *Operation) notEnded(ctx context.Context, id store.ID, listed []engine.Workload, found rollouts) (rollout, bool, error) {
	if !found.wantsNone() {
		return rollout{}, false, nil
	}
	all, err := o.client.CoreV1().Pods(id.Namespace()).List(ctx, metav1.ListOptions{LabelSelector: o.cluster.selector(id)})
	if err != nil {
		return rollout{}, false, o.fail("list pods", err)
	}
	pods := make([]*corev1.Pod, len(all.Items))
	for i := range all.Items {
		pods[i] = &all.Items[i]
	}
	r, waiting := found.waitingFor(listed, found, pods)
	return r, waiting, nil
}

// readRollouts is the live look that a wait begins with.
func (o *Operation) readRollouts(ctx context.Context, id store.ID, listed []engine.Workload) (rollouts, error) {
	live, err := o.liveRollouts(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, w := range listed {
		if _, ok := live[workloadKey(w.Kind, w.Name)]; !ok {
			err := fmt.Errorf("the release has no %s", workloadKey(w.Kind, w.Name))
			return nil, wrap(err, Permanent, "WorkloadMissing", "The engine's chart doesn't bring a part that the engine announces.")
		}
	}
	return live, nil
}

func (o *Operation) liveRollouts(ctx context.Context, id store.ID) (rollouts, error) {
	selector := metav1.ListOptions{LabelSelector: o.cluster.selector(id)}
	deployments, err := o.client.AppsV1().Deployments(id.Namespace()).List(ctx, selector)
	if err != nil {
		return nil, o.fail("list deployments", err)
	}
	statefulSets, err := o.client.AppsV1().StatefulSets(id.Namespace()).List(ctx, selector)
	if err != nil {
		return nil, o.fail("list stateful sets", err)
	}
	found := make(rollouts)
	for i := range deployments.Items {
		found.add(deploymentRollout(&deployments.Items[i]))
	}
	for i := range statefulSets.Items {
		found.add(statefulSetRollout(&statefulSets.Items[i]))
	}
	return found, nil
}

func (rs rollouts) add(r rollout) { rs[r.key()] = r }

// look is what the watches know of a namespace: nothing before they have begun.
func (w *watcher) look(namespace string) (rollouts, []*corev1.Pod) {
	known := w.caches.Load()
	if known == nil {
		return nil, nil
	}
	found := make(rollouts)
	// A lister reads memory and has no way to fail.
	deployments, _ := known.deployments.Deployments(namespace).List(labels.Everything())
	for _, d := range deployments {
		found.add(deploymentRollout(d))
	}
	statefulSets, _ := known.statefulSets.StatefulSets(namespace).List(labels.Everything())
	for _, s := range statefulSets {
		found.add(statefulSetRollout(s))
	}
	pods, _ := known.pods.Pods(namespace).List(labels.Everything())
	return found, pods
}
