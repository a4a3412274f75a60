package provisioner

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/cluster/hands"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// publishPause lies between two looks at whether what was published is still there, or a bucket that nobody had made has come.
const publishPause = 20 * time.Second

// offered are the packs that new stores may have.
func (c Config) offered(newest []engine.Pack) []engine.Pack {
	if c.DemoEngines {
		return newest
	}
	return slices.DeleteFunc(slices.Clone(newest), func(p engine.Pack) bool { return p.Tier == engine.TierDemo })
}

// startPublishing says what this provisioner carries, and says it anew, together with how the cluster is, where that isn't to be found
// any more: behind a log that was restored the buckets are empty, and without engines no store could be made. A gateway of the release
// before makes no bucket for versions and reads the old catalog alone, so there may be none yet. The returned function ends the looking
// and waits for its end. Stores don't wait for it.
func startPublishing(ctx context.Context, process *hands.Process, carried, offered []engine.Pack) (func(), error) {
	if err := publish(ctx, process.Log, carried, offered); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for said := true; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(process.Clock.Of(publishPause)):
			}
			there, err := isPublished(ctx, process.Log, carried)
			if err == nil && !there {
				process.Reach.Tell()
			}
			if err == nil && (!there || !said) {
				err = publish(ctx, process.Log, carried, offered)
				said = err == nil
			}
			// That the broker is away others say.
			if err != nil && ctx.Err() == nil && !storelog.Unanswered(err) {
				slog.WarnContext(ctx, "publish the engines; it is tried again", "error", err)
			}
		}
	})
	return func() { stop(); running.Wait() }, nil
}

// isPublished is also true where there is no bucket for versions.
func isPublished(ctx context.Context, log *storelog.Log, carried []engine.Pack) (bool, error) {
	versions, err := log.Bucket(ctx, storelog.BucketPacks)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return engine.IsPublished(ctx, versions, carried)
}

// publish says it to the bucket of versions where there is one. What stands on offer then goes to the old catalog too, as long as
// gateways of the release before may be running beside this one.
func publish(ctx context.Context, log *storelog.Log, carried, offered []engine.Pack) error {
	versions, err := log.Bucket(ctx, storelog.BucketPacks)
	whole := err == nil
	if whole {
		offered, err = engine.Publish(ctx, versions, engine.Rank, carried, offered)
	}
	if err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return err
	}
	catalog, err := log.Bucket(ctx, storelog.BucketCatalog)
	if err != nil {
		return err
	}
	if err := engine.PublishBefore(ctx, catalog, offered); err != nil {
		return err
	}
	slog.InfoContext(ctx, "published the engines", "carried", len(carried), "offered", len(offered), "versions", whole)
	return nil
}
