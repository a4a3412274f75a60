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

// publishPause lies between two looks for a bucket that nobody has made yet.
const publishPause = 20 * time.Second

// offered are the packs that new stores may have.
func (c Config) offered(newest []engine.Pack) []engine.Pack {
	if c.DemoEngines {
		return newest
	}
	return slices.DeleteFunc(slices.Clone(newest), func(p engine.Pack) bool { return p.Tier == engine.TierDemo })
}

// startPublishing says what this provisioner carries. A gateway of the release before makes no bucket for versions and
// reads the old catalog alone, so there may be none yet: it is looked for until the returned function ends that and waits
// for its end. Stores don't wait for it.
func startPublishing(ctx context.Context, process *hands.Process, carried, offered []engine.Pack) (func(), error) {
	whole, err := publish(ctx, process.Log, carried, offered)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for !whole {
			select {
			case <-ctx.Done():
				return
			case <-time.After(process.Clock.Of(publishPause)):
			}
			if whole, err = publish(ctx, process.Log, carried, offered); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "publish the engines; it is tried again", "error", err)
			}
		}
	})
	return func() { stop(); running.Wait() }, nil
}

// publish reports whether versions were published. What stands on offer then goes to the old catalog too, as long as
// gateways of the release before may be running beside this one.
func publish(ctx context.Context, log *storelog.Log, carried, offered []engine.Pack) (whole bool, err error) {
	versions, err := log.Bucket(ctx, storelog.BucketPacks)
	if whole = err == nil; whole {
		offered, err = engine.Publish(ctx, versions, engine.Rank, carried, offered)
	}
	if err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return false, err
	}
	catalog, err := log.Bucket(ctx, storelog.BucketCatalog)
	if err != nil {
		return false, err
	}
	if err := engine.PublishBefore(ctx, catalog, offered); err != nil {
		return false, err
	}
	slog.InfoContext(ctx, "published the engines", "carried", len(carried), "offered", len(offered), "versions", whole)
	return whole, nil
}
