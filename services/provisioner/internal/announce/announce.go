// Package announce says on the platform's board whether stores can be made.
package announce

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/cluster/hands"
	"github.com/store-platform/store-platform/pkg/platform"
)

// patience bounds one announcement.
const patience = 5 * time.Second

// Board is the bucket "platform", as far as it is about one cluster.
type Board struct {
	kv      jetstream.KeyValue
	cluster string
}

// NewBoard announces the cluster of this name in kv.
func NewBoard(kv jetstream.KeyValue, cluster string) *Board { return &Board{kv: kv, cluster: cluster} }

// Changed says how the cluster is, nil for up. A provisioner whose cluster has never answered leaves alone what
// somebody else said of it: who is building one knows more than who can't reach it.
func (b *Board) Changed(ctx context.Context, down error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if down == nil {
		return platform.Publish(ctx, b.kv, b.cluster, platform.Cluster{Ready: true, Since: time.Now().UTC()})
	}
	said, err := platform.Read(ctx, b.kv, b.cluster)
	if err != nil {
		return err
	}
	if !said.Ready && !said.Since.IsZero() {
		return nil
	}
	return platform.Publish(ctx, b.kv, b.cluster, platform.Cluster{Part: "cluster", Message: hands.Sentence(down), Since: time.Now().UTC()})
}
