package answers

import (
	"context"
	"fmt"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
)

// growth says whether a store's volumes can become as large as a plan wants them.
func (s *Service) growth(ctx context.Context, data []byte) (any, error) {
	request, err := decode[query.GrowthRequest](data)
	if err != nil {
		return nil, err
	}
	state, err := s.state(ctx, request.Store)
	switch {
	case err != nil:
		return nil, err
	case !state.Stood:
		return nil, &refusal{CodeNotReady, "The store has no volumes yet."}
	}
	err = s.Grow(ctx, state, request.Plan)
	switch why := cluster.Classify(err); {
	case err == nil:
		return query.GrowthReply{}, nil
	case why.Reason == cluster.ReasonVolumeCannotGrow:
		return query.GrowthReply{Refused: true}, nil
	}
	return nil, fmt.Errorf("store %s: %w", state.ID, err)
}
