package installed_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/test/internal/chart"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// The upgrade from the release before as README has an operator do it, broker's version included, under the load of an upgrade of values;
// the way back, which is open until the log's level is raised; and the level raised, when nobody of that release is left.
func TestAnUpgradeFromTheReleaseBeforeAndTheWayBackLoseNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("seventy stores on one node: run by make test-long")
	}
	keepsTheSharedRole(t)
	i := prepare(t, "former")
	i.comesFromElsewhere(t)
	former, ours := i.former(t), i.Chart
	i.takesOverTheSharedRole(t)

	i.Chart = former.Chart
	i.Install(t, i.values(), crowded, former.Values)
	i.AwaitReady(t)
	l := i.begin(t)
	made := l.during(t, "upgrade", creates, func() {
		i.isMadeAnew(t, func() {
			i.Chart = ours
			i.Upgrade(t, i.values(), crowded, roomy)
		})
	})
	i.areReady(t, made...)
	back := l.during(t, "back", createsBack, func() {
		i.isMadeAnew(t, func() {
			broker, _ := chart.Images(t)
			i.Chart = former.Chart
			i.Upgrade(t, i.values(), crowded, former.Values, object{"nats": object{"image": broker}})
		})
	})
	i.areReady(t, back...)
	again := l.during(t, "again", createsBack, func() {
		i.isMadeAnew(t, func() {
			i.Chart = ours
			i.Upgrade(t, i.values(), crowded, roomy)
		})
	})
	i.areReady(t, again...)
	i.end(t, l)
	i.buysIn(t, i.Get(t, made[0]))
	i.buysIn(t, i.Get(t, back[0]))
	i.raises(t)
	i.buysIn(t, i.ready(t, "Made after the upgrade"))
}

// crowded has replicas enough for the clients of the load where one may have no more than a hundred of one tenant, which the release
// before has no value for.
var crowded = object{"events": object{"replicas": 4}}

// former is the release before, whose images the node has.
func (i *installation) former(t *testing.T) chart.Former {
	t.Helper()
	former, err := chart.Before(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, archive := range former.Archives {
		if err := i.Node(t).Import(t.Context(), archive); err != nil {
			t.Fatal(err)
		}
	}
	return former
}

// comesFromElsewhere has all clients of the installation be one that isn't at the ingress controller's own machine: whose name as a tenant
// isn't that of the release before.
func (i *installation) comesFromElsewhere(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(platform.FromElsewhere(t, i.Stores))
	if err != nil {
		t.Fatal(err)
	}
	i.API = "http://" + net.JoinHostPort("localhost", port)
}

// sharedRole is the one that all installations of a cluster have in common.
const sharedRole = "/apis/rbac.authorization.k8s.io/v1/clusterroles/store-platform-store"

// keepsTheSharedRole has it be as it is now when all else of the test is gone: the release before takes it along when it goes.
func keepsTheSharedRole(t *testing.T) {
	t.Helper()
	cluster := platform.Open(t).Kubernetes(t)
	var was object
	if status, err := cluster.Do(t.Context(), http.MethodGet, sharedRole, nil, &was); err != nil || status != http.StatusOK {
		t.Fatalf("read the shared ClusterRole: %d %v", status, err)
	}
	metadata := was["metadata"].(map[string]any)
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		delete(metadata, field)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		status, err := cluster.Do(ctx, http.MethodPut, sharedRole, was, nil)
		if err == nil && status == http.StatusNotFound {
			status, err = cluster.Do(ctx, http.MethodPost, sharedRole[:strings.LastIndex(sharedRole, "/")], was, nil)
		}
		if err != nil || status >= http.StatusMultipleChoices {
			t.Errorf("put the shared ClusterRole back: %d %v", status, err)
		}
	})
}

// takesOverTheSharedRole does it by README's annotations. The label is there where a release has made it, and not make up.
func (i *installation) takesOverTheSharedRole(t *testing.T) {
	t.Helper()
	patch := object{"metadata": object{
		"labels":      object{"app.kubernetes.io/managed-by": "Helm"},
		"annotations": object{"meta.helm.sh/release-name": i.Name, "meta.helm.sh/release-namespace": i.Namespace},
	}}
	if status, err := i.Do(t.Context(), http.MethodPatch, sharedRole, patch, nil); err != nil || status != http.StatusOK {
		t.Fatalf("take over the shared ClusterRole: %d %v", status, err)
	}
}

// raises ends the upgrade, as whom a port of the gateway is forwarded to.
func (i *installation) raises(t *testing.T) {
	t.Helper()
	pod := i.Pods(t, i.Namespace, component+"=gateway")[0]
	operator := &platform.Platform{API: "http://" + platform.RelayIn(t, process(t, pod), "127.0.0.1:8080")}
	type level struct {
		WriteLevel int `json:"writeLevel"`
		Newest     int `json:"newest"`
	}
	var was, is level
	if _, err := operator.Call(t.Context(), http.MethodGet, "/log", nil, &was); err != nil {
		t.Fatal(err)
	}
	if was.WriteLevel >= was.Newest {
		t.Errorf("before it is raised the level is %d of %d", was.WriteLevel, was.Newest)
	}
	if _, err := operator.Call(t.Context(), http.MethodPost, "/log/raise", nil, &is); err != nil {
		t.Fatal(err)
	}
	if is.WriteLevel != was.Newest {
		t.Errorf("raised, it is %d of %d", is.WriteLevel, was.Newest)
	}
}
