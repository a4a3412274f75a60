package cluster

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

const reasonWorkloadMissing = "WorkloadMissing"

// Change is one that a watch has told of.
type Change struct {
	Store store.ID
	// Wanted says that something was changed or removed that doesn't change by itself: not only how a workload runs.
	Wanted bool
}

// Follow hands over every change of anything that runs in a store, and of the stores' namespaces, until the returned
// function is called. tell must not block.
func (c *Cluster) Follow(tell func(Change)) (stop func()) {
	return c.watcher.follow(func(namespace string, wanted bool) {
		if id, ok := storeIn(namespace); ok {
			tell(Change{Store: id, Wanted: wanted})
		}
	})
}

func storeIn(namespace string) (store.ID, bool) {
	name, ok := strings.CutPrefix(namespace, "store-")
	if !ok {
		return "", false
	}
	id, err := store.ParseID(name)
	return id, err == nil
}

// Watched lists the stores whose namespaces the watches know, and says whether they know all of them and everything in
// them: before that, what isn't there may only not have been heard of.
func (c *Cluster) Watched() (ids []store.ID, complete bool) {
	known := c.watcher.caches.Load()
	if known == nil || !known.complete() {
		return nil, false
	}
	// A lister reads memory and has no way to fail.
	namespaces, _ := known.namespaces.List(labels.Everything())
	for _, ns := range namespaces {
		if id, ok := storeIn(ns.Name); ok && c.stands(ns, id) {
			ids = append(ids, id)
		}
	}
	return ids, true
}

// Knows says whether a store is one of Watched.
func (c *Cluster) Knows(id store.ID) bool {
	known := c.watcher.caches.Load()
	if known == nil {
		return false
	}
	ns, err := known.namespaces.Get(id.Namespace())
	return err == nil && c.stands(ns, id)
}

func (c *Cluster) stands(ns *corev1.Namespace, id store.ID) bool {
	return ns.DeletionTimestamp == nil && c.ours(ns, id) == nil
}

// Failing says which of the store's workloads doesn't serve and why, as far as the watches know; nil when all do. A
// rollout that goes on beside pods that serve is no failure: nobody who visits the shop notices.
func (c *Cluster) Failing(id store.ID, listed []engine.Workload) *Error {
	known := c.watcher.caches.Load()
	if known == nil {
		return nil
	}
	ns, err := known.namespaces.Get(id.Namespace())
	switch {
	case err != nil:
		// The watches know what carries our labels. Whether it is gone or only they are, who looks at it tells.
		return &Error{
			Kind: Permanent, Reason: ReasonNamespaceMissing,
			Sentence: "The store's namespace was removed from the cluster, or isn't labelled as the store's any more.",
			Detail:   "namespace/" + id.Namespace() + ": not among what carries the installation's labels",
		}
	case ns.DeletionTimestamp != nil:
		return &Error{
			Kind: Permanent, Reason: ReasonNamespaceMissing,
			Sentence: NamespaceMissingSentence, Detail: "namespace/" + id.Namespace() + ": being removed",
		}
	case !c.isOurs(ns, id):
		return c.relabelled(ns, id).refusal(ReasonNamespaceTaken)
	}
	found, pods := c.watcher.look(id.Namespace())
	for _, w := range listed {
		r, ok := found[workloadKey(w.Kind, w.Name)]
		if !ok {
			return missing(w)
		}
		if e := failing(r, pods); e != nil {
			return e
		}
	}
	for _, r := range found.others(listed) {
		if e := failing(r, pods); e != nil {
			return e
		}
	}
	return nil
}

func missing(w engine.Workload) *Error {
	return broken(rollout{kind: w.Kind, name: w.Name}, &NotReadyError{
		Workload: workloadKey(w.Kind, w.Name), Reason: reasonWorkloadMissing,
		Sentence: "It isn't there any more, or isn't labelled as the store's.", Detail: "not found",
	})
}

// others are the workloads that the pack doesn't list, in order.
func (rs rollouts) others(listed []engine.Workload) []rollout {
	var rest []rollout
	for _, r := range rs {
		if !slices.ContainsFunc(listed, func(w engine.Workload) bool { return workloadKey(w.Kind, w.Name) == r.key() }) {
			rest = append(rest, r)
		}
	}
	slices.SortFunc(rest, func(a, b rollout) int { return strings.Compare(a.key(), b.key()) })
	return rest
}

// failing believes a workload that wants no pods: a chart has parts that a plan does without. Where somebody has told it so
// by hand, it isn't as the chart has it, which Drift finds.
func failing(r rollout, pods []*corev1.Pod) *Error {
	if r.available >= r.want {
		return nil
	}
	return broken(r, whyNot(r, pods))
}

// onItsWay are reasons of a first start, or of what comes up anyway.
var onItsWay = map[string]bool{
	reasonNotReady: true, reasonNoPods: true, reasonNoProgress: true, reasonInitializing: true, reasonCreating: true,
}

// whyNot is the diagnosis in words that hold of a workload that has served as well.
func whyNot(r rollout, pods []*corev1.Pod) *NotReadyError {
	why := diagnose(r, pods)
	if onItsWay[why.Reason] {
		why.Sentence = fmt.Sprintf("%d of its %d pods work.", r.available, r.want)
	}
	return why
}

// broken puts the part's name before what is wrong with it.
func broken(r rollout, why *NotReadyError) *Error {
	words := why.Workload
	if why.Detail != "" {
		words += ": " + why.Detail
	}
	return &Error{
		Kind: Transient, Reason: why.Reason, Detail: words, Err: why,
		Sentence: fmt.Sprintf("A part of the store, %s, doesn't work. %s", r.name, why.Sentence),
	}
}
