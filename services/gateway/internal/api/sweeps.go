package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Sweeps is how the search for what shouldn't be there stands.
type Sweeps struct {
	// The pause is read from the log, so it may be newer than the one in the report.
	Paused string          `json:"paused,omitempty" doc:"Why sweeps only look and change nothing; absent when they run"`
	Last   *platform.Sweep `json:"last,omitempty" doc:"What the newest sweep saw and did; absent before the first"`
}

type sweepsOutput struct{ Body Sweeps }

func (a *API) sweeps(routes router) {
	operators := func(op huma.Operation) huma.Operation {
		op.Tags = []string{"Operators"}
		return op
	}
	handle(routes, rights.Operate, operators(huma.Operation{
		OperationID: "get-sweeps", Method: http.MethodGet, Path: "/sweeps", Summary: "What the newest sweep found",
		Description: "Sweeps hold the cluster against the log. Needs the admin key; without one set, a client on the gateway's own machine.",
	}), func(ctx context.Context, _ *struct{}) (*sweepsOutput, error) {
		parts, err := a.bus.Parts()
		if err != nil {
			return nil, err
		}
		return sweepsOf(ctx, parts)
	})
	handle(routes, rights.Operate, operators(huma.Operation{
		OperationID: "resume-sweeps", Method: http.MethodPost, Path: "/sweeps/resume", Summary: "Let sweeps change things again",
		Description: "They start paused after a restore, until somebody has seen that the log isn't older than the cluster. " +
			"Resuming twice is resuming once.",
	}), func(ctx context.Context, _ *struct{}) (*sweepsOutput, error) {
		parts, err := a.bus.Parts()
		if err != nil {
			return nil, err
		}
		if err := parts.Log.ResumeSweeps(ctx); err != nil {
			return nil, err
		}
		return sweepsOf(ctx, parts)
	}, refusals{problem.ConflictChanged})
}

func sweepsOf(ctx context.Context, parts *bus.Parts) (*sweepsOutput, error) {
	paused, err := parts.Log.SweepsPaused(ctx)
	if err != nil {
		return nil, err
	}
	last, err := platform.ReadSweep(ctx, parts.Reports, store.DefaultCluster)
	if err != nil {
		return nil, err
	}
	out := &sweepsOutput{Body: Sweeps{Paused: paused}}
	if last.Findings == nil {
		last.Findings = []platform.Finding{} // nothing was swept yet
	}
	if !last.At.IsZero() {
		out.Body.Last = &last
	}
	return out, nil
}
