package gateway

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// The log says what a store's plan is called, and its pack how large that is.
func TestUsageIsOfOnesOwnAndSaysHowMuchIsStored(t *testing.T) {
	b := setup(t, withAccounts)
	w := b.town()
	owner, operator := w.settle(directory.Account{ID: "a-owner22222", Tenants: []string{"t-own2222222"}}), w.settle(directory.Account{ID: "a-operator22", Operator: true})
	w.found(directory.Tenant{ID: "t-own2222222"}, member(owner.ID, principal.Owner))
	wantProblem(t, b.get("/usage", w.session(owner, "t-own2222222")...), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
	asked := make(chan query.UsageRequest, 8)
	hour := time.Hour.Microseconds()
	b.answers(query.UsageOf.Subject, func(data []byte) any {
		asked <- parsed[query.UsageRequest](t, data)
		return query.UsageReply{Next: "more", Usage: []query.Usage{
			{Tenant: "t", Month: "2026-03", Engine: "sample", Version: "1.0.0", Plan: "small", Stores: 2, Ran: 3 * hour / 2, Kept: 4 * hour},
			{Tenant: "t", Month: "2026-03", Engine: "sample", Version: "0.1.0", Plan: "small", Stores: 1, Ran: 1, Kept: hour},
		}}
	})
	type row struct {
		Tenant, Month, Engine, EngineVersion, Plan string
		Stores                                     int64
		StoreHours                                 float64
		StorageGiBHours                            *float64
	}
	list := decoded[struct {
		Rows  []row
		Next  string
		Until time.Time
	}](t, b.get("/usage?from=2025-11&to=2026-03&cursor=c&limit=7", w.session(owner, "t-own2222222")...))
	gib := 1.0
	want := []row{{"t", "2026-03", "sample", "1.0.0", "small", 2, 1.5, &gib}, {"t", "2026-03", "sample", "0.1.0", "small", 1, 0, nil}}
	if !reflect.DeepEqual(list.Rows, want) || list.Next != "more" {
		t.Errorf("listed %+v", list)
	}
	q := received(t, asked)
	if !q.Until.Equal(list.Until) || time.Since(q.Until) > patience {
		t.Errorf("counted until %s, and said %s", q.Until, list.Until)
	}
	q.Until = time.Time{}
	if want := (query.UsageRequest{Scope: query.Of("t-own2222222"), Log: b.log.Epoch(), From: "2025-11", To: "2026-03", After: "c", Limit: 7}); q != want {
		t.Errorf("asked for %+v, want %+v", q, want)
	}
	for tenant, scopes := range map[string][2]query.Scope{"": {query.Of("t-own2222222"), query.All()}, "t-other222222": {{}, query.Of("t-other222222")}} {
		for i, who := range [][]string{w.session(owner, "t-own2222222"), w.session(operator, "")} {
			b.get("/usage?tenant="+tenant, who...)
			if q := received(t, asked); q.Scope != scopes[i] || q.From != q.To || q.From != time.Now().UTC().Format(query.MonthForm) {
				t.Errorf("of %q asked for %+v, want %+v", tenant, q, scopes[i])
			}
		}
	}
	for _, wrong := range []string{"from=2026-13", "from=2026-04&to=2026-03", "from=2020-01&to=2026-03", "to=1"} {
		wantProblem(t, b.get("/usage?"+wrong, w.session(owner, "t-own2222222")...), http.StatusUnprocessableEntity, problem.InvalidField)
	}
}
