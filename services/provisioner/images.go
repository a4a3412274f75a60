package provisioner

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/cluster/hands"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/services/provisioner/internal/provision"
)

// imagesOnDemand is the value of IMAGES where somebody builds the engines' images for this cluster.
const imagesOnDemand = "on-demand"

// asker asks over the bus.
type asker struct{ nc *nats.Conn }

func (a asker) Ask(ctx context.Context, engine, version string) (platform.Images, error) {
	return platform.AskImages(ctx, a.nc, engine, platform.ImagesRequest{Version: version})
}

// images is nil where they come from a registry: nobody would answer.
func (c Config) images(process *hands.Process) provision.Images {
	if c.Images != imagesOnDemand {
		return nil
	}
	return asker{process.NATS}
}
