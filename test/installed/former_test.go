package installed_test

import (
	"net"
	"net/http"
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
	chart.KeepSharedRole(t, platform.Open(t).Kubernetes(t))
	i := prepare(t, "former")
	i.comesFromElsewhere(t)
	former, ours := i.former(t), i.Chart
	i.TakeOverSharedRole(t)

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
	// Pods of that release stop when they are told to, and not once nobody is sent to them any more.
	i.end(t, l, "upgrade", "again")
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
