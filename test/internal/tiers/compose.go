package tiers

import (
	"context"
	"os"

	"github.com/store-platform/store-platform/test/internal/platform"
)

// runCompose is `make test-compose`: docker-compose.yaml, with the cluster of the tests' platform where k3s would be. Who isn't root
// has neither: the tests say so, and skip.
func runCompose(ctx context.Context, r *shift) error {
	s := suite{tier: "compose", fresh: true, flags: []string{"-timeout=60m"}}
	if os.Geteuid() != 0 {
		return r.goTest(ctx, s)
	}
	if err := r.installPackages(ctx, daemon); err != nil {
		return err
	}
	endpoints, err := r.cluster.endpoints(ctx, r.runner)
	if err != nil {
		return err
	}
	if err := r.cluster.awaitKubernetes(ctx, r.runner); err != nil {
		return err
	}
	s.env = []string{platform.EndpointsEnv + "=" + endpoints}
	return r.goTest(ctx, s)
}
