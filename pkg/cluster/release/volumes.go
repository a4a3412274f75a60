package release

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/store-platform/store-platform/pkg/cluster"
)

var sets = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}

// templatesAt is where a StatefulSet keeps the claims that it makes itself, sizeAt where a claim says how large it is.
var (
	templatesAt = []string{"spec", "volumeClaimTemplates"}
	sizeAt      = []string{"spec", "resources", "requests", "storage"}
)

// VolumesCanGrow is cluster.Operation's, for the volumes of a release that is wanted. It is asked before anything is
// changed: a plan that a store can't have must not leave it with half of it.
func (r *Releases) VolumesCanGrow(ctx context.Context, op *cluster.Operation, spec Spec) error {
	capabilities, err := r.capabilitiesOf(op)
	if err != nil {
		return failed(op, err)
	}
	objects, err := spec.objects(capabilities)
	if err != nil {
		return invalid(err)
	}
	wanted, err := volumesIn(objects)
	if err != nil {
		return invalid(err)
	}
	return op.VolumesCanGrow(ctx, spec.Store, wanted)
}

// volumesIn are the volumes that a chart's objects want.
func volumesIn(objects []*unstructured.Unstructured) ([]cluster.Volume, error) {
	var wanted []cluster.Volume
	for _, object := range objects {
		switch object.GroupVersionKind().GroupKind() {
		case claims:
			size, err := sizeOf(object.Object)
			if err != nil {
				return nil, err
			}
			wanted = append(wanted, cluster.Volume{Claim: object.GetName(), Size: size})
		case sets:
			templates, _, err := unstructured.NestedSlice(object.Object, templatesAt...)
			if err != nil {
				return nil, fmt.Errorf("read volumes of %s: %w", object.GetName(), err)
			}
			for _, template := range templates {
				claim, _ := template.(map[string]any)
				size, err := sizeOf(claim)
				if err != nil {
					return nil, err
				}
				name, _, _ := unstructured.NestedString(claim, "metadata", "name")
				wanted = append(wanted, cluster.Volume{Claim: name + "-" + object.GetName(), Numbered: true, Size: size})
			}
		}
	}
	return wanted, nil
}

// sizeOf is zero for a claim that doesn't say it, which the API server refuses.
func sizeOf(claim map[string]any) (resource.Quantity, error) {
	said, found, err := unstructured.NestedFieldNoCopy(claim, sizeAt...)
	if err != nil || !found {
		return resource.Quantity{}, err
	}
	size, err := resource.ParseQuantity(fmt.Sprint(said))
	if err != nil {
		return resource.Quantity{}, fmt.Errorf("read the size of a volume: %w", err)
	}
	return size, nil
}

// volumes keep what Helm sends from asking for what Kubernetes refuses: a claim that is smaller than it is, and a StatefulSet
// whose own claims have another size or class than it was made with.
type volumes struct {
	// claims are the sizes that there are, templates what StatefulSets were made with, by set and template.
	claims    map[string]resource.Quantity
	templates map[[2]string]template
	// class is that of the templates of new sets; empty leaves it to the chart.
	class string
}

// template is of the volumes that a StatefulSet makes itself.
type template struct {
	size  string
	class *string
}

// growVolumes also learns what Helm must not ask for.
func (e *ensuring) growVolumes(ctx context.Context, op *cluster.Operation) error {
	if len(e.wanted) == 0 {
		return nil
	}
	sizes, err := op.GrowVolumes(ctx, e.spec.Store, e.wanted)
	if err != nil {
		return err
	}
	e.stamp.volumes.claims = sizes
	if !slices.ContainsFunc(e.wanted, func(v cluster.Volume) bool { return v.Numbered }) {
		return nil
	}
	made, err := op.Client().AppsV1().StatefulSets(e.spec.Store.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return failed(op, fmt.Errorf("list stateful sets: %w", err))
	}
	e.stamp.volumes.class = e.spec.Settings.StorageClass
	e.stamp.volumes.templates = make(map[[2]string]template)
	for _, set := range made.Items {
		for _, claim := range set.Spec.VolumeClaimTemplates {
			size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
			e.stamp.volumes.templates[[2]string{set.Name, claim.Name}] = template{size.String(), claim.Spec.StorageClassName}
		}
	}
	return nil
}

// keep changes an object of the manifest.
func (v volumes) keep(object *unstructured.Unstructured) error {
	switch object.GroupVersionKind().GroupKind() {
	case claims:
		wanted, err := sizeOf(object.Object)
		if err != nil {
			return err
		}
		if has, there := v.claims[object.GetName()]; there && has.Cmp(wanted) > 0 {
			return unstructured.SetNestedField(object.Object, has.String(), sizeAt...)
		}
	case sets:
		templates, found, err := unstructured.NestedSlice(object.Object, templatesAt...)
		if err != nil || !found {
			return err
		}
		for _, one := range templates {
			claim, _ := one.(map[string]any)
			name, _, _ := unstructured.NestedString(claim, "metadata", "name")
			if err := v.keepTemplate(claim, [2]string{object.GetName(), name}); err != nil {
				return err
			}
		}
		return unstructured.SetNestedSlice(object.Object, templates, templatesAt...)
	}
	return nil
}

func (v volumes) keepTemplate(claim map[string]any, of [2]string) error {
	made, there := v.templates[of]
	class := made.class
	switch {
	case there:
		if err := unstructured.SetNestedField(claim, made.size, sizeAt...); err != nil {
			return err
		}
	case v.class != "":
		class = &v.class
	}
	if class == nil {
		return nil
	}
	return unstructured.SetNestedField(claim, *class, "spec", "storageClassName")
}
