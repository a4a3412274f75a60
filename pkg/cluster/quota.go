package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	recountPeriod  = 50 * time.Millisecond
	recountTimeout = 15 * time.Second
)

// Recount has Kubernetes count anew what the store uses of its quota, and returns when it has. The API server counts an
// object before it stores it, and doesn't take that back when the request is cut in between, as by the end of a worker:
// until the next recount, minutes later, the store is refused what it hasn't got.
//
// A quota is counted whenever its spec changes, and its status repeats the spec then. So it grants one pod more for a
// moment; should this be cut as well, IsolationDone sees it.
func (o *Operation) Recount(ctx context.Context, id store.ID) error {
	live, err := o.client.CoreV1().ResourceQuotas(id.Namespace()).Get(ctx, quotaName, metav1.GetOptions{})
	if err != nil {
		return o.fail("read quota", err)
	}
	granted := live.Spec.Hard[corev1.ResourcePods]
	more := granted.DeepCopy()
	more.Add(resource.MustParse("1"))
	for _, pods := range []resource.Quantity{more, granted} {
		if err := o.countWith(ctx, id, pods); err != nil {
			return o.fail("recount quota", err)
		}
	}
	return nil
}

func (o *Operation) countWith(ctx context.Context, id store.ID, pods resource.Quantity) error {
	quotas := o.client.CoreV1().ResourceQuotas(id.Namespace())
	patch := fmt.Appendf(nil, `{"spec":{"hard":{"pods":%q}}}`, pods.String())
	if _, err := quotas.Patch(ctx, quotaName, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, recountPeriod, recountTimeout, true, func(ctx context.Context) (bool, error) {
		live, err := quotas.Get(ctx, quotaName, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		counted := live.Status.Hard[corev1.ResourcePods]
		return counted.Cmp(pods) == 0, nil
	})
}

// overQuota says whether one more pod of the workload would go over the store's quota. It calculates, because a
// controller that was refused a pod keeps nothing of the refusal but its text.
func (o *Operation) overQuota(ctx context.Context, id store.ID, workload string) bool {
	quota, err := o.client.CoreV1().ResourceQuotas(id.Namespace()).Get(ctx, quotaName, metav1.GetOptions{})
	if err != nil {
		return false
	}
	spec, err := o.podSpec(ctx, id, workload)
	if err != nil {
		return false
	}
	need := podNeeds(spec)
	for name, hard := range quota.Status.Hard {
		total := quota.Status.Used[name].DeepCopy()
		total.Add(need[name])
		if _, counts := need[name]; counts && total.Cmp(hard) > 0 {
			return true
		}
	}
	return false
}

func (o *Operation) podSpec(ctx context.Context, id store.ID, workload string) (corev1.PodSpec, error) {
	name, isDeployment := strings.CutPrefix(workload, workloadKey(kindDeployment, ""))
	if isDeployment {
		d, err := o.client.AppsV1().Deployments(id.Namespace()).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return corev1.PodSpec{}, err
		}
		return d.Spec.Template.Spec, nil
	}
	name = strings.TrimPrefix(workload, workloadKey(kindStatefulSet, ""))
	s, err := o.client.AppsV1().StatefulSets(id.Namespace()).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return corev1.PodSpec{}, err
	}
	return s.Spec.Template.Spec, nil
}

// podNeeds is what a pod counts for in a quota; init containers run alone, so the largest of them counts, not the sum.
func podNeeds(spec corev1.PodSpec) corev1.ResourceList {
	need := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}
	for _, c := range spec.Containers {
		for name, quantity := range containerNeeds(c) {
			total := need[name]
			total.Add(quantity)
			need[name] = total
		}
	}
	for _, c := range spec.InitContainers {
		for name, quantity := range containerNeeds(c) {
			if known := need[name]; quantity.Cmp(known) > 0 {
				need[name] = quantity
			}
		}
	}
	return need
}

func containerNeeds(c corev1.Container) corev1.ResourceList {
	need := make(corev1.ResourceList)
	for name, quantity := range c.Resources.Limits {
		need["limits."+name] = quantity
	}
	for name, quantity := range c.Resources.Requests {
		need["requests."+name] = quantity
	}
	return need
}

// OverPlan lists in which resources pods that run all at once would go over a plan's quota.
func OverPlan(plan engine.Plan, pods []corev1.PodSpec) ([]string, error) {
	limits, err := newPlanLimits(plan)
	if err != nil {
		return nil, fmt.Errorf("read plan %s: %w", plan.Name, err)
	}
	return over(pods, limits.quota().Hard), nil
}

// OverPage lists in which resources the pods of a suspended store would go over what there is for them beside its plan,
// which may all be taken by pods of the shop that are still about to end.
func OverPage(pods []corev1.PodSpec) []string {
	room := make(corev1.ResourceList)
	withPage(room)
	return over(pods, room)
}

func over(pods []corev1.PodSpec, bounds corev1.ResourceList) []string {
	total := make(corev1.ResourceList)
	for _, pod := range pods {
		for name, quantity := range podNeeds(pod) {
			sum := total[name]
			sum.Add(quantity)
			total[name] = sum
		}
	}
	var words []string
	for name, hard := range bounds {
		if need, counts := total[name]; counts && need.Cmp(hard) > 0 {
			words = append(words, fmt.Sprintf("%s of %s %s", need.String(), hard.String(), name))
		}
	}
	slices.Sort(words)
	return words
}
