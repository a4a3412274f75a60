package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/explain"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// chained is how many entries of a history an explanation is made of: five attempts with all that their steps say are fewer.
const chained = 150

type explainOutput struct{ Body explain.Explanation }

const aboutExplain = "The state of the store, from the log; what led there, from its history; and what the cluster and Helm say of it now. The two last are asked at the " +
	"same time, and the answer does without whoever doesn't answer (`missing`)."

func (a *API) explanations(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "explain-store", Method: http.MethodGet, Path: "/stores/{id}/explain", Tags: []string{"Stores"},
		Summary: "Why a store is where it is", Description: aboutExplain,
	}, a.explain, ofStore)
}

func (a *API) explain(ctx context.Context, in *idInput) (*explainOutput, error) {
	state, err := a.read(ctx, *in, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	view := a.show(ctx, state).Body
	seen := explain.Seen{State: state, Why: view.LastOperation.Cause, Pack: a.packOf(state)}
	if seen.Why.Reason == "" {
		seen.Why = view.Cause
	}
	a.gather(ctx, &seen)
	return &explainOutput{Body: explain.Explain(seen)}, nil
}

// gather asks all who know more, each for as long as its question says. Of a deleted store nothing stands.
func (a *API) gather(ctx context.Context, seen *explain.Seen) {
	var (
		asked   sync.WaitGroup
		cluster query.MonitoringReply
		unseen  error
		id      = seen.State.ID
	)
	stands := seen.State.Status != store.Deleted
	if stands {
		asked.Go(func() {
			cluster, unseen = a.monitored(ctx, seen.State)
		})
	}
	history, err := reader.Ask(ctx, a.reader, query.Events, query.EventsRequest{
		Scope: rights.Scope(principal.In(ctx), rights.ReadStores), Store: id, After: max(1, seen.State.Root) - 1, Newest: true, Limit: chained, Seen: seen.State.Version,
	})
	asked.Wait()
	if seen.History = history.Events; err != nil || len(history.Events) == 0 {
		missing(ctx, seen, explain.History, err)
	}
	switch {
	case !stands:
	case unseen != nil:
		missing(ctx, seen, explain.Cluster, unseen)
	default:
		if seen.Cluster = &cluster; len(cluster.Missing) > 0 {
			missing(ctx, seen, explain.Cluster, nil)
		}
	}
}

func missing(ctx context.Context, seen *explain.Seen, part explain.Part, why error) {
	seen.Missing = append(seen.Missing, part)
	if why != nil {
		slog.InfoContext(ctx, "explain a store without a part of what is known", "store", seen.State.ID, "part", part, "error", why)
	}
}
