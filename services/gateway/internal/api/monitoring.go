package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

type monitoringOutput struct{ Body query.MonitoringReply }

const aboutMonitoring = "Workloads and pods are told as they are now, from what the provisioners hear of the cluster; the rest is looked at, and a look is " +
	"shown to all who ask within a few seconds. `missing` names what couldn't be looked at, `more` what was too long. No password, environment or log is in it. " +
	"409 `store_deleted` of a store of which nothing is left, 503 `cluster_unavailable` while no provisioner answers."

func (a *API) monitoring(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "get-monitoring", Method: http.MethodGet, Path: "/stores/{id}/monitoring", Tags: []string{"Stores"},
		Summary: "How what runs of a store is", Description: aboutMonitoring,
	}, func(ctx context.Context, in *idInput) (*monitoringOutput, error) {
		state, err := a.read(ctx, *in, rights.ReadStores)
		if err != nil {
			return nil, err
		}
		if state.Status == store.Deleted {
			return nil, store.ErrDeleted
		}
		seen, err := a.monitored(ctx, state)
		if err != nil {
			return nil, err
		}
		return &monitoringOutput{Body: seen}, nil
	}, ofStore, refusals{problem.StoreDeleted, problem.ClusterUnavailable})
}

// monitored asks the provisioners of the store's cluster.
func (a *API) monitored(ctx context.Context, state store.State) (query.MonitoringReply, error) {
	seen, err := reader.Ask(ctx, a.reader, query.Monitoring.In(state.Cluster), query.MonitoringRequest{Store: state.ID})
	seen.Workloads, seen.Pods, seen.Volumes = listing(seen.Workloads), listing(seen.Pods), listing(seen.Volumes)
	seen.Routes, seen.Crons, seen.Events = listing(seen.Routes), listing(seen.Crons), listing(seen.Events)
	return seen, err
}

// listing is an empty list where there is none: clients are told of lists that they are there.
func listing[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
