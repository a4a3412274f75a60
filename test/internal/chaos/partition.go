package chaos

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
)

// Partition holds each events replica's way to the broker in turn, for as long as it takes, and expects the other one to
// project what comes meanwhile: a replica that is cut off must not keep the lock from one that isn't. Nothing tells a
// process that its way is held.
func (l *Lab) Partition(ctx context.Context) error {
	t, err := l.begin(ctx, "partition", suiteSeed)
	if err != nil {
		return err
	}
	c, err := t.newClient(0)
	if err != nil {
		return err
	}
	for _, r := range l.Replicas {
		if r.Service == "events" {
			if err := t.part(ctx, r, c); err != nil {
				return err
			}
		}
	}
	if err := c.records.Close(); err != nil {
		return err
	}
	return t.judge(ctx)
}

func (t *turn) part(ctx context.Context, r *Replica, c *client) error {
	began := time.Now()
	way := r.links[trouble.ToBroker]
	way.Hold()
	wish := record.Request{Verb: string(store.Create), Key: c.name + "-" + r.Name}
	c.insist(ctx, wish, http.MethodPost, "/stores", map[string]any{"name": "Shop", "engine": "sample"})
	err := t.atRest(ctx)
	way.Heal(true)
	if err != nil {
		return fmt.Errorf("with the way of %s to the broker held: %w", r.Name, err)
	}
	fmt.Fprintf(t.out, "%s: the way of %s to the broker held, projected after %s\n", t.name, r.Name, time.Since(began).Round(100*time.Millisecond))
	if err := waittest.Until(ctx, func() error { return r.ready(ctx) }); err != nil {
		return fmt.Errorf("%s after its way was mended: %w", r.Name, err)
	}
	return nil
}
