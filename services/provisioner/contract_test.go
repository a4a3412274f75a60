package provisioner_test

import (
	"encoding/json"
	"testing"

	"github.com/nats-io/nats.go/micro"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// What others rely on: the catalog, and the passwords of a Ready store.
func TestCatalogAndCredentials(t *testing.T) {
	b := setup(t)
	b.startKubelet()
	b.start("provisioner")
	id := b.create()
	b.awaitStep(id, "credentials")

	if _, ok := b.catalog().Find("sample"); !ok {
		t.Error("the catalog doesn't offer the engine that the provisioner carries")
	}
	if _, code := b.credentials(string(id)); code != "409" {
		t.Errorf("a store that isn't Ready yet: code %q, want 409", code)
	}
	if _, code := b.credentials("saaaaaaaaaaa"); code != "404" {
		t.Errorf("a store that nobody asked for: code %q, want 404", code)
	}
	if _, code := b.credentials("*"); code != "400" {
		t.Errorf("no store's id: code %q, want 400", code)
	}

	b.shop.open.Store(true)
	b.awaitType(id, store.BecameReady)
	reply, code := b.credentials(string(id))
	if code != "" || len(reply.Credentials) != 1 {
		t.Fatalf("code %q, %d credentials instead of the one that isn't internal", code, len(reply.Credentials))
	}
	secret, err := b.api.Admin.CoreV1().Secrets(id.Namespace()).Get(t.Context(), cluster.SecretName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	shown := reply.Credentials[0]
	if shown.Username != "admin" || shown.Password != string(secret.Data["admin-password"]) {
		t.Errorf("shown %q, and the password differs from the Secret's", shown.Username)
	}
}

// catalog is what a gateway that starts now knows of engines.
func (b *bundle) catalog() *engine.Catalog {
	b.t.Helper()
	catalog, err := engine.Watch(b.t.Context(), b.bucket(storelog.BucketPacks), b.bucket(storelog.BucketCatalog))
	if err != nil {
		b.t.Fatal(err)
	}
	return catalog
}

// credentials asks as the gateway does.
func (b *bundle) credentials(id string) (query.CredentialsReply, string) {
	b.t.Helper()
	request, err := json.Marshal(query.CredentialsRequest{Store: store.ID(id)})
	if err != nil {
		b.t.Fatal(err)
	}
	msg, err := b.nc.Request(query.Credentials.Subject, request, patience)
	if err != nil {
		b.t.Fatalf("ask for credentials: %v", err)
	}
	var reply query.CredentialsReply
	code := msg.Header.Get(micro.ErrorCodeHeader)
	if code == "" {
		if err := json.Unmarshal(msg.Data, &reply); err != nil {
			b.t.Fatalf("read the reply: %v", err)
		}
	}
	return reply, code
}

// A namespace that was there before isn't taken over, and isn't removed.
func TestForeignNamespaceIsLeftAlone(t *testing.T) {
	b := setup(t).serving()
	id := b.api.NewID(t)
	b.occupy(id)
	b.createAs(id, "sample")
	b.start("provisioner")
	b.start("janitor")
	failed := b.awaitType(id, store.BecameFailed)
	if f := failed.Message.Facts; f.Reason != "NamespaceTaken" || f.Step != "namespace" {
		t.Errorf("it says %+v", f)
	}
	b.command(id, store.DeleteCommand, nil)
	retry := b.await(id, "retry by the janitor", func(e storelog.Entry) bool {
		return e.Message.Type == store.RetryScheduled && e.Message.Actor == "janitor"
	})
	if retry.Message.Facts.Reason != "NamespaceTaken" || retry.State.Status != store.Deleting {
		t.Errorf("the store is %s: %+v", retry.State.Status, retry.Message.Facts)
	}
	live, err := b.api.Admin.CoreV1().Namespaces().Get(t.Context(), id.Namespace(), metav1.GetOptions{})
	if err != nil || live.DeletionTimestamp != nil {
		t.Errorf("the foreign namespace is going: %v", err)
	}
}

// occupy puts somebody else's namespace where the store's would be.
func (b *bundle) occupy(id store.ID) {
	b.t.Helper()
	namespaces := b.api.Admin.CoreV1().Namespaces()
	foreign := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: id.Namespace()}}
	if _, err := namespaces.Create(b.t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		b.t.Fatalf("occupy a namespace: %v", err)
	}
}
