package provision

import (
	"context"
	"time"

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
	look, err := watch.Look(question{ctx})
	if err != nil {
		return err
	}
	return look.VolumesCanGrow(ctx, p.release)
}

// question is trusted as long as its asker waits: whoever only looks needs no lease.
type question struct{ ctx context.Context }

func (q question) Err() error { return q.ctx.Err() }

func (q question) Remaining() time.Duration {
	until, _ := q.ctx.Deadline()
	return time.Until(until)
}
