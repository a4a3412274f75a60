package janitor_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/janitor"
)

const (
	tenant       = "tenant"
	installation = "test-janitor"
	// patience is for a namespace to be removed, by controllers that have those of other tests to remove as well.
	patience = 5 * time.Minute
)

// bundle is a janitor at work on a real API server. What it has to do with the provisioner is tested there, with both.
type bundle struct {
	t      *testing.T
	log    *storelog.Log
	claims *claim.Book
	api    *clustertest.API
}

func setup(t *testing.T) *bundle {
	t.Helper()
	api := clustertest.Start(t)
	t.Parallel()
	return atWork(t, api, bustest.Start(t), 1, janitor.Config{Installation: installation})
}

// atWork starts n janitors, each with a kubeconfig of its own.
func atWork(t *testing.T, api *clustertest.API, nc *nats.Conn, n int, cfg janitor.Config) *bundle {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatalf("open the log: %v", err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatalf("open the claims: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, n)
	cfg.NATS, cfg.Slots = config.NATS{URL: nc.ConnectedUrl()}, 2
	for range n {
		cfg.Kubeconfig = api.Kubeconfig(t, clustertest.Janitor)
		go func(cfg janitor.Config) { ended <- janitor.Run(ctx, cfg) }(cfg)
	}
	t.Cleanup(func() {
		stop()
		for range n {
			if err := <-ended; err != nil {
				t.Errorf("a janitor ended: %v", err)
			}
		}
	})
	return &bundle{t: t, log: log, claims: claim.NewBook(kv), api: api}
}

// deletion is of a store that was created and claimed; it returns the id.
func (b *bundle) deletion(labels func(store.ID) map[string]string) store.ID {
	b.t.Helper()
	id := b.api.NewID(b.t)
	if labels != nil {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: id.Namespace(), Labels: labels(id)}}
		if _, err := b.api.Admin.CoreV1().Namespaces().Create(b.t.Context(), namespace, metav1.CreateOptions{}); err != nil {
			b.t.Fatalf("make the store's namespace: %v", err)
		}
	}
	if _, err := b.claims.Claim(b.t.Context(), tenant, id, 10, time.Now()); err != nil {
		b.t.Fatalf("claim the store: %v", err)
	}
	b.append(id, store.CreateCommand)
	b.append(id, store.DeleteCommand)
	return id
}

func (b *bundle) append(id store.ID, verb store.Type) {
	b.t.Helper()
	_, err := b.log.Update(b.t.Context(), id, func(store.State) (*store.Message, error) {
		return &store.Message{Type: verb, Store: id, Tenant: tenant, Actor: "test", Time: time.Now()}, nil
	})
	if err != nil {
		b.t.Fatalf("append %s: %v", verb, err)
	}
}

// await reads the log until a message of the store matches.
func (b *bundle) await(id store.ID, match func(storelog.Entry) bool) storelog.Entry {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	var found storelog.Entry
	err := b.log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			return err
		}
		if entry.Message.Store == id && match(entry) {
			found = entry
			return context.Canceled
		}
		return nil
	})
	if found.Message.Store != id {
		s, _ := b.log.Last(b.t.Context(), id)
		b.t.Fatalf("it didn't come to that (%v); the store is %+v", err, s)
	}
	return found
}

func is(t store.Type) func(storelog.Entry) bool {
	return func(e storelog.Entry) bool { return e.Message.Type == t }
}

func ours(id store.ID) map[string]string {
	return map[string]string{
		cluster.LabelManagedBy: cluster.ManagedBy, cluster.LabelInstallation: installation, cluster.LabelStore: string(id),
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, labels := range map[string]func(store.ID) map[string]string{
		"a store that is there": ours,
		"a store that isn't":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			id := b.deletion(labels)
			deleted := b.await(id, is(store.BecameDeleted))
			if !slices.Equal(deleted.State.Steps, []string{"namespace", "claims"}) {
				t.Errorf("the steps were %v", deleted.State.Steps)
			}
			_, err := b.api.Admin.CoreV1().Namespaces().Get(t.Context(), id.Namespace(), metav1.GetOptions{})
			if !apierrors.IsNotFound(err) {
				t.Errorf("the namespace is still there: %v", err)
			}
			held, err := b.claims.Held(t.Context(), tenant)
			if err != nil || len(held) != 0 {
				t.Errorf("the tenant still holds %v, %v", held, err)
			}
		})
	}
}

// What is another installation's isn't removed, the claim stays with the store, and the delete goes on trying.
func TestDeleteLeavesOthersAlone(t *testing.T) {
	b := setup(t)
	id := b.deletion(func(id store.ID) map[string]string {
		labels := ours(id)
		labels[cluster.LabelInstallation] = "another"
		return labels
	})
	namespaces := b.api.Admin.CoreV1().Namespaces()
	retry := b.await(id, is(store.RetryScheduled))
	if retry.State.Status != store.Deleting || retry.State.Reason != "NamespaceTaken" || retry.State.NotBefore == nil {
		t.Errorf("the store is %+v", retry.State)
	}
	live, err := namespaces.Get(t.Context(), id.Namespace(), metav1.GetOptions{})
	if err != nil || live.DeletionTimestamp != nil {
		t.Errorf("another installation's namespace is going: %v", err)
	}
	if held, err := b.claims.Held(t.Context(), tenant); err != nil || len(held) != 1 {
		t.Errorf("the tenant holds %v, %v: the store is still there", held, err)
	}
}
