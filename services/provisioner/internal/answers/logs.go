package answers

import (
	"context"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
)

// logs begins to read what a store's containers write, whatever the store's status: they matter most where it isn't Ready.
func (s *Service) logs(ctx context.Context, request query.LogsRequest) (reply query.LogsReply, err error) {
	state, err := s.state(ctx, request.Store)
	switch {
	case err != nil:
		return reply, err
	case state.Status == store.Deleted:
		return reply, &question.Refusal{Code: question.Gone, Message: "The store was deleted."}
	}
	return s.Logs.Open(ctx, state.Tenant, request)
}
