package api

import (
	"context"
	"log/slog"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// place says of stores whose operation is in flight where that stands: one question for a whole page, and none where nothing is in
// flight. Whoever knows may be away, slow or of the release before; the answer is as good without it.
func (a *API) place(ctx context.Context, stores ...*query.Store) {
	var ask []store.ID
	for _, s := range stores {
		if s.Operation != "" {
			ask = append(ask, s.ID)
		}
	}
	if len(ask) == 0 {
		return
	}
	reply, err := reader.Ask(ctx, a.reader, query.Places, query.LineRequest{
		Scope: rights.Scope(principal.In(ctx), rights.ReadStores), Stores: ask,
	})
	if err != nil {
		slog.DebugContext(ctx, "ask for places in the line", "stores", len(ask), "error", err)
		return
	}
	for _, s := range stores {
		// A newer command may have come since the store was read, or not have been heard of yet.
		if placed, known := reply.Lines[s.ID]; known && placed.Generation == s.Generation && s.Operation != "" {
			s.Line = &placed.Line
		}
	}
}

func pointers(stores []query.Store) []*query.Store {
	to := make([]*query.Store, len(stores))
	for i := range stores {
		to[i] = &stores[i]
	}
	return to
}
