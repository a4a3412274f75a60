package provisioner

import (
	"context"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/release"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/provisioner/internal/answers"
	"github.com/store-platform/store-platform/services/provisioner/internal/provision"
)

// kubernetes joins the cluster and Helm, which don't know each other, into what provisioning asks for.
type kubernetes struct {
	*cluster.Cluster
	releases *release.Releases
}

var (
	_ provision.Cluster = kubernetes{}
	_ provision.Watch   = kubernetes{}
	_ answers.Cluster   = kubernetes{}
)

func (k kubernetes) Begin(trust cluster.Trust) (provision.Attempt, error) {
	op, err := k.Operation(trust)
	if err != nil {
		return nil, err
	}
	return attempt{Operation: op, releases: k.releases}, nil
}

func (k kubernetes) Look(trust cluster.Trust) (provision.Look, error) {
	op, err := k.Operation(trust)
	if err != nil {
		return nil, err
	}
	return attempt{Operation: op, releases: k.releases}, nil
}

// Release looks only, for as long as ctx lasts.
func (k kubernetes) Release(ctx context.Context, id store.ID) (*query.Release, error) {
	op, err := k.Operation(cluster.Looking(ctx))
	if err != nil {
		return nil, err
	}
	return release.Record(ctx, op, id)
}

type attempt struct {
	*cluster.Operation
	releases *release.Releases
}

func (a attempt) EnsureRelease(ctx context.Context, spec release.Spec) error {
	return a.releases.Ensure(ctx, a.Operation, spec)
}

func (a attempt) ReleaseDone(ctx context.Context, spec release.Spec) (bool, error) {
	return a.releases.Deployed(ctx, a.Operation, spec)
}

func (a attempt) ReleaseDrift(ctx context.Context, spec release.Spec) ([]cluster.Drift, error) {
	return a.releases.Drift(ctx, a.Operation, spec.Store)
}

func (a attempt) VolumesCanGrow(ctx context.Context, spec release.Spec) error {
	return a.releases.VolumesCanGrow(ctx, a.Operation, spec)
}
