package api

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/explain"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Summary is a store on one page: its passwords are the only thing of it that isn't here.
type Summary struct {
	Store      query.Store            `json:"store" doc:"The store, from the log"`
	Engine     *Engine                `json:"engine,omitempty" doc:"What it is made of, in its own version"`
	Links      []Link                 `json:"links" doc:"Where it can be opened; none before it stands"`
	Wrong      *query.Wrong           `json:"wrong,omitempty" doc:"What is wrong with it, as its cluster says, or else the log. Absent while nothing is known to be"`
	Monitoring *query.MonitoringReply `json:"monitoring,omitempty" doc:"How what runs of it is. Absent of a deleted store"`
	Missing    []explain.Part         `json:"missing" doc:"What couldn't be told just now, or only in part: it isn't here"`
}

type summaryOutput struct {
	ETag string `header:"ETag" doc:"As that of the store"`
	Body Summary
}

func (a *API) summaries(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "get-summary", Method: http.MethodGet, Path: "/stores/{id}/summary", Tags: []string{"Stores"},
		Summary: "A store on one page", Description: "The store with its engine, its links and how what runs of it is. It is told without what can't be told just now, " +
			"and `missing` names that.",
	}, a.summary, ofStore)
}

func (a *API) summary(ctx context.Context, in *idInput) (*summaryOutput, error) {
	state, err := a.read(ctx, *in, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	shown := a.show(ctx, state)
	page := Summary{Store: shown.Body, Links: []Link{}, Wrong: a.wrongOf(shown.Body, state), Missing: []explain.Part{}}
	a.describe(&page, state)
	if state.Status != store.Deleted {
		if seen, err := a.monitored(ctx, state); err != nil {
			slog.InfoContext(ctx, "show a store without how what runs of it is", "store", state.ID, "error", err)
			page.Missing = append(page.Missing, explain.Cluster)
		} else {
			page.Monitoring, page.Wrong = &seen, seen.Wrong
			if len(seen.Missing) > 0 {
				page.Missing = append(page.Missing, explain.Cluster)
			}
		}
	}
	return &summaryOutput{ETag: shown.ETag, Body: page}, nil
}

// describe adds what the catalog says of the store.
func (a *API) describe(page *Summary, state store.State) {
	catalog, err := a.packs()
	if err != nil {
		page.Missing = append(page.Missing, explain.Engine, explain.Links)
		return
	}
	if pack, ok := catalog.Version(state.Spec.Engine, state.Spec.Version); ok {
		preferred, _ := catalog.Default()
		engine := engineOf(pack, preferred)
		page.Engine = &engine
	} else {
		page.Missing = append(page.Missing, explain.Engine)
	}
	if state.Stands() {
		page.Links = linksOf(state, catalog)
	}
}

// wrongOf is what the log says where nobody can look.
func (a *API) wrongOf(s query.Store, state store.State) *query.Wrong {
	if s.Reason == "" || s.Status != store.Degraded && s.Status != store.Failed {
		return nil
	}
	return &query.Wrong{
		Reason: s.Reason, Message: s.Message, Object: query.ObjectIn(s.Detail), Detail: s.Detail, For: a.packOf(state).Whose(s.Reason),
	}
}

// packOf is what a store is made of, or is to be; zero while nobody knows.
func (a *API) packOf(state store.State) engine.Pack {
	catalog, err := a.packs()
	if err != nil {
		return engine.Pack{}
	}
	spec := state.Target()
	pack, _ := catalog.Version(spec.Engine, spec.Version)
	return pack
}
