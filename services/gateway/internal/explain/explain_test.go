package explain

import (
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
)

func degraded(why store.Cause) store.State {
	return store.State{
		ID: "s1", Spec: store.Spec{Engine: "sample"}, Status: store.Degraded,
		Condition: store.Condition{Standing: store.DegradedStanding, Cause: why},
		Operation: store.Operation{Verb: store.Create, Generation: 1, Root: 1, Outcome: store.Succeeded},
	}
}

// A keeper tells another cause when that has lasted. Of the same workload the cluster says by now what it is; of another, or of a store
// whose operation has failed, what was told is why.
func TestWhatAWorkloadFailsOfIsToldAsItIsNow(t *testing.T) {
	const told = "deployment/web: pod/web-1: container shop"
	now := func(detail string) *query.MonitoringReply {
		return &query.MonitoringReply{Wrong: &query.Wrong{Reason: "ImagePullBackOff", Message: "It can't be fetched.", Object: "pod/web-1", Detail: detail}}
	}
	failed := degraded(store.Cause{Reason: "ContainerCreating", Detail: told})
	failed.Trouble = &store.Cause{Reason: "ContainerCreating", Detail: told}
	for name, c := range map[string]struct {
		state store.State
		seen  *query.MonitoringReply
		want  string
	}{
		"the same workload":          {degraded(store.Cause{Reason: "ContainerCreating", Detail: told}), now(told + ": 404"), "ImagePullBackOff"},
		"another":                    {degraded(store.Cause{Reason: "ContainerCreating", Detail: told}), now("deployment/cron: pod/cron-1"), "ContainerCreating"},
		"what no workload is":        {degraded(store.Cause{Reason: "DataMissing", Detail: "secret/store-credentials"}), now(told), "DataMissing"},
		"an operation that failed":   {failed, now(told), "ContainerCreating"},
		"nobody looks":               {degraded(store.Cause{Reason: "ContainerCreating", Detail: told}), nil, "ContainerCreating"},
		"the cluster finds it right": {degraded(store.Cause{Reason: "ContainerCreating", Detail: told}), &query.MonitoringReply{}, "ContainerCreating"},
	} {
		e := Explain(Seen{State: c.state, Why: query.Cause{Reason: c.state.Reason, Detail: c.state.Detail}, Cluster: c.seen})
		if e.Reason != c.want {
			t.Errorf("%s: explained by %s, want %s", name, e.Reason, c.want)
		}
	}
}

func TestAReasonOfNoTableIsForWhomThePackSays(t *testing.T) {
	pack := engine.Pack{Check: &engine.Check{Causes: []engine.Cause{{Reason: "OrderBookFull"}}}}
	for name, want := range map[string]reason.Whom{"OrderBookFull": reason.Merchant, "AWordOfTheKubelets": reason.Operator, "PodsRefused": reason.Operator} {
		e := Explain(Seen{State: degraded(store.Cause{Reason: name}), Why: query.Cause{Reason: name}, Pack: pack})
		if e.For != want || e.Next == "" || e.Runbook == "" {
			t.Errorf("%s is for %q: %q, %q", name, e.For, e.Next, e.Runbook)
		}
	}
}

// Who is still at a store is why its command waits: the log says nothing of it.
func TestACommandBehindALeaseIsExplainedByIt(t *testing.T) {
	s := store.State{
		ID: "s1", Status: store.Provisioning, Open: []uint64{2},
		Condition: store.Condition{Standing: store.Up}, Operation: store.Operation{Verb: store.Suspend, Generation: 2, Root: 2},
	}
	e := Explain(Seen{State: s, Cluster: &query.MonitoringReply{Wrong: &query.Wrong{
		Reason: "LeaseHeld", Message: "Another worker is still at the store.", Object: "lease/s1", Detail: "lease/s1: held by another",
	}}})
	if e.Reason != "LeaseHeld" || e.Object != "lease/s1" || e.Sentence != "Suspending the store waits. Another worker is still at the store." || e.For != reason.Nobody || e.Runbook != "/docs/reasons#leaseheld" {
		t.Errorf("explained by %+v", e)
	}
}
