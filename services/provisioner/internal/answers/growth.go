package answers

import (
	"context"
	"fmt"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
)

// growth says whether a store's volumes can become as large as a plan wants them.
func (s *Service) growth(ctx context.Context, request query.GrowthRequest) (reply query.GrowthReply, err error) {
	state, err := s.state(ctx, request.Store)
	switch {
	case err != nil:
		return reply, err
	case !state.Stood:
		return reply, &question.Refusal{Code: question.NotReady, Message: "The store has no volumes yet."}
	}
	err = s.Grow(ctx, state, request.Plan)
	switch why := cluster.Classify(err); {
	case err == nil:
		return query.GrowthReply{}, nil
	case why.Reason == cluster.ReasonVolumeCannotGrow:
		return query.GrowthReply{Refused: true}, nil
	}
	return reply, fmt.Errorf("store %s: %w", state.ID, err)
}
