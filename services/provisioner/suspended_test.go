package provisioner_test

import (
	"context"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/provisioner/engines"
)

// standing is a store of a pack, made without the provisioner's process: what a chart makes of running is asked here, and what
// becomes of the command elsewhere.
type standing struct {
	*bundle
	t        *testing.T
	id       store.ID
	pack     engine.Pack
	plan     engine.Plan
	chart    []engine.ChartFile
	cluster  *cluster.Cluster
	releases *release.Releases
}

func (b *bundle) standingStore(t *testing.T, pack engine.Pack, plan engine.Plan) *standing {
	t.Helper()
	chart, err := engine.Chart(engines.Packs, pack)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Connect(cluster.Config{Kubeconfig: b.kubeconfigs["provisioner"], Installation: b.installation, WatchWorkloads: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	s := &standing{bundle: b, t: t, id: b.api.NewID(t), pack: pack, plan: plan, chart: chart, cluster: c, releases: release.New(1)}
	op := s.operation()
	if err := op.EnsureNamespace(t.Context(), cluster.Namespace{Store: s.id, Tenant: "t", Engine: pack.Name, Plan: plan.Name}); err != nil {
		t.Fatal(err)
	}
	s.isolate(true)
	if err := op.EnsureSecret(t.Context(), s.id, pack.NewSecret()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *standing) operation() *cluster.Operation {
	s.t.Helper()
	op, err := s.cluster.Operation(&clustertest.Trust{})
	if err != nil {
		s.t.Fatal(err)
	}
	return op
}

func (s *standing) isolate(running bool) {
	s.t.Helper()
	err := s.operation().EnsureIsolation(s.t.Context(), cluster.Isolation{Store: s.id, Plan: s.plan, Suspended: !running})
	if err != nil {
		s.t.Fatal(err)
	}
}

// bring takes the steps that lead to a store that runs or is suspended.
func (s *standing) bring(running bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	s.isolate(running)
	values, err := s.pack.Values(engine.Release{
		Store: string(s.id), Name: "Test", Plan: s.plan.Name, Running: running, Secret: cluster.SecretName, Host: "store.example.org",
		URL: "https://store.example.org", IngressClass: "local", Labels: s.cluster.ObjectLabels(s.id),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	op := s.operation()
	if err := s.releases.Ensure(ctx, op, release.Spec{Store: s.id, Chart: s.chart, Values: values, Verify: true}); err != nil {
		s.t.Fatalf("running %v: %v", running, err)
	}
	workloads := s.pack.WorkloadsWhen(running)
	if err := op.AwaitWorkloads(ctx, cluster.Awaited{Store: s.id, Workloads: workloads, Tell: func(string) {}}); err != nil {
		s.t.Fatalf("running %v: %v", running, err)
	}
	if ready, err := op.WorkloadsReady(ctx, s.id, workloads); err != nil || !ready {
		s.t.Errorf("running %v: ready is %v, %v", running, ready, err)
	}
	if drift, err := s.releases.Drift(ctx, op, s.id); err != nil || len(drift) > 0 {
		s.t.Errorf("running %v: %v, %v is taken for changed by hand", running, drift, err)
	}
	if failing := s.cluster.Failing(s.id, workloads); failing != nil {
		s.t.Errorf("running %v: %v", running, failing)
	}
}

// kept is what holds the merchant's data.
func (s *standing) kept() map[string]types.UID {
	s.t.Helper()
	ids := map[string]types.UID{}
	claims, err := s.api.Admin.CoreV1().PersistentVolumeClaims(s.id.Namespace()).List(s.t.Context(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, claim := range claims.Items {
		ids[claim.Name] = claim.UID
	}
	secret, err := s.api.Admin.CoreV1().Secrets(s.id.Namespace()).Get(s.t.Context(), cluster.SecretName, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	ids[secret.Name] = secret.UID
	return ids
}

// behind lists the pods that the Service leads to.
func (s *standing) behind(service string) []corev1.Pod {
	s.t.Helper()
	found, err := s.api.Admin.CoreV1().Services(s.id.Namespace()).Get(s.t.Context(), service, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	pods, err := s.api.Admin.CoreV1().Pods(s.id.Namespace()).List(s.t.Context(), metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: found.Spec.Selector}),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return pods.Items
}

func (s *standing) pods() int {
	s.t.Helper()
	pods, err := s.api.Admin.CoreV1().Pods(s.id.Namespace()).List(s.t.Context(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	running := 0
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && pod.Labels["app.kubernetes.io/component"] != "cron" {
			running++
		}
	}
	return running
}

// Every engine in every plan: the shop's pods go and the page comes within the quota, what holds data stays, and back.
func TestEveryEngineIsSuspendedAndResumed(t *testing.T) {
	t.Parallel()
	for _, pack := range shipped(t) {
		for _, plan := range pack.Plans {
			t.Run(pack.Name+" "+plan.Name, func(t *testing.T) {
				b := setup(t).serving()
				s := b.standingStore(t, pack, plan)
				s.bring(true)
				before, pods := s.kept(), s.pods()
				s.bring(false)
				if n := s.pods(); n != 1 {
					t.Errorf("suspended it has %d pods", n)
				}
				if page := s.behind(pack.Probe.Service); len(page) != 1 || page[0].Labels["app.kubernetes.io/component"] != "suspended" {
					t.Errorf("suspended the Service leads to %d pods", len(page))
				}
				if after := s.kept(); !maps.Equal(before, after) {
					t.Errorf("suspended it keeps %v, and kept %v", after, before)
				}
				s.bring(true)
				if after := s.kept(); !maps.Equal(before, after) {
					t.Errorf("resumed it keeps %v, and kept %v", after, before)
				}
				clustertest.Eventually(t, "all pods are back, and the page's is gone", func(context.Context) (bool, error) {
					return s.pods() == pods, nil
				})
				b.requireRoom(t, s.id)
			})
		}
	}
}
