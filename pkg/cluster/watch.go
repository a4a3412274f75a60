package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// reachablePeriod is how often Run asks for a cluster that isn't there yet.
const reachablePeriod = time.Second

// watcher wakes who waits for a store.
type watcher struct {
	caches atomic.Pointer[caches]

	mu sync.Mutex
	// waiters are by namespace.
	waiters map[string]map[chan struct{}]struct{}
	// followers hear of every change in every namespace.
	followers map[*follower]struct{}
}

// follower never blocks. wanted is Change.Wanted.
type follower struct {
	tell func(namespace string, wanted bool)
}

// caches hold one trimmed object for each thing that runs in any store.
type caches struct {
	namespaces   corelisters.NamespaceLister
	deployments  appslisters.DeploymentLister
	statefulSets appslisters.StatefulSetLister
	pods         corelisters.PodLister
	// complete says whether each of them has heard of everything that was there when it began.
	complete func() bool
}

func newWatcher() *watcher {
	return &watcher{waiters: make(map[string]map[chan struct{}]struct{}), followers: make(map[*follower]struct{})}
}

func (w *watcher) follow(tell func(namespace string, wanted bool)) (stop func()) {
	f := &follower{tell: tell}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.followers[f] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.followers, f)
	}
}

// wait gives a channel that receives after anything changed in the namespace, and the function that ends the wait.
func (w *watcher) wait(namespace string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiters[namespace] == nil {
		w.waiters[namespace] = make(map[chan struct{}]struct{})
	}
	w.waiters[namespace][wake] = struct{}{}
	return wake, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiters[namespace], wake)
		if len(w.waiters[namespace]) == 0 {
			delete(w.waiters, namespace)
		}
	}
}

// wake never blocks: who hasn't looked since the last time will see this change too.
func (w *watcher) wake(namespace string, wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for wake := range w.waiters[namespace] {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	for f := range w.followers {
		f.tell(namespace, wanted)
	}
}

// changed is called for every change of every watched object; before is nil for one that came or went.
func (w *watcher) changed(before, object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return
	}
	namespace := accessor.GetNamespace()
	if namespace == "" {
		namespace = accessor.GetName()
	}
	w.wake(namespace, wantedChanged(before, object))
}

// wantedChanged tells a workload that was changed or removed from what it does by itself, all day long.
func wantedChanged(before, object any) bool {
	if _, isPod := object.(*corev1.Pod); isPod {
		return false
	}
	now, err := meta.Accessor(object)
	if err != nil {
		return false
	}
	old, err := meta.Accessor(before)
	if err != nil || old.GetGeneration() != now.GetGeneration() {
		return true
	}
	// A Service counts no generations, and a store's has no status that would change.
	_, isMetadata := object.(*metav1.PartialObjectMetadata)
	return isMetadata && now.GetGeneration() == 0 && old.GetResourceVersion() != now.GetResourceVersion()
}

// Run watches until ctx ends. It waits by itself until there is a cluster, because a watch that begins against none
// backs off for so long that it would miss the beginning.
func (c *Cluster) Run(ctx context.Context) error {
	l, err := c.awaitReachable(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(l.client, 0,
		informers.WithTransform(trim),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = c.selectorOfAll() }))
	watched := []cache.SharedIndexInformer{factory.Core().V1().Namespaces().Informer()}
	if c.cfg.WatchWorkloads {
		apps := factory.Apps().V1()
		pods := factory.Core().V1().Pods()
		watched = append(watched, apps.Deployments().Informer(), apps.StatefulSets().Informer(), pods.Informer())
		c.watcher.caches.Store(&caches{
			namespaces: factory.Core().V1().Namespaces().Lister(), deployments: apps.Deployments().Lister(),
			statefulSets: apps.StatefulSets().Lister(), pods: pods.Lister(),
			complete: func() bool {
				return !slices.ContainsFunc(watched, func(i cache.SharedIndexInformer) bool { return !i.HasSynced() })
			},
		})
	}
	for _, informer := range watched {
		if err := c.watcher.listen(informer); err != nil {
			return fmt.Errorf("watch the cluster: %w", err)
		}
	}
	factory.StartWithContext(ctx)
	if c.cfg.WatchWorkloads {
		stopped, err := c.watchRest(ctx, l)
		if err != nil {
			return fmt.Errorf("watch the cluster: %w", err)
		}
		defer stopped()
	}
	<-ctx.Done()
	factory.Shutdown()
	return nil
}

func (c *Cluster) awaitReachable(ctx context.Context) (*link, error) {
	tick := time.NewTicker(reachablePeriod)
	defer tick.Stop()
	for {
		err := c.Reachable(ctx)
		if err == nil {
			return c.connect()
		}
		if e := Classify(err); e.Kind == Permanent {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func (w *watcher) listen(informer cache.SharedIndexInformer) error {
	_, handling := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.changed(nil, object) },
		UpdateFunc: w.changed,
		DeleteFunc: func(object any) { w.changed(nil, object) },
	})
	// A cluster that is away is told by Reachable, once; four watches that say it every few seconds are noise.
	failing := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
		slog.DebugContext(ctx, "a watch was interrupted", "error", err)
	})
	return errors.Join(handling, failing)
}

// trim keeps what readiness is made of, and what is told of a pod. A pod's whole spec and everybody's managed fields are nine tenths of the memory, and labels
// are most of the rest: thousands of stores have a dozen objects each.
func trim(object any) (any, error) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		o.ObjectMeta = trimMeta(o.ObjectMeta)
		o.Spec = appsv1.DeploymentSpec{Replicas: o.Spec.Replicas}
	case *appsv1.StatefulSet:
		o.ObjectMeta = trimMeta(o.ObjectMeta)
		o.Spec = appsv1.StatefulSetSpec{Replicas: o.Spec.Replicas}
	case *corev1.Pod:
		owners, labels := o.OwnerReferences, o.Labels
		o.ObjectMeta = trimMeta(o.ObjectMeta)
		o.OwnerReferences = owners
		o.Labels = kept(labels, appsv1.DefaultDeploymentUniqueLabelKey, appsv1.ControllerRevisionHashLabelKey)
		o.Spec = corev1.PodSpec{NodeName: o.Spec.NodeName}
		o.Status = corev1.PodStatus{
			Phase: o.Status.Phase, Reason: o.Status.Reason, Message: o.Status.Message, Conditions: o.Status.Conditions,
			InitContainerStatuses: trimContainers(o.Status.InitContainerStatuses),
			ContainerStatuses:     trimContainers(o.Status.ContainerStatuses),
		}
	case *metav1.PartialObjectMetadata:
		// All that is asked of one is whether it is the same as before (wantedChanged).
		o.ObjectMeta = metav1.ObjectMeta{
			Name: o.Name, Namespace: o.Namespace, ResourceVersion: o.ResourceVersion, Generation: o.Generation,
		}
	case *corev1.Namespace:
		stamp, labels := stampOf(o).annotations(), o.Labels
		o.ObjectMeta = trimMeta(o.ObjectMeta)
		o.Labels, o.Annotations, o.Spec, o.Status = labels, stamp, corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
	}
	return object, nil
}

func trimMeta(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp,
	}
}

func kept(labels map[string]string, keys ...string) map[string]string {
	few := make(map[string]string)
	for _, key := range keys {
		if value, ok := labels[key]; ok {
			few[key] = value
		}
	}
	return few
}

func trimContainers(all []corev1.ContainerStatus) []corev1.ContainerStatus {
	trimmed := make([]corev1.ContainerStatus, len(all))
	for i, s := range all {
		trimmed[i] = corev1.ContainerStatus{Name: s.Name, State: s.State, Ready: s.Ready, RestartCount: s.RestartCount, LastTerminationState: s.LastTerminationState}
	}
	return trimmed
}
