package sweep

import (
	"context"
	"slices"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
)

// mendClaims brings each tenant's claims in line with the log, also while sweeps are paused: a claim is nothing that was
// anybody's, and what is mended wrongly is mended back. A namespace whose store the log has lost keeps its claim, so that
// its tenant doesn't get its place twice; and since only another cluster's sweep sees its namespaces, nothing is mended
// while one reports such.
func (r *round) mendClaims(ctx context.Context) error {
	if r.stopped || !r.mendsClaims() {
		return nil
	}
	if lost, err := r.lostElsewhere(ctx); err != nil || lost {
		return err
	}
	listed, err := r.claims.List(ctx)
	if err != nil {
		return err
	}
	tenants := make(map[string]bool, len(listed.Tenants))
	for _, tenant := range listed.Tenants {
		tenants[tenant] = true
	}
	for tenant := range r.seen.live {
		tenants[tenant] = true
	}
	for tenant := range tenants {
		mended, err := r.claims.Reconcile(ctx, tenant, claim.Evidence{
			Stores: r.seen.live[tenant], Spared: r.seen.spared, Last: r.log.Last,
		}, r.now)
		if unreadable(err) {
			continue // one of the tenant's stores has become so meanwhile; the next sweep knows it beforehand
		}
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
	// Behind what somebody waits for.
	return r.claims.Forget(ctx, listed, r.now)
}

// mendsClaims: a tenant's claims are one key for its stores in all clusters. With two clusters' sweeps at it, each would
// have to know the other's findings; the default one's exists in every installation.
func (r *round) mendsClaims() bool { return r.cfg.ClusterName == store.DefaultCluster }

// lostElsewhere says whether another cluster's newest sweep has found namespaces of which the log knows nothing.
func (r *round) lostElsewhere(ctx context.Context) (bool, error) {
	others, err := platform.OtherSweeps(ctx, r.log, r.platform)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(others, func(s platform.Sweep) bool {
		return slices.ContainsFunc(s.Findings, func(f platform.Finding) bool { return f.Kind == platform.Unknown })
	}), nil
}
