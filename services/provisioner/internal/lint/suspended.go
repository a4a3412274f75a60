package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/store-platform/store-platform/pkg/engine"
)

// checkPage: of a suspended store nothing runs but its page, and whoever comes meets that; of one that runs nobody does.
func (r rendering) checkPage(objects []*unstructured.Unstructured, workloads []workload) {
	var page *workload
	for i, w := range workloads {
		isPage := w.kind == "Deployment" && w.name == r.pack.Suspended.Workload
		if isPage {
			page = &workloads[i]
		}
		switch {
		case isPage && r.running && w.replicas > 0:
			r.fault("suspended: %s runs beside the shop", w.name)
		case isPage && !r.running && w.replicas != 1:
			r.fault("suspended: %s has %d pods instead of one", w.name, w.replicas)
		case !isPage && !r.running && w.kind == "CronJob" && !w.paused:
			r.fault("suspended: %s begins jobs of a store that is suspended", w.name)
		case !isPage && !r.running && w.kind != "CronJob" && w.replicas > 0:
			r.fault("suspended: %s still has pods", w.name)
		}
	}
	if page == nil {
		// Of a suspended store checkNames says so. While the shop runs it stands by: one that an upgrade had made which didn't end
		// well would be in no release that succeeded, so that Helm would leave it where it is.
		if r.running {
			r.fault("suspended: %s isn't there, without pods, while the shop runs", r.pack.Suspended.Workload)
		}
		return
	}
	doors, err := doorsOf(objects)
	if err != nil {
		r.fault("%v", err)
		return
	}
	doors[r.pack.Probe.Service] = true
	for _, service := range objects {
		if service.GetKind() != "Service" || !doors[service.GetName()] {
			continue
		}
		switch leads := page.isBehind(service); {
		case r.running && leads:
			r.fault("suspended: Service %s leads to %s while the shop runs", service.GetName(), page.name)
		case !r.running && !leads:
			r.fault("suspended: Service %s doesn't lead to %s", service.GetName(), page.name)
		}
	}
}

// doorsOf are the Services that Ingresses lead to.
func doorsOf(objects []*unstructured.Unstructured) (map[string]bool, error) {
	doors := map[string]bool{}
	for _, object := range objects {
		if object.GetKind() != "Ingress" {
			continue
		}
		var ingress networkingv1.Ingress
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &ingress); err != nil {
			return nil, fmt.Errorf("read %s: %w", name(object), err)
		}
		if backend := ingress.Spec.DefaultBackend; backend != nil && backend.Service != nil {
			doors[backend.Service.Name] = true
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for _, path := range rule.HTTP.Paths {
				if path.Backend.Service != nil {
					doors[path.Backend.Service.Name] = true
				}
			}
		}
	}
	return doors, nil
}

// isBehind says whether the Service finds the workload's pods and every one of its ports there.
func (w workload) isBehind(object *unstructured.Unstructured) bool {
	var service corev1.Service
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &service); err != nil {
		return false
	}
	if len(service.Spec.Selector) == 0 || !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(w.labels)) {
		return false
	}
	for _, port := range service.Spec.Ports {
		if !slices.ContainsFunc(w.pod.Containers, func(c corev1.Container) bool { return listens(c, port) }) {
			return false
		}
	}
	return true
}

func listens(container corev1.Container, port corev1.ServicePort) bool {
	number := port.TargetPort.IntVal
	if number == 0 {
		number = port.Port
	}
	return slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool {
		if port.TargetPort.Type == intstr.String {
			return p.Name == port.TargetPort.StrVal
		}
		return p.ContainerPort == number
	})
}

// checkData: what a store keeps is part of it whether it runs or not, or Helm would take it for something to remove.
func (r rendering) checkData(running, suspended []*unstructured.Unstructured) {
	if suspended == nil {
		return
	}
	kept := volumesOf(suspended)
	for volume, size := range volumesOf(running) {
		if kept[volume] != size {
			r.fault("suspended: the volume %s isn't kept as it is", volume)
		}
	}
}

// volumesOf are the sizes of a store's volumes, by claim.
func volumesOf(objects []*unstructured.Unstructured) map[string]string {
	sizes := map[string]string{}
	for _, object := range objects {
		switch object.GetKind() {
		case "PersistentVolumeClaim":
			sizes[object.GetName()], _, _ = unstructured.NestedString(object.Object, "spec", "resources", "requests", "storage")
		case "StatefulSet":
			templates, _, _ := unstructured.NestedSlice(object.Object, "spec", "volumeClaimTemplates")
			for _, template := range templates {
				claim := unstructured.Unstructured{Object: template.(map[string]any)}
				size, _, _ := unstructured.NestedString(claim.Object, "spec", "resources", "requests", "storage")
				sizes[claim.GetName()+" of "+object.GetName()] = size
			}
		}
	}
	return sizes
}

// volumeSizes are those of each plan, by its name.
type volumeSizes map[string]map[string]string

func (v volumeSizes) add(plan engine.Plan, objects []*unstructured.Unstructured) {
	v[plan.Name] = volumesOf(objects)
}

// shrinking: a store may go from a plan to one with as much storage, and each of its volumes then gets what the chart gives it
// there.
func (v volumeSizes) shrinking(pack engine.Pack) []string {
	var faults []string
	for _, from := range pack.Plans {
		for _, to := range pack.Plans {
			if pack.CheckPlanChange(from.Name, to.Name) != nil {
				continue
			}
			for _, volume := range slices.Sorted(maps.Keys(v[from.Name])) {
				before, after := v[from.Name][volume], v[to.Name][volume]
				if less(after, before) {
					faults = append(faults, fmt.Sprintf("plan %s: the volume %s is smaller (%s) than in plan %s (%s), which a store may come from",
						to.Name, volume, cmp.Or(after, "none"), from.Name, before))
				}
			}
		}
	}
	return faults
}

// less is for sizes as a chart writes them; one that can't be read is nothing.
func less(a, b string) bool {
	size := func(text string) resource.Quantity {
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return resource.Quantity{}
		}
		return q
	}
	left, right := size(a), size(b)
	return left.Cmp(right) < 0
}
