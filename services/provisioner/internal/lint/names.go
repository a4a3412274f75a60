package lint

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/store-platform/store-platform/pkg/cluster"
)

const (
	secretName = cluster.SecretName
	storeLabel = cluster.LabelStore
)

// kinds are those that a chart may bring: what a store's role lets the provisioner write (deploy/k8s/access), but for
// Secrets and accounts, which are the platform's, and for Jobs, which can't be changed by a later release.
var kinds = map[string]bool{
	"ConfigMap": true, "CronJob": true, "Deployment": true, "Ingress": true, "NetworkPolicy": true,
	"PersistentVolumeClaim": true, "PodDisruptionBudget": true, "Service": true, "StatefulSet": true,
}

// checkNames holds engine.yaml against the chart: everything that the one names is in the other.
func (r rendering) checkNames(objects []*unstructured.Unstructured, workloads []workload) {
	for _, listed := range r.pack.WorkloadsWhen(r.running) {
		i := slices.IndexFunc(workloads, func(w workload) bool { return w.kind == listed.Kind && w.name == listed.Name })
		if i < 0 {
			r.fault("the chart has no %s %s", listed.Kind, listed.Name)
			continue
		}
		for container := range listed.Phases {
			if !has(workloads[i].pod.InitContainers, container) {
				r.fault("phases: %s has no init container %s", listed.Name, container)
			}
		}
	}
	for _, failure := range r.pack.Failures {
		if !slices.ContainsFunc(workloads, func(w workload) bool { return has(w.pod.InitContainers, failure.Container) }) {
			r.fault("failures: there is no init container %s", failure.Container)
		}
	}
	for _, component := range r.pack.Components {
		if !slices.ContainsFunc(workloads, func(w workload) bool {
			return w.name == component.Workload && has(w.pod.Containers, component.Container)
		}) {
			r.fault("components: %s has no container %s", component.Workload, component.Container)
		}
	}
	r.checkQuestions(objects)
	r.checkSecret(workloads)
	r.checkImages(workloads)
}

// checkQuestions: who asks must find a Service to ask at.
func (r rendering) checkQuestions(objects []*unstructured.Unstructured) {
	r.checkAsked("probe", r.pack.Probe.Service, r.pack.Probe.Port, objects)
	if check := r.pack.Check; check != nil {
		r.checkAsked("check", check.Service, check.Port, objects)
	}
}

func (r rendering) checkAsked(field, service string, at int, objects []*unstructured.Unstructured) {
	for _, object := range objects {
		if object.GetKind() != "Service" || object.GetName() != service {
			continue
		}
		ports, _, _ := unstructured.NestedSlice(object.Object, "spec", "ports")
		for _, port := range ports {
			if number, _, _ := unstructured.NestedInt64(port.(map[string]any), "port"); number == int64(at) {
				return
			}
		}
	}
	r.fault("%s: the chart has no Service %s with port %d", field, service, at)
}

// checkSecret: a key that nobody reads is a password that opens nothing, and one that nobody makes keeps pods from starting.
func (r rendering) checkSecret(workloads []workload) {
	read := map[string]bool{}
	for _, w := range workloads {
		for _, key := range w.secretKeys() {
			read[key] = true
			if !slices.ContainsFunc(r.pack.Credentials, func(c credential) bool { return c.SecretKey == key }) {
				r.fault("%s reads the key %s, and no credential makes it", w.name, key)
			}
		}
	}
	for _, c := range r.pack.Credentials {
		if !read[c.SecretKey] {
			r.fault("credentials: nobody reads the key %s", c.SecretKey)
		}
	}
}

func (r rendering) checkImages(workloads []workload) {
	known := map[string]bool{}
	for image := range r.pack.Images {
		known[r.pack.Image("", image)] = true
	}
	for _, w := range workloads {
		for _, container := range w.containers() {
			if !known[container.Image] {
				r.fault("%s: container %s runs %q, which isn't in images", w.name, container.Name, container.Image)
			}
		}
	}
}

func has(containers []corev1.Container, name string) bool {
	return slices.ContainsFunc(containers, func(c corev1.Container) bool { return c.Name == name })
}
