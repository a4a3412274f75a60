package gateway

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// An events service of the release before takes what it doesn't know for what nobody asked: it would list all stores where some were
// asked for. It is asked for what it knows alone.
func TestWhatAReleaseBeforeDoesNotKnowIsAskedOfThoseWhoDo(t *testing.T) {
	b := setup(t)
	before, newer := make(chan query.StoresRequest, 8), make(chan query.StoresRequest, 8)
	b.answers(query.Stores.Subject, func(data []byte) any {
		before <- parsed[query.StoresRequest](t, data)
		return query.StoresReply{}
	})
	own := query.StoresRequest{Log: b.log.Epoch(), Scope: query.Of("ip:loopback"), Limit: 50}
	with := func(change func(*query.StoresRequest)) query.StoresRequest {
		q := own
		change(&q)
		return q
	}
	asked := map[string]query.StoresRequest{
		"plan=small":                 with(func(q *query.StoresRequest) { q.Plan = "small" }),
		"name=Tea":                   with(func(q *query.StoresRequest) { q.Name = "Tea" }),
		"order=oldest":               with(func(q *query.StoresRequest) { q.Order = query.Oldest }),
		"order=name&cursor=-x":       with(func(q *query.StoresRequest) { q.Order, q.After = query.ByName, "-x" }),
		"status=Ready&status=Failed": with(func(q *query.StoresRequest) { q.Statuses = []store.Status{store.Ready, store.Failed} }),
	}
	for filter := range asked {
		wantProblem(t, b.get("/stores?"+filter), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
	}
	b.answers(query.Listing.Subject, func(data []byte) any {
		newer <- parsed[query.StoresRequest](t, data)
		return query.StoresReply{}
	})
	for filter, want := range asked {
		if a := b.get("/stores?" + filter); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", filter, a.status, a.body)
		} else if q := received(t, newer); !reflect.DeepEqual(q, want) {
			t.Errorf("%s asked for %+v, want %+v", filter, q, want)
		}
	}
	if len(before) > 0 {
		t.Errorf("the release before was asked for %+v", <-before)
	}
	for filter, want := range map[string]query.StoresRequest{
		"order=newest": own, "status=Ready&engine=sample&q=tea": with(func(q *query.StoresRequest) { q.Status, q.Engine, q.Search = store.Ready, "sample", "tea" }),
	} {
		b.get("/stores?" + filter)
		if q := received(t, before); !reflect.DeepEqual(q, want) {
			t.Errorf("%s asked for %+v, want %+v", filter, q, want)
		}
	}
}

// A filter narrows whose stores are listed, and widens nothing.
func TestATenantInTheFilterOnlyNarrows(t *testing.T) {
	b := setup(t, func(c *Config) { c.AdminKey = "sesame" })
	asked := make(chan query.StoresRequest, 2)
	for _, question := range []query.Question[query.StoresRequest, query.StoresReply]{query.Stores, query.Listing} {
		b.answers(question.Subject, func(data []byte) any {
			asked <- parsed[query.StoresRequest](t, data)
			return query.StoresReply{}
		})
	}
	b.answers(query.Counts.Subject, func(data []byte) any {
		asked <- parsed[query.StoresRequest](t, data)
		return query.CountsReply{ByStatus: map[store.Status]int64{store.Ready: 2, store.Failed: 1}}
	})
	for _, path := range []string{"/stores?", "/stores?order=name&", "/stores/counts?"} {
		for tenant, wants := range map[string][2]query.Scope{
			"other": {{}, query.Of("other")}, "ip:loopback": {query.Of("ip:loopback"), query.Of("ip:loopback")}, "": {query.Of("ip:loopback"), query.All()},
		} {
			for i, who := range [][]string{nil, {"X-Api-Key", "sesame"}} {
				b.get(path+"tenant="+tenant, who...)
				if q := received(t, asked); q.Scope != wants[i] {
					t.Errorf("%s of %q asks with %v for %+v, want %+v", path, tenant, who, q.Scope, wants[i])
				}
			}
		}
	}
	if a := b.get("/stores/counts"); !strings.Contains(string(a.body), `"total":3`) {
		t.Errorf("counts are %s", a.body)
	}
}
