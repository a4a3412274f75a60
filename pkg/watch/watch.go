// Package watch keeps up with a bucket of the broker: what is on offer, and what the platform says of itself. It links no more
// than the client, because the supervisor of make up watches, too.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
)

var errClosed = errors.New("the watch was closed")

// reopening is between the tries to watch again. Who doesn't, goes on telling what was true when the watch was lost.
var reopening = again.Pauses{First: time.Second, Longest: 5 * time.Second, Tell: func(err error) {
	slog.Warn("a bucket isn't watched, trying again", "error", err)
}}

// Bucket takes the entries of a bucket whose keys match the pattern (">" is all), one after the other: first what is there,
// and when it has returned what comes, until ctx ends. It fails when what is there can't be had.
//
// The client heals a watch by itself over reconnects; one that is closed is begun anew here. Each time all that is there has
// been taken, whole is told its keys: what isn't among them has been removed, perhaps while nobody watched. It may be nil.
func Bucket(
	ctx context.Context, kv jetstream.KeyValue, pattern string, take func(jetstream.KeyValueEntry), whole func(keys map[string]bool),
) error {
	b := &bucket{kv: kv, pattern: pattern, take: take, whole: whole}
	updates, err := b.load(ctx)
	if err != nil {
		return err
	}
	go func() {
		for {
			b.follow(ctx, updates)
			if ctx.Err() != nil {
				return
			}
			// It fails only when ctx ends, and so does then what comes next.
			updates, _ = again.Until(ctx, reopening, func() (<-chan jetstream.KeyValueEntry, error) { return b.load(ctx) })
		}
	}()
	return nil
}

type bucket struct {
	kv      jetstream.KeyValue
	pattern string
	take    func(jetstream.KeyValueEntry)
	whole   func(keys map[string]bool)
}

// load begins a watch and takes all that is there. The watch ends with ctx: the client ties the subscription to it.
func (b *bucket) load(ctx context.Context) (<-chan jetstream.KeyValueEntry, error) {
	watcher, err := b.kv.Watch(ctx, b.pattern)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return nil, errClosed
			case entry == nil:
				if b.whole != nil {
					b.whole(keys)
				}
				return watcher.Updates(), nil
			}
			keys[entry.Key()] = true
			b.take(entry)
		}
	}
}

// follow returns when the watch is closed, or ctx has ended.
func (b *bucket) follow(ctx context.Context, updates <-chan jetstream.KeyValueEntry) {
	for {
		select {
		case <-ctx.Done():
			return
		case entry, open := <-updates:
			if !open {
				return
			}
			if entry != nil {
				b.take(entry)
			}
		}
	}
}
