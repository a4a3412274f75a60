package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// overtaken bounds how long the read model may stand still while one replica can't be heard.
const overtaken = 5 * time.Minute

// Partition holds each events replica's way to the broker in turn, for as long as it takes, and expects the other one to
// project what comes meanwhile: a replica that is cut off must not keep the lock from one that isn't. Nothing tells a
// process that its way is held.
func Partition(ctx context.Context, o Options) error {
	l, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(l.partition(ctx, o), l.Close())
}

func (l *Lab) partition(ctx context.Context, o Options) error {
	c, err := l.newClient(o.Seed, 0)
	if err != nil {
		return err
	}
	defer c.records.Close()
	for _, r := range l.Replicas {
		if r.Service != "events" {
			continue
		}
		began := time.Now()
		way := r.links[toBroker]
		way.Hold()
		wish := record.Request{Verb: string(store.Create), Key: r.Name}
		c.insist(ctx, wish, http.MethodPost, "/stores", map[string]any{"name": "Shop", "engine": "sample"})
		if err := l.follower.atRest(ctx, overtaken); err != nil {
			return fmt.Errorf("with the way of %s to the broker held: %w", r.Name, err)
		}
		fmt.Fprintf(l.out, "partition: the way of %s to the broker held, projected after %s\n", r.Name, time.Since(began).Round(100*time.Millisecond))
		way.Heal(true)
		if err := eventually(ctx, startPatience, func() error { return r.ready(ctx) }); err != nil {
			return fmt.Errorf("%s after its way was mended: %w", r.Name, err)
		}
	}
	return nil
}
