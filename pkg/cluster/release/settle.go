package release

import (
	"context"
	"fmt"
	"maps"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

var routes = schema.GroupKind{Group: networkingv1.GroupName, Kind: "Ingress"}

// settle puts what the installation says of volumes and routes on an object.
func (s *stamp) settle(object *unstructured.Unstructured) error {
	switch object.GroupVersionKind().GroupKind() {
	case claims:
		return s.class(object)
	case routes:
		return s.route(object)
	}
	return nil
}

// class is for a new volume what the installation says, and for one that is there what it was made with.
func (s *stamp) class(claim *unstructured.Unstructured) error {
	class, made := s.classes[claim.GetName()]
	if !made && s.settings.StorageClass != "" {
		class = &s.settings.StorageClass
	}
	if class == nil {
		return nil // the chart's own, if it has one
	}
	return unstructured.SetNestedField(claim.Object, *class, "spec", "storageClassName")
}

func (s *stamp) route(ingress *unstructured.Unstructured) error {
	if more := s.settings.RouteAnnotations(); len(more) > 0 {
		annotations := ingress.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		maps.Copy(annotations, more)
		ingress.SetAnnotations(annotations)
	}
	rules, _, err := unstructured.NestedSlice(ingress.Object, "spec", "rules")
	if err != nil {
		return err
	}
	var hosts []string
	for _, rule := range rules {
		if rule, ok := rule.(map[string]any); ok && rule["host"] != nil {
			host, _, err := unstructured.NestedString(rule, "host")
			if err != nil {
				return err
			}
			hosts = append(hosts, host)
		}
	}
	var tls []any
	for _, one := range s.settings.RouteTLS(hosts) {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&one)
		if err != nil {
			return err
		}
		tls = append(tls, content)
	}
	if len(tls) == 0 {
		return nil
	}
	return unstructured.SetNestedSlice(ingress.Object, tls, "spec", "tls")
}

// place says on which nodes the pods of a template run. A chart's own words stay beside the installation's.
func (s *stamp) place(template map[string]any) error {
	if _, pods, _ := unstructured.NestedMap(template, "spec"); !pods {
		return nil
	}
	for label, value := range s.settings.NodeSelector {
		if err := unstructured.SetNestedField(template, value, "spec", "nodeSelector", label); err != nil {
			return err
		}
	}
	if len(s.settings.Tolerations) == 0 {
		return nil
	}
	all, _, err := unstructured.NestedSlice(template, "spec", "tolerations")
	if err != nil {
		return err
	}
	for _, toleration := range s.settings.Tolerations {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&toleration)
		if err != nil {
			return err
		}
		all = append(all, content)
	}
	return unstructured.SetNestedSlice(template, all, "spec", "tolerations")
}

// classesOf are the storage classes of the volumes that a store has, by name, nil for one that was made without. Nobody can
// change one, so what the installation says now is for those that are still to be made: one that waits for a class, too.
func classesOf(ctx context.Context, op *cluster.Operation, id store.ID) (map[string]*string, error) {
	list, err := op.Client().CoreV1().PersistentVolumeClaims(id.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, op.Classify(fmt.Errorf("list volumes: %w", err))
	}
	classes := map[string]*string{}
	for _, claim := range list.Items {
		if class := claim.Spec.StorageClassName; class != nil || claim.Spec.VolumeName != "" {
			classes[claim.Name] = class
		}
	}
	return classes, nil
}
