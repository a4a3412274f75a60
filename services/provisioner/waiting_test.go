package provisioner_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Without a cluster a store waits, says why, and spends no attempt; when there is one it begins by itself.
func TestNoClusterIsAReasonToWait(t *testing.T) {
	b := setup(t).serving()
	source := b.kubeconfigs["provisioner"]
	target := filepath.Join(t.TempDir(), "kubeconfig")
	b.kubeconfigs["provisioner"] = target
	b.start("provisioner")
	id := b.create()
	waited := b.awaitType(id, store.Waited)
	if s := waited.State; s.Reason != "ClusterNotReady" || s.Status != store.Queued || s.Attempt != 0 || s.Message == "" {
		t.Errorf("the store waits as %+v", s)
	}
	clustertest.Eventually(t, "the platform says that there is no cluster", func(context.Context) (bool, error) {
		said := b.cluster()
		return !said.Ready && said.Part == "cluster" && said.Message != "", nil
	})
	content, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target+".partial", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(target+".partial", target); err != nil {
		t.Fatal(err)
	}
	b.requireAttempts(t, b.awaitType(id, store.BecameReady), 1)
	if n := b.count(id, store.Waited); n != 1 {
		t.Errorf("it said %d times that it waits", n)
	}
	if said := b.cluster(); !said.Ready {
		t.Errorf("the platform says %+v", said)
	}
}

func (b *bundle) cluster() platform.Cluster {
	b.t.Helper()
	said, err := platform.Read(b.t.Context(), b.bucket(storelog.BucketPlatform), store.DefaultCluster)
	if err != nil {
		b.t.Fatalf("read what the platform says: %v", err)
	}
	return said
}

func (b *bundle) bucket(name string) jetstream.KeyValue {
	b.t.Helper()
	kv, err := b.log.Bucket(b.t.Context(), name)
	if err != nil {
		b.t.Fatalf("open a bucket: %v", err)
	}
	return kv
}
