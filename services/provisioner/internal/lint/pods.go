package lint

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
)

type credential = engine.Credential

// workload is anything of the chart that runs pods.
type workload struct {
	kind, name string
	// replicas is how many pods there are, counted whether the chart says so.
	replicas int32
	counted  bool
	// paused says that a CronJob begins nothing.
	paused bool
	labels map[string]string
	pod    corev1.PodSpec
}

func workloadOf(object *unstructured.Unstructured) (workload, bool, error) {
	w := workload{kind: object.GetKind(), name: object.GetName(), replicas: 1, counted: true}
	var template corev1.PodTemplateSpec
	var err error
	switch w.kind {
	case "Deployment":
		var d appsv1.Deployment
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &d)
		template, w.replicas, w.counted = d.Spec.Template, replicas(d.Spec.Replicas), d.Spec.Replicas != nil
	case "StatefulSet":
		var s appsv1.StatefulSet
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &s)
		template, w.replicas, w.counted = s.Spec.Template, replicas(s.Spec.Replicas), s.Spec.Replicas != nil
	case "CronJob":
		var c batchv1.CronJob
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &c)
		template, w.paused = c.Spec.JobTemplate.Spec.Template, c.Spec.Suspend != nil && *c.Spec.Suspend
	default:
		return workload{}, false, nil
	}
	w.pod, w.labels = template.Spec, template.Labels
	if err != nil {
		return workload{}, false, fmt.Errorf("read %s: %w", name(object), err)
	}
	return w, true, nil
}

func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func (w workload) containers() []corev1.Container {
	return slices.Concat(w.pod.InitContainers, w.pod.Containers)
}

// secretKeys are the keys of the store's Secret that the pod reads, by environment or as files.
func (w workload) secretKeys() []string {
	var keys []string
	for _, container := range w.containers() {
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil && from.SecretKeyRef.Name == secretName {
				keys = append(keys, from.SecretKeyRef.Key)
			}
		}
	}
	for _, volume := range w.pod.Volumes {
		if volume.Secret != nil && volume.Secret.SecretName == secretName {
			for _, item := range volume.Secret.Items {
				keys = append(keys, item.Key)
			}
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil && source.Secret.Name == secretName {
				for _, item := range source.Secret.Items {
					keys = append(keys, item.Key)
				}
			}
		}
	}
	return keys
}

// checkPods: what the namespace's Pod Security would refuse, and what it lets through and we don't.
func (r rendering) checkPods(workloads []workload) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		r.fault("make the Pod Security checks: %v", err)
		return
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	for _, w := range workloads {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &metav1.ObjectMeta{Labels: w.labels}, &w.pod))
		if !result.Allowed {
			r.fault("%s isn't restricted: %s", w.name, result.ForbiddenDetail())
		}
		if w.labels[storeLabel] != example {
			r.fault("%s: its pods don't carry .Values.labels", w.name)
		}
		// What the chart doesn't say can't be put right when somebody has changed it.
		if !w.counted {
			r.fault("%s doesn't say its replicas", w.name)
		}
		if token := w.pod.AutomountServiceAccountToken; token == nil || *token {
			r.fault("%s: its pods get a token of the API server", w.name)
		}
		r.checkProbes(w)
		for _, container := range w.containers() {
			s := container.SecurityContext
			if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
				r.fault("%s: container %s can write to its root", w.name, container.Name)
			}
		}
	}
}

// checkPlan: everything at once has to fit into the plan, also a job beside the rest.
func (r rendering) checkPlan(workloads []workload) error {
	var pods []corev1.PodSpec
	for _, w := range workloads {
		for _, container := range w.containers() {
			for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
				_, requested := container.Resources.Requests[resource]
				_, limited := container.Resources.Limits[resource]
				if !requested || !limited {
					r.fault("%s: container %s doesn't say how much %s it takes", w.name, container.Name, resource)
				}
			}
		}
		if w.paused {
			continue
		}
		for range w.replicas {
			pods = append(pods, w.pod)
		}
	}
	if !r.running {
		for _, words := range cluster.OverPage(pods) {
			r.fault("the page takes more than there is for it: %s", words)
		}
		return nil
	}
	over, err := cluster.OverPlan(r.plan, pods)
	if err != nil {
		return err
	}
	for _, words := range over {
		r.fault("all pods together take more than the plan: %s", words)
	}
	return nil
}
