package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Log is what the log says of itself.
type Log struct {
	WriteLevel int `json:"writeLevel" doc:"The schema in which messages are written. Older releases read up to theirs"`
	Newest     int `json:"newest" doc:"The newest schema that this gateway knows"`
}

type logOutput struct{ Body Log }

const aboutRaise = "Says that no older release runs any more. Until then all write what the older one reads, so that one may go back, and what that one doesn't " +
	"know is refused (409 `upgrading`). An older process that runs on afterwards steps back from every store that is written to. " +
	"Raising twice is raising once; there is no way back."

func (a *API) log(routes router) {
	operators := func(op huma.Operation) huma.Operation {
		op.Tags = []string{"Operators"}
		return op
	}
	handle(routes, rights.Operate, operators(huma.Operation{
		OperationID: "get-log", Method: http.MethodGet, Path: "/log", Summary: "The log's write level",
		Description: "While an upgrade isn't over it is less than the newest that this gateway knows.",
	}), func(ctx context.Context, _ *struct{}) (*logOutput, error) {
		parts, err := a.bus.Parts()
		if err != nil {
			return nil, err
		}
		level, err := parts.Log.AskWriteLevel(ctx)
		return &logOutput{Body: Log{WriteLevel: level, Newest: store.Schema}}, err
	})
	handle(routes, rights.Operate, operators(huma.Operation{
		OperationID: "raise-log", Method: http.MethodPost, Path: "/log/raise", Summary: "End an upgrade: raise the write level", Description: aboutRaise,
	}), func(ctx context.Context, _ *struct{}) (*logOutput, error) {
		parts, err := a.bus.Parts()
		if err != nil {
			return nil, err
		}
		level, err := parts.Log.RaiseWriteLevel(ctx)
		return &logOutput{Body: Log{WriteLevel: level, Newest: store.Schema}}, err
	}, refusals{problem.ConflictChanged})
}
