package cluster_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

const installation = "test"

type testBundle struct {
	api         *clustertest.API
	provisioner *cluster.Cluster
	janitor     *cluster.Cluster
	id          store.ID
}

// setup is one store that doesn't exist yet, and both hands, each with its own rights and its watches running.
func setup(t *testing.T) *testBundle {
	t.Helper()
	api := clustertest.Start(t)
	t.Parallel()
	return &testBundle{
		api:         api,
		provisioner: connect(t, api, clustertest.Provisioner, true),
		janitor:     connect(t, api, clustertest.Janitor, false),
		id:          api.NewID(t),
	}
}

func connect(t *testing.T, api *clustertest.API, account string, workloads bool) *cluster.Cluster {
	t.Helper()
	return connectSaying(t, api, account, workloads, cluster.Settings{})
}

// connectSaying connects for an installation that says this of its stores.
func connectSaying(t *testing.T, api *clustertest.API, account string, workloads bool, settings cluster.Settings) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Connect(cluster.Config{
		Kubeconfig: api.Kubeconfig(t, account), Installation: installation, WatchWorkloads: workloads, Settings: settings,
	})
	if err != nil {
		t.Fatalf("connect as %s: %v", account, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("watch as %s: %v", account, err)
		}
	})
	return c
}

func operation(t *testing.T, c *cluster.Cluster, trust cluster.Trust) *cluster.Operation {
	t.Helper()
	op, err := c.Operation(trust)
	if err != nil {
		t.Fatalf("make operation: %v", err)
	}
	return op
}

func (b *testBundle) namespace() cluster.Namespace {
	return cluster.Namespace{Store: b.id, Tenant: "203.0.113.7", Engine: "sample", Plan: "small"}
}

func (b *testBundle) isolation() cluster.Isolation {
	return cluster.Isolation{Store: b.id, Plan: engine.Plan{Name: "small", CPU: "500m", Memory: "256Mi", Storage: "1Gi"}}
}

// isolated makes the store's namespace, ready for a release.
func (b *testBundle) isolated(t *testing.T) *cluster.Operation {
	t.Helper()
	op := operation(t, b.provisioner, &clustertest.Trust{})
	if err := op.EnsureNamespace(t.Context(), b.namespace()); err != nil {
		t.Fatalf("ensure namespace: %v", err)
	}
	if err := op.EnsureIsolation(t.Context(), b.isolation()); err != nil {
		t.Fatalf("ensure isolation: %v", err)
	}
	return op
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func wantKind(t *testing.T, err error, kind cluster.Kind, reason string) {
	t.Helper()
	var e *cluster.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *cluster.Error", err)
	}
	if e.Kind != kind || e.Reason != reason {
		t.Fatalf("got %s %s (%v), want %s %s", e.Kind, e.Reason, err, kind, reason)
	}
}
