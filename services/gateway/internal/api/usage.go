package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

type usageInput struct {
	From   string `query:"from" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" example:"2026-01" doc:"The first month; the current one by itself"`
	To     string `query:"to" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" example:"2026-12" doc:"The last month, that too; the current one by itself"`
	Tenant string `query:"tenant" maxLength:"100" doc:"Only this tenant's; for operators, who see all tenants'"`
	Cursor string `query:"cursor" maxLength:"2000" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most on a page"`
	Seen   uint64 `query:"seen" maximum:"9007199254740991" doc:"A version the caller has seen: the answer waits, bounded, until it is contained"`
}

// Usage is what a tenant's stores of one version and plan took in a month.
type Usage struct {
	Tenant        string   `json:"tenant" doc:"Whose stores they were then"`
	Month         string   `json:"month" doc:"Of UTC" example:"2026-11"`
	Engine        string   `json:"engine" doc:"What they were made of"`
	EngineVersion string   `json:"engineVersion" doc:"The version of that"`
	Plan          string   `json:"plan" doc:"The plan that they had"`
	Stores        int64    `json:"stores" doc:"How many there were, however long each"`
	StoreHours    float64  `json:"storeHours" doc:"How long they stood, all together: from when each first worked until its deletion was asked for, less the time for which it was suspended or broken by an operation"`
	StorageHours  *float64 `json:"storageGiBHours,omitempty" doc:"The plan's storage, in GiB, times how long they had data, suspended or not. Absent where nobody says any more how large the plan was"`
}

// UsageList is one page.
type UsageList struct {
	Rows  []Usage   `json:"rows" doc:"By month, tenant, engine, version and plan"`
	Until time.Time `json:"until" doc:"Up to when what goes on is counted"`
	Next  string    `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
}

type usageOutput struct{ Body UsageList }

func (a *API) usage(routes router) {
	handle(routes, rights.ReadUsage, huma.Operation{
		OperationID: "list-usage", Method: http.MethodGet, Path: "/usage", Tags: []string{"Operators"}, Summary: "What stores took, by month",
		Description: "Hours count for whose the store was then, and for the plan that it had: a larger one counts from when the store has it, and none with less storage can be had. " +
			"The times are those of the stores' histories. An owner sees the tenant's own, an operator all.",
	}, a.listUsage, ofLists)
}

func (a *API) listUsage(ctx context.Context, in *usageInput) (*usageOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	who, now := principal.In(ctx), time.Now().UTC()
	request := query.UsageRequest{
		Scope: rights.Scope(who, rights.ReadUsage), From: in.From, To: in.To, Until: now, After: in.Cursor, Limit: in.Limit,
		Seen: max(in.Seen, a.admission.Seen(who.Tenant())),
	}
	if in.Tenant != "" {
		request.Scope = request.Scope.Within(in.Tenant)
	}
	if err := months(&request, now); err != nil {
		return nil, err
	}
	reply, err := reader.Ask(ctx, a.reader, query.UsageOf, request)
	if err != nil {
		return nil, err
	}
	list := UsageList{Rows: make([]Usage, len(reply.Usage)), Until: now, Next: reply.Next}
	for i, u := range reply.Usage {
		list.Rows[i] = Usage{
			Tenant: u.Tenant, Month: u.Month, Engine: u.Engine, EngineVersion: u.Version, Plan: u.Plan, Stores: u.Stores, StoreHours: hours(u.Ran),
			StorageHours: storageHours(parts.Catalog, u),
		}
	}
	return &usageOutput{Body: list}, nil
}

// months fills in those that aren't said, and refuses an order or a number of them that nobody wants.
func months(r *query.UsageRequest, now time.Time) error {
	current := now.Format(query.MonthForm)
	if r.To == "" {
		r.To = current
	}
	if r.From == "" {
		r.From = min(r.To, current)
	}
	from, err1 := time.Parse(query.MonthForm, r.From)
	to, err2 := time.Parse(query.MonthForm, r.To)
	if err1 != nil || err2 != nil || to.Before(from) || !to.Before(from.AddDate(0, query.UsageMonths, 0)) {
		return problem.AtField("to", fmt.Sprintf("must be from or a later month, of %d at most", query.UsageMonths))
	}
	return nil
}

// hours are rounded to less than what anybody is billed, and the same for who adds them up.
func hours(micros int64) float64 {
	return rounded(float64(micros) / float64(time.Hour/time.Microsecond))
}

func rounded(n float64) float64 { return math.Round(n*1e6) / 1e6 }

// storageHours is nil where the catalog doesn't know the version, or the plan. The log says what a store's plan is called; how large it
// is, the pack of its version says, which never changes and is never taken away.
func storageHours(catalog *engine.Catalog, u query.Usage) *float64 {
	pack, ok := catalog.Version(u.Engine, u.Version)
	if !ok {
		return nil
	}
	for _, plan := range pack.Plans {
		if plan.Name != u.Plan {
			continue
		}
		if size, err := plan.GiB(); err == nil {
			taken := rounded(size * float64(u.Kept) / float64(time.Hour/time.Microsecond))
			return &taken
		}
	}
	return nil
}
