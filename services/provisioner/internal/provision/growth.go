package provision

import (
	"context"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
)

// CanGrow says why the volumes of a store that stands can't become as large as a plan wants them (cluster.Operation's
// VolumesCanGrow); nil when they can. It changes nothing. ctx has a deadline.
func (h *Hand) CanGrow(ctx context.Context, s store.State, plan string, watch Watch) error {
	spec := s.Spec
	spec.Plan = plan
	p, err := h.plan(s, spec, s.Standing != store.SuspendedStanding)
	if err != nil {
		return err
	}
	look, err := watch.Look(cluster.Looking(ctx))
	if err != nil {
		return err
	}
	return look.VolumesCanGrow(ctx, p.release)
}
