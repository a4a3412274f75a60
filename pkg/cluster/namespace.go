package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/store-platform/store-platform/pkg/store"
)

// Namespace is the namespace of one store.
type Namespace struct {
	Store                store.ID
	Tenant, Engine, Plan string
	// Stamp is put on it, whatever stamp it has; the zero one leaves that as it is.
	Stamp Stamp
}

// EnsureNamespace creates the namespace, or mends its labels and its stamp. One of that name that isn't this store's of this
// installation is never touched: that is a Permanent error.
func (o *Operation) EnsureNamespace(ctx context.Context, ns Namespace) error {
	want := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   ns.Store.Namespace(),
		Labels: o.cluster.namespaceLabels(ns), Annotations: ns.Stamp.annotations(),
	}}
	_, err := o.client.CoreV1().Namespaces().Create(ctx, want, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return o.fail("create namespace", err)
	}
	return o.fail("mark namespace", retry.RetryOnConflict(retry.DefaultRetry, func() error { return o.markNamespace(ctx, ns.Store, want) }))
}

// markNamespace writes behind the version that it has read: the stamp of a worker that froze with its request under way
// must not hide a later one.
func (o *Operation) markNamespace(ctx context.Context, id store.ID, want *corev1.Namespace) error {
	live, err := o.client.CoreV1().Namespaces().Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := o.cluster.ours(live, id); err != nil {
		return err
	}
	if live.DeletionTimestamp != nil {
		return wrap(fmt.Errorf("namespace %s is being removed", live.Name), Transient, "NamespaceTerminating", "The store is being removed.")
	}
	if hasAll(live.Labels, want.Labels) && hasAll(live.Annotations, want.Annotations) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"labels": want.Labels, "annotations": want.Annotations, "resourceVersion": live.ResourceVersion,
	}})
	if err != nil {
		return err
	}
	_, err = o.client.CoreV1().Namespaces().Patch(ctx, want.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// NamespaceReady says whether EnsureNamespace has nothing to do.
func (o *Operation) NamespaceReady(ctx context.Context, ns Namespace) (bool, error) {
	live, err := o.client.CoreV1().Namespaces().Get(ctx, ns.Store.Namespace(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, o.fail("read namespace", err)
	}
	return live.DeletionTimestamp == nil && hasAll(live.Labels, o.cluster.namespaceLabels(ns)) &&
		hasAll(live.Annotations, ns.Stamp.annotations()), nil
}

// DeleteNamespace asks for the removal of the store's namespace as it is now: should another of that name take its
// place meanwhile, the UID keeps that one safe. Nil too when it is gone or going; AwaitNamespaceGone does the waiting.
func (o *Operation) DeleteNamespace(ctx context.Context, id store.ID) error {
	live, err := o.client.CoreV1().Namespaces().Get(ctx, id.Namespace(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return o.fail("read namespace", err)
	}
	if err := o.cluster.ours(live, id); err != nil {
		return err
	}
	if live.DeletionTimestamp != nil {
		return nil
	}
	err = o.client.CoreV1().Namespaces().Delete(ctx, live.Name, *metav1.NewPreconditionDeleteOptions(string(live.UID)))
	if apierrors.IsNotFound(err) {
		return nil
	}
	return o.fail("delete namespace", err)
}

// NamespaceGone says whether the namespace answers 404.
func (o *Operation) NamespaceGone(ctx context.Context, id store.ID) (bool, error) {
	_, err := o.client.CoreV1().Namespaces().Get(ctx, id.Namespace(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, o.fail("read namespace", err)
}

// goneTick is how often AwaitNamespaceGone looks without having been woken: a watch that began after the namespace was
// gone never hears of it.
const goneTick = 5 * time.Second

// AwaitNamespaceGone waits until the namespace answers 404. The watch wakes it, a live read decides. When ctx's
// deadline comes first, the error's Detail says what Kubernetes still waits for.
func (o *Operation) AwaitNamespaceGone(ctx context.Context, id store.ID) error {
	wake, done := o.cluster.watcher.wait(id.Namespace())
	defer done()
	tick := time.NewTicker(goneTick)
	defer tick.Stop()
	for {
		live, err := o.client.CoreV1().Namespaces().Get(ctx, id.Namespace(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return o.fail("read namespace", err)
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-ctx.Done():
			e := o.Classify(fmt.Errorf("wait for namespace %s to be gone: %w", live.Name, ctx.Err()))
			if detail := keptBy(live); detail != "" {
				e.Detail = detail
			}
			return e
		}
	}
}

// keptBy is what Kubernetes says about a namespace that won't go.
func keptBy(ns *corev1.Namespace) string {
	var said []string
	for _, condition := range ns.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			said = append(said, condition.Message)
		}
	}
	return strings.Join(said, "; ")
}

// ours refuses a namespace that isn't this store's of this installation.
func (c *Cluster) ours(ns *corev1.Namespace, id store.ID) error {
	if c.isOurs(ns, id) {
		return nil
	}
	e := c.relabelled(ns, id).refusal(ReasonNamespaceTaken)
	e.Sentence = "The cluster already has a namespace of that name which isn't this store's."
	return e
}

func (c *Cluster) isOurs(ns *corev1.Namespace, id store.ID) bool {
	return hasAll(ns.Labels, c.ObjectLabels(id))
}

// relabelled is a namespace that stands under a store's name and isn't labelled as its. Somebody has changed a label, or it is
// another's: the platform can't tell, and the cluster's rules let it write in none of the two. Nothing is lost with it.
func (c *Cluster) relabelled(ns *corev1.Namespace, id store.ID) Drift {
	d := Drift{
		Kind: "Namespace", Name: ns.Name, Beyond: true,
		Says: "The store's namespace isn't labelled as the store's any more; nothing is changed there until it is.",
	}
	want := c.ObjectLabels(id)
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if ns.Labels[key] != want[key] {
			d.Fields = append(d.Fields, fmt.Sprintf("label %s is %q", key, ns.Labels[key]))
			labels = append(labels, key+"="+want[key])
		}
	}
	d.Remedy = fmt.Sprintf("kubectl label namespace %s --overwrite %s", ns.Name, strings.Join(labels, " "))
	return d
}

func hasAll(have, want map[string]string) bool {
	for key, value := range want {
		if have[key] != value {
			return false
		}
	}
	return true
}

func withAll(have, want map[string]string) map[string]string {
	all := maps.Clone(want)
	for key, value := range have {
		if _, wanted := want[key]; !wanted {
			all[key] = value
		}
	}
	return all
}
