package provisioner_test

import (
	"encoding/json"
	"testing"

	"github.com/nats-io/nats.go/micro"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// Whether a store can have a larger plan is its volumes' class to say. Where it can't, whoever asks is told, and an update
// that comes all the same changes nothing, not even what is granted.
func TestAPlanIsHadWhereTheVolumesCanGrow(t *testing.T) {
	b := setup(t).serving()
	class := string(b.api.NewID(t))
	b.environment = append(b.environment, saysOfStores(t, "storageClass: "+class))
	b.start("provisioner")
	id := b.ready()
	b.provide(class, false)
	b.bindVolumes(id)

	for plan, refused := range map[string]bool{"small": false, "large": true} {
		if reply, code := b.growth(id, plan); code != "" || reply.Refused != refused {
			t.Errorf("%s is refused: %t %s", plan, reply.Refused, code)
		}
	}
	if _, code := b.growth(b.api.NewID(t), "large"); code != "404" {
		t.Errorf("a store that never was is answered %q", code)
	}

	before := b.quota(id)
	b.updateTo(id, "large")
	failed := b.awaitType(id, store.BecameFailed).Message.Facts
	if failed.Reason != cluster.ReasonVolumeCannotGrow || failed.Message != cluster.VolumeCannotGrowSentence || failed.Step != "isolation" {
		t.Errorf("it says %+v", failed)
	}
	if now := b.quota(id); !equality.Semantic.DeepEqual(before, now) {
		t.Errorf("granted was %v, and is %v", before, now)
	}

	b.allowExpansion(class)
	if reply, code := b.growth(id, "large"); code != "" || reply.Refused {
		t.Errorf("where volumes grow: %t %s", reply.Refused, code)
	}
}

func (b *bundle) growth(id store.ID, plan string) (reply query.GrowthReply, code string) {
	b.t.Helper()
	request, err := json.Marshal(query.GrowthRequest{Store: id, Plan: plan})
	if err != nil {
		b.t.Fatal(err)
	}
	msg, err := b.nc.Request(query.Growth.Subject, request, patience)
	if err != nil {
		b.t.Fatalf("ask whether the volumes can grow: %v", err)
	}
	if code = msg.Header.Get(micro.ErrorCodeHeader); code == "" {
		err = json.Unmarshal(msg.Data, &reply)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return reply, code
}

// provide makes a storage class.
func (b *bundle) provide(class string, grows bool) {
	b.t.Helper()
	_, err := b.api.Admin.StorageV1().StorageClasses().Create(b.t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "test.example/none", AllowVolumeExpansion: &grows,
	}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) allowExpansion(class string) {
	b.t.Helper()
	_, err := b.api.Admin.StorageV1().StorageClasses().Patch(b.t.Context(), class, types.MergePatchType, []byte(`{"allowVolumeExpansion":true}`), metav1.PatchOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
}

// bindVolumes does what the storage would.
func (b *bundle) bindVolumes(id store.ID) {
	b.t.Helper()
	claims := b.api.Admin.CoreV1().PersistentVolumeClaims(id.Namespace())
	all, err := claims.List(b.t.Context(), metav1.ListOptions{})
	if err != nil || len(all.Items) == 0 {
		b.t.Fatalf("%d volumes, %v", len(all.Items), err)
	}
	for _, claim := range all.Items {
		if _, err := claims.Patch(b.t.Context(), claim.Name, types.MergePatchType, []byte(`{"status":{"phase":"Bound"}}`), metav1.PatchOptions{}, "status"); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bundle) quota(id store.ID) corev1.ResourceList {
	b.t.Helper()
	quota, err := b.api.Admin.CoreV1().ResourceQuotas(id.Namespace()).Get(b.t.Context(), "store", metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	return quota.Spec.Hard
}

// updateTo has another plan wanted, past the gateway that would refuse it.
func (b *bundle) updateTo(id store.ID, plan string) {
	b.t.Helper()
	spec := b.state(id).Spec
	spec.Plan = plan
	b.command(id, store.UpdateCommand, &spec)
}
