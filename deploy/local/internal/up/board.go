package up

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
)

// boardPoll is how often the board looks whether the gateway has made the buckets, and
// whether the provisioner has said that the cluster is ready.
const boardPoll = 200 * time.Millisecond

var boardPauses = again.Pauses{First: boardPoll, Longest: boardPoll}

// board tells the platform's users what the cluster is waiting for, as long as this
// program is the one that knows: from the first build until the provisioner runs.
type board struct {
	nats   config.NATS
	packs  []engine.Pack
	opened chan struct{} // closed once bucket is set
	wake   chan struct{}

	mu     sync.Mutex
	bucket jetstream.KeyValue
	latest platform.Cluster
	silent bool
}

func newBoard(nats config.NATS, from []images.Pack) *board {
	packs := make([]engine.Pack, len(from))
	for i, pack := range from {
		packs[i] = pack.Pack
	}
	return &board{nats: nats, packs: packs, opened: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// run publishes the engines, so that stores can be asked for before there is a
// provisioner, and then what is said, until ctx ends.
func (b *board) run(ctx context.Context) error {
	nc, err := b.nats.Connect(ctx, "local", nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	packs, err := await(ctx, js, broker.PacksBucket)
	if err != nil {
		return err
	}
	bucket, err := await(ctx, js, broker.PlatformBucket)
	if err != nil {
		return err
	}
	if _, err := engine.Publish(ctx, packs, engine.Rank, b.packs, engine.Offered(b.packs)); err != nil {
		return err
	}
	b.mu.Lock()
	b.bucket = bucket
	b.mu.Unlock()
	close(b.opened)
	for {
		// A broker that is away for a moment is told again with the next change.
		_ = b.publish(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		}
	}
}

// await waits until the gateway has made a bucket.
func await(ctx context.Context, js jetstream.JetStream, name string) (jetstream.KeyValue, error) {
	bucket, err := again.Until(ctx, boardPauses, func() (jetstream.KeyValue, error) { return js.KeyValue(ctx, name) })
	if err != nil {
		return nil, fmt.Errorf("wait for bucket %s: %w", name, err)
	}
	return bucket, nil
}

// say notes what the cluster is waiting for.
func (b *board) say(c platform.Cluster) {
	b.mu.Lock()
	c.Since = time.Now().UTC()
	if c.Part == b.latest.Part {
		c.Since = b.latest.Since
	}
	same := c == b.latest
	b.latest = c
	b.mu.Unlock()
	if same {
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *board) publish(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent || b.latest.Part == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return platform.Publish(ctx, b.bucket, store.DefaultCluster, b.latest)
}

// handOver stops publishing, for good: from now on the provisioner knows. When it returns
// nothing of this program's is under way.
func (b *board) handOver() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent = true
}

// ready waits until the provisioner says that stores can be made.
func (b *board) ready(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.opened:
	}
	for {
		if c, err := platform.Read(ctx, b.bucket, store.DefaultCluster); err == nil && c.Ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(boardPoll):
		}
	}
}

// unlessEnded: what fails because everything is being stopped didn't fail.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
