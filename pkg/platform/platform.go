// Package platform is what the platform says of itself: whether there is a cluster, and if not, what is being done about
// it while stores wait; and whether what is in the cluster is what the log says.
//
// Two keys a cluster in one bucket. The cluster's is written by whoever knows at the time: the local supervisor while it
// builds and starts a cluster, the provisioner from then on. The other is what the janitor's newest sweep saw.
package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/watch"
)

const clusterKey = "cluster"

// Cluster says whether stores can be made.
type Cluster struct {
	Ready bool `json:"ready" doc:"Whether stores can be made"`
	// Part is what is being built or started, Message the sentence that people read ("building containerd (3 of 8)").
	Part    string    `json:"part,omitempty" doc:"Which part is being built"`
	Message string    `json:"message,omitempty" doc:"How far that is, for people"`
	Done    int       `json:"done,omitempty" doc:"How much of it is done"`
	Total   int       `json:"total,omitempty" doc:"How much there is to do"`
	Since   time.Time `json:"since" doc:"Since when this is so"`
}

// Publish says how the cluster of this name is.
func Publish(ctx context.Context, kv jetstream.KeyValue, cluster string, c Cluster) error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode the cluster's state: %w", err)
	}
	if _, err := kv.Put(ctx, store.ClusterKey(cluster, clusterKey), data); err != nil {
		return fmt.Errorf("publish the cluster's state: %w", err)
	}
	return nil
}

// Read returns what was said last; before anything was, the cluster isn't ready.
func Read(ctx context.Context, kv jetstream.KeyValue, cluster string) (Cluster, error) {
	entry, err := kv.Get(ctx, store.ClusterKey(cluster, clusterKey))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return unknown(), nil
	}
	if err != nil {
		return Cluster{}, fmt.Errorf("read the cluster's state: %w", err)
	}
	return decode(entry)
}

// View follows what is said.
type View struct {
	latest  atomic.Pointer[Cluster]
	changed func(Cluster)
}

// Watch keeps a view of the default cluster, the only one in which stores are made so far, current until ctx ends and calls
// changed, when not nil, for what was said last and for everything said from now on, one after the other.
func Watch(ctx context.Context, kv jetstream.KeyValue, changed func(Cluster)) (*View, error) {
	first, err := Read(ctx, kv, store.DefaultCluster)
	if err != nil {
		return nil, err
	}
	v := &View{changed: changed}
	v.latest.Store(&first)
	if changed != nil {
		changed(first)
	}
	if err := watch.Bucket(ctx, kv, clusterKey, v.take, nil); err != nil {
		return nil, fmt.Errorf("watch the cluster's state: %w", err)
	}
	return v, nil
}

// Cluster is what was said last.
func (v *View) Cluster() Cluster { return *v.latest.Load() }

func (v *View) take(entry jetstream.KeyValueEntry) {
	if entry.Operation() != jetstream.KeyValuePut {
		return
	}
	c, err := decode(entry)
	if err != nil {
		slog.Warn("read what the platform says of its cluster", "error", err)
		return
	}
	v.latest.Store(&c)
	if v.changed != nil {
		v.changed(c)
	}
}

// decode lets nothing have begun after the broker was told of it: who said so has a clock that is ahead, and sweeps would
// wait for it.
func decode(entry jetstream.KeyValueEntry) (Cluster, error) {
	var c Cluster
	if err := json.Unmarshal(entry.Value(), &c); err != nil {
		return Cluster{}, fmt.Errorf("decode the cluster's state: %w", err)
	}
	if told := entry.Created().UTC(); c.Since.After(told) {
		c.Since = told
	}
	return c, nil
}

func unknown() Cluster {
	return Cluster{Part: "provisioner", Message: "no provisioner has reported yet"}
}
