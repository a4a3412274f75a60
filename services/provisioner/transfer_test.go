package provisioner_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// transfer gives a store to another tenant, as a gateway does.
func (b *bundle) transfer(id store.ID, to string) {
	b.t.Helper()
	_, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{
			Type: store.Transferred, Tenant: to, Actor: "admin", Generation: s.Generation, Time: time.Now(), Facts: store.Facts{From: s.Tenant},
		}, store.AdmitChange(s)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// requireOwner: the store's namespace says whose it is, by a digest.
func (b *bundle) requireOwner(id store.ID, tenant string) {
	b.t.Helper()
	namespace, err := b.api.Admin.CoreV1().Namespaces().Get(b.t.Context(), id.Namespace(), metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(tenant))
	if got, want := namespace.Labels[cluster.LabelTenant], hex.EncodeToString(sum[:10]); got != want {
		b.t.Errorf("the namespace is of tenant %s, want %s, which is %s:\n%s", got, want, tenant, b.told(id))
	}
}

// A store that changes hands is noticed by nobody but its owners: its namespace says so by a refresh, whether it stands already or was
// being made for somebody else, and nobody is said to have changed a label by hand.
func TestATransferredStoresNamespaceSaysSoByItsRefresh(t *testing.T) {
	b := setup(t)
	b.startKubelet()
	b.start("provisioner")
	making := b.create()
	b.awaitStep(making, "credentials")
	b.transfer(making, "t-aaaaaaaaaa")
	b.shop.open.Store(true)
	b.awaitType(making, store.BecameReady)
	standing := b.ready()
	b.transfer(standing, "t-bbbbbbbbbb")
	b.transfer(standing, "t-aaaaaaaaaa")
	for _, id := range []store.ID{making, standing} {
		asked := b.awaitType(id, store.RefreshCommand)
		b.await(id, "the refresh", func(e storelog.Entry) bool {
			return e.Message.Generation == asked.Message.Seq && e.Message.Type.IsTerminal()
		})
		b.requireUnnoticed(id, asked, store.Ready)
		b.requireOwner(id, "t-aaaaaaaaaa")
		if n := b.count(id, store.RefreshCommand); n != 1 {
			t.Errorf("%d refreshes:\n%s", n, b.told(id))
		}
	}
}
