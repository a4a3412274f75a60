package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// told is how many messages the store has that is explained.
	told = 1000
	// explainTurns is how often so many are measured, explanations and pages by turns.
	explainTurns, explainedEach = 5, 200
)

// explaining holds the explanation of a store with a long history against one read of a page of that history.
func explaining(b *bench) {
	s := b.newBus()
	s.run(whileLoading)
	events := b.freeAddress()
	// First: it makes the log, in which the catalog is published.
	gateway := s.gateway(events)
	b.must("publish the catalog", s.Offer(b.ctx, b.repo))
	asker := b.askers(gateway, (&tenants{}).header)[0]
	asker.awaitCatalog()
	log := s.log()
	state, err := log.Last(b.ctx, asker.store)
	b.must("read the store", err)
	for n := 1; n < told; n++ {
		m := []store.Message{
			{Type: store.BecameDegraded, Facts: store.Facts{Reason: "NotAnswering", Message: "It doesn't answer.", Detail: "service/store: GET / answered 503"}},
			{Type: store.Recovered},
		}[n%2]
		if n == 1 {
			m = store.Message{Type: store.BecameReady, Facts: store.Facts{URL: "http://store.localhost"}}
		}
		m.Store, m.Tenant, m.Actor, m.Time, m.Generation = state.ID, state.Tenant, "provisioner", time.Now(), state.Generation
		state, err = log.Append(b.ctx, state, m)
		b.must("write the store's history", err)
	}
	_, p := s.projected(log, events)
	b.pictured(s)
	path := "/stores/" + string(asker.store)
	b.await("explain the store", p, startPatience, func() error { return asker.get(path + "/explain") })
	var explained, read []time.Duration
	var ratios []float64
	for range explainTurns {
		explaining, reading := b.slowest(asker, path+"/explain"), b.slowest(asker, path+"/events?limit=100")
		explained, read, ratios = append(explained, explaining), append(read, reading), append(ratios, float64(explaining)/float64(reading))
	}
	b.report(line{
		what: fmt.Sprintf("explain a store of %d messages, p95", told), platform: millis(median(explained)), bare: millis(median(read)), ratio: median(ratios),
		how: fmt.Sprintf("medians of %d turns of %d requests, one after the other; against a page of 100 of the same history; the cluster's picture comes from memory, without a cluster",
			explainTurns, explainedEach),
	}.atMost(3))
}

// slowest is how long all but the slowest twentieth of many requests take at most.
func (b *bench) slowest(a *asker, path string) time.Duration {
	b.Helper()
	took := make([]time.Duration, explainedEach)
	for i := range took {
		began := time.Now()
		b.must("ask", a.get(path))
		took[i] = time.Since(began)
	}
	return quantile(took, 0.95)
}

// pictured answers for the cluster as a provisioner does, of one pod.
func (b *bench) pictured(s *bus) {
	b.Helper()
	picture := query.MonitoringReply{
		At: time.Now(), Release: &query.Release{Revision: 1, Status: "deployed", At: time.Now()},
		Pods: []query.Pod{{Name: "store-1", Phase: "Running", Ready: true, Since: time.Now(), Containers: []query.Container{{Name: "shop", State: "running", Ready: true}}}},
	}
	service := question.Service{Name: query.Provisioning, Group: string(query.Provisioning), Refuse: func(err error) *question.Refusal {
		return &question.Refusal{Code: question.Internal, Message: err.Error()}
	}}
	answering, err := service.Start(s.connect("provisioner"), question.Answer(query.Monitoring, func(context.Context, query.MonitoringRequest) (query.MonitoringReply, error) {
		return picture, nil
	}))
	b.must("answer for the cluster", err)
	b.Cleanup(func() { b.must("stop answering", answering.Stop()) })
}
