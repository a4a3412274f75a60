package gateway

import (
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/explain"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// crashing is what a provisioner says of a store whose program ends again and again.
func crashing() query.MonitoringReply {
	return query.MonitoringReply{
		At:        time.Date(2026, time.November, 3, 9, 0, 0, 0, time.UTC),
		Wrong:     &query.Wrong{Reason: "CrashLoopBackOff", Message: "It ends.", Object: "deployment/store", Detail: "back-off", For: reason.Merchant},
		Workloads: []query.Workload{{Kind: "Deployment", Name: "store", Wanted: 1, Updated: 1}},
		Pods:      []query.Pod{{Name: "store-1", Containers: []query.Container{{Name: "shop", State: "waiting", Restarts: 4}}}},
		Volumes:   []query.Volume{}, Routes: []query.Route{}, Crons: []query.Cron{}, Events: []query.ClusterEvent{},
		Missing: []string{"volumes"},
	}
}

// monitors has a provisioner answer, who tells what it was asked for.
func (b *testBundle) monitors(reply query.MonitoringReply) <-chan query.MonitoringRequest {
	b.t.Helper()
	asked := make(chan query.MonitoringRequest, 8)
	b.answers(query.Monitoring.Subject, func(data []byte) any {
		asked <- parsed[query.MonitoringRequest](b.t, data)
		return reply
	})
	return asked
}

func TestHowAStoreIsIsAskedOfItsProvisioners(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	path := "/stores/" + string(s.ID) + "/monitoring"
	if p := wantProblem(t, b.get(path), http.StatusServiceUnavailable, problem.ClusterUnavailable); !p.Retryable {
		t.Errorf("nobody answers: %+v", p)
	}
	want := crashing()
	asked := b.monitors(want)
	if got := decoded[query.MonitoringReply](t, b.get(path)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if q := received(t, asked); q.Store != s.ID {
		t.Errorf("asked for %+v", q)
	}
	b.delete(s.ID)
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	wantProblem(t, b.get(path), http.StatusConflict, problem.StoreDeleted)
	if len(asked) != 0 {
		t.Error("a provisioner was asked how a deleted store is")
	}
}

func TestASummaryTellsWhatThereIsToTell(t *testing.T) {
	b := setup(t)
	s := b.create(`{"name":"Tea"}`)
	summary := func() api.Summary {
		t.Helper()
		return decoded[api.Summary](t, b.get("/stores/"+string(s.ID)+"/summary"))
	}
	got := summary()
	if got.Store.Name != "Tea" || got.Engine == nil || got.Engine.Name != "sample" || got.Links == nil || len(got.Links) != 0 ||
		got.Wrong != nil || got.Monitoring != nil || !slices.Equal(got.Missing, []explain.Part{explain.Cluster}) {
		t.Errorf("of a store that is being made, without a provisioner: %+v", got)
	}
	b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://store-x.localhost:8088/"})
	b.happen(s.ID, store.BecameDegraded, store.Facts{Reason: "NotAnswering", Message: "It doesn't answer.", Detail: "503"})
	entry, _ := reason.Of("NotAnswering")
	want := query.Wrong{Reason: "NotAnswering", Message: "It doesn't answer.", Detail: "503", For: entry.For}
	if got := summary(); got.Wrong == nil || *got.Wrong != want || len(got.Links) != 2 || got.Links[0].URL != "http://store-x.localhost:8088/" {
		t.Errorf("of one that is Degraded, without a provisioner: %+v, wrong %+v", got, got.Wrong)
	}
	b.monitors(crashing())
	seen := crashing()
	// Of its volumes the provisioner couldn't tell, and so a part of what the cluster knows is missing.
	if got := summary(); !reflect.DeepEqual(got.Monitoring, &seen) || !reflect.DeepEqual(got.Wrong, seen.Wrong) || !slices.Equal(got.Missing, []explain.Part{explain.Cluster}) {
		t.Errorf("with a provisioner: %+v", got)
	}
	b.publish()
	b.await("nothing is on offer", func() bool { return b.offered() == "" })
	if got := summary(); got.Engine == nil {
		t.Errorf("of an engine that isn't offered any more: %+v", got)
	}
	b.delete(s.ID)
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	if got := summary(); got.Store.Status != store.Deleted || got.Monitoring != nil || got.Wrong != nil || len(got.Links) != 0 || len(got.Missing) != 0 {
		t.Errorf("of one that was deleted: %+v", got)
	}
}
