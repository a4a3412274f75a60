package release_test

import (
	"io/fs"
	"os"
	"testing"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	storerelease "github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

type testBundle struct {
	api      *clustertest.API
	cluster  *cluster.Cluster
	releases *storerelease.Releases
	id       store.ID
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	api := clustertest.Start(t)
	t.Parallel()
	c, err := cluster.Connect(cluster.Config{Kubeconfig: api.Kubeconfig(t, clustertest.Provisioner), Installation: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return (&testBundle{api: api, cluster: c, releases: storerelease.New(4)}).another(t)
}

// another makes the namespace of another store, ready for a release.
func (b *testBundle) another(t *testing.T) *testBundle {
	t.Helper()
	b = &testBundle{api: b.api, cluster: b.cluster, releases: b.releases, id: b.api.NewID(t)}
	op := b.operation(t, &clustertest.Trust{})
	if err := op.EnsureNamespace(t.Context(), cluster.Namespace{Store: b.id, Tenant: "t", Engine: "shop", Plan: "small"}); err != nil {
		t.Fatal(err)
	}
	plan := engine.Plan{Name: "small", CPU: "500m", Memory: "256Mi", Storage: "1Gi"}
	if err := op.EnsureIsolation(t.Context(), cluster.Isolation{Store: b.id, Plan: plan}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *testBundle) operation(t *testing.T, trust cluster.Trust) *cluster.Operation {
	t.Helper()
	op, err := b.cluster.Operation(trust)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// ensure runs Ensure as a worker would that nobody kills.
func (b *testBundle) ensure(t *testing.T, spec storerelease.Spec) (requests int) {
	t.Helper()
	trust := &clustertest.Trust{}
	op := b.operation(t, trust)
	if err := b.releases.Ensure(t.Context(), op, spec); err != nil {
		t.Fatal(err)
	}
	requests = trust.Asked()
	if done, err := b.releases.Deployed(t.Context(), op, spec); err != nil || !done {
		t.Fatalf("deployed is %v, %v after ensure", done, err)
	}
	return requests
}

func (b *testBundle) spec(t *testing.T, title string) storerelease.Spec {
	t.Helper()
	return storerelease.Spec{Store: b.id, Chart: chart(t, os.DirFS("testdata/chart")), Values: map[string]any{
		"title": title, "image": "registry.example/shop:1",
	}}
}

func chart(t *testing.T, fsys fs.FS) []engine.ChartFile {
	t.Helper()
	var files []engine.ChartFile
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		files = append(files, engine.ChartFile{Name: name, Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// revisions is Helm's own storage, as an administrator.
func (b *testBundle) revisions() *storage.Storage {
	return storage.Init(driver.NewSecrets(b.api.Admin.CoreV1().Secrets(b.id.Namespace())))
}

// leave makes the last revision look as a dead worker would have left it.
func (b *testBundle) leave(t *testing.T, status release.Status) {
	t.Helper()
	revisions := b.revisions()
	last, err := revisions.Last(storerelease.Name)
	if err != nil {
		t.Fatal(err)
	}
	last.SetStatus(status, "left by the test")
	if err := revisions.Update(last); err != nil {
		t.Fatal(err)
	}
}
