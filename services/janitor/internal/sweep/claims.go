package sweep

import (
	"context"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/platform"
)

// mendClaims brings each tenant's claims in line with the log, also while sweeps are paused: a claim is nothing that was
// anybody's, and what is mended wrongly is mended back. A namespace whose store the log has lost keeps its claim, so that
// its tenant doesn't get its place twice.
func (r *round) mendClaims(ctx context.Context) error {
	if r.stopped {
		return nil
	}
	claiming, err := r.claims.Tenants(ctx)
	if err != nil {
		return err
	}
	tenants := make(map[string]bool, len(claiming))
	for _, tenant := range claiming {
		tenants[tenant] = true
	}
	for tenant := range r.seen.live {
		tenants[tenant] = true
	}
	for tenant := range tenants {
		mended, err := r.claims.Reconcile(ctx, tenant, claim.Evidence{
			Stores: r.seen.live[tenant], Spared: r.seen.spared, Last: r.log.Last,
		}, r.now)
		if err != nil {
			return err
		}
		for _, id := range mended.Released {
			r.found.add(platform.ClaimLeaked, string(id))
		}
		for _, id := range mended.Added {
			r.found.add(platform.ClaimMissing, string(id))
		}
	}
	return nil
}
