package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/store"
)

// ReasonVolumeCannotGrow is why a store can't have a plan with more storage.
const ReasonVolumeCannotGrow = "VolumeCannotGrow"

// VolumeCannotGrowSentence is for the merchant who asked for one.
const VolumeCannotGrowSentence = "The cluster's storage can't make the volumes of a store larger."

// Volume is how large a release wants a claim to be.
type Volume struct {
	// Claim is its name. Of the claims that a StatefulSet makes itself it is what stands before their number, and Numbered.
	Claim    string
	Numbered bool
	Size     resource.Quantity
}

func (v Volume) is(claim string) bool {
	if !v.Numbered {
		return claim == v.Claim
	}
	number, ok := strings.CutPrefix(claim, v.Claim+"-")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

// VolumesCanGrow says why the store's claims can't get as large as they are wanted, and writes nothing: of kind Permanent
// with ReasonVolumeCannotGrow where their storage class lets no volume grow. Claims that are large enough, or not there yet,
// ask for nothing.
func (o *Operation) VolumesCanGrow(ctx context.Context, id store.ID, wanted []Volume) error {
	_, _, err := o.lookAtVolumes(ctx, id, wanted)
	return err
}

// GrowVolumes asks for the store's claims to be as large as they are wanted, all or, where one can't, none. None is made
// smaller. sizes are those that the store's claims then ask for, by name: Kubernetes knows of them, and that the storage
// follows may take as long as the pods need to mount it anew.
func (o *Operation) GrowVolumes(ctx context.Context, id store.ID, wanted []Volume) (sizes map[string]resource.Quantity, err error) {
	sizes, small, err := o.lookAtVolumes(ctx, id, wanted)
	if err != nil {
		return nil, err
	}
	for claim, size := range small {
		patch := fmt.Appendf(nil, `{"spec":{"resources":{"requests":{"storage":%q}}}}`, size.String())
		_, err := o.client.CoreV1().PersistentVolumeClaims(id.Namespace()).Patch(ctx, claim, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: ManagedBy})
		if err != nil {
			return nil, o.fail("grow volume "+claim, err)
		}
		sizes[claim] = size
	}
	return sizes, nil
}

// lookAtVolumes gives the sizes that there are, and those that have to grow and can, with what they shall have.
func (o *Operation) lookAtVolumes(ctx context.Context, id store.ID, wanted []Volume) (sizes, small map[string]resource.Quantity, err error) {
	claims, err := o.client.CoreV1().PersistentVolumeClaims(id.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, o.fail("list volumes", err)
	}
	sizes, small = make(map[string]resource.Quantity), make(map[string]resource.Quantity)
	for i := range claims.Items {
		claim := &claims.Items[i]
		size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		sizes[claim.Name] = size
		for _, v := range wanted {
			if !v.is(claim.Name) || v.Size.Cmp(size) <= 0 {
				continue
			}
			if err := o.canGrow(ctx, claim); err != nil {
				return nil, nil, err
			}
			small[claim.Name] = v.Size
		}
	}
	return sizes, small, nil
}

// canGrow says in words what the API server would refuse with none that a merchant could read.
func (o *Operation) canGrow(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Status.Phase != corev1.ClaimBound {
		err := fmt.Errorf("persistentvolumeclaim/%s: %s, and only a bound one can grow", claim.Name, claim.Status.Phase)
		return wrap(err, Transient, "VolumeNotBound", "A volume of the store isn't there yet; it is tried again.")
	}
	name := ""
	if claim.Spec.StorageClassName != nil {
		name = *claim.Spec.StorageClassName
	}
	if name == "" {
		return cannotGrow(claim.Name, "it has no storage class")
	}
	class, err := o.client.StorageV1().StorageClasses().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return cannotGrow(claim.Name, "its storage class "+name+" isn't there any more")
	}
	if err != nil {
		return o.fail("read storage class", err)
	}
	if !grows(class) {
		return cannotGrow(claim.Name, "its storage class "+name+" allows no expansion")
	}
	return nil
}

func cannotGrow(claim, why string) error {
	err := fmt.Errorf("persistentvolumeclaim/%s: %s", claim, why)
	return wrap(err, Permanent, ReasonVolumeCannotGrow, VolumeCannotGrowSentence)
}

func grows(class *storagev1.StorageClass) bool {
	return class.AllowVolumeExpansion != nil && *class.AllowVolumeExpansion
}
