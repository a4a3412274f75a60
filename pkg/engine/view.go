package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// rewatchDelay is how long a lost watch rests before it is tried anew.
const rewatchDelay = time.Second

// Watch reads the catalog and keeps following it until ctx ends. It returns once the view holds what
// was published before.
func Watch(ctx context.Context, kv jetstream.KeyValue) (*Catalog, error) {
	c := &Catalog{packs: map[string]Pack{}}
	updates, err := c.load(ctx, kv)
	if err != nil {
		return nil, fmt.Errorf("watch the catalog: %w", err)
	}
	go c.follow(ctx, kv, updates)
	return c, nil
}

// load starts a watch and takes over all that was in the bucket at that moment. The watch ends with
// ctx: the client ties the subscription to it.
func (c *Catalog) load(ctx context.Context, kv jetstream.KeyValue) (<-chan jetstream.KeyValueEntry, error) {
	watcher, err := kv.WatchAll(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return nil, errWatchClosed
			case entry == nil:
				c.forgetAllBut(seen)
				return watcher.Updates(), nil
			}
			seen[entry.Key()] = true
			c.apply(entry)
		}
	}
}

var errWatchClosed = errors.New("the watch was closed")

// follow applies changes. The client heals a watch by itself over reconnects; a closed one is started
// anew here, as a gateway with a frozen catalog would refuse new engines until its next start.
func (c *Catalog) follow(ctx context.Context, kv jetstream.KeyValue, updates <-chan jetstream.KeyValueEntry) {
	for {
		select {
		case <-ctx.Done():
			return
		case entry, open := <-updates:
			if open {
				c.apply(entry)
				continue
			}
		}
		var err error
		for updates, err = c.load(ctx, kv); err != nil; updates, err = c.load(ctx, kv) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(rewatchDelay):
			}
		}
	}
}

// forgetAllBut drops engines that were removed while nobody watched and left no marker behind.
func (c *Catalog) forgetAllBut(seen map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.packs, func(name string, _ Pack) bool { return !seen[name] })
}

// Catalog is a live view of the catalog in memory: reading it costs no request, and it goes on telling
// what it knew while the broker is away. Safe for concurrent use.
type Catalog struct {
	mu    sync.RWMutex
	packs map[string]Pack
}

// Engines returns the packs sorted by name.
func (c *Catalog) Engines() []Pack {
	c.mu.RLock()
	defer c.mu.RUnlock()
	packs := make([]Pack, 0, len(c.packs))
	for _, pack := range c.packs {
		packs = append(packs, pack)
	}
	slices.SortFunc(packs, func(a, b Pack) int { return strings.Compare(a.Name, b.Name) })
	return packs
}

// Find returns the pack of an engine.
func (c *Catalog) Find(name string) (Pack, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	pack, ok := c.packs[name]
	return pack, ok
}

// Default returns the engine for a merchant who names none. There is none when the catalog is empty or
// holds several demos and nothing else.
func (c *Catalog) Default() (Pack, bool) { return Default(c.Engines()) }

// Default picks from packs the one of highest preference that isn't a demo; of equals the first by
// name. A demo is picked only when it is the only pack.
func Default(packs []Pack) (Pack, bool) {
	if len(packs) == 1 {
		return packs[0], true
	}
	var best Pack
	for _, pack := range packs {
		if pack.Tier == TierDemo {
			continue
		}
		if best.Name == "" || pack.Preference > best.Preference ||
			pack.Preference == best.Preference && pack.Name < best.Name {
			best = pack
		}
	}
	return best, best.Name != ""
}

// apply takes one entry over. An engine whose entry can't be read isn't on offer, and its operator must hear why.
func (c *Catalog) apply(entry jetstream.KeyValueEntry) {
	pack, err := Pack{}, error(nil)
	if entry.Operation() == jetstream.KeyValuePut {
		pack, err = decode(entry)
	}
	if err != nil {
		slog.Warn("leave an engine out of the catalog", "engine", entry.Key(), "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.packs, entry.Key())
	if err == nil && pack.Name != "" {
		c.packs[entry.Key()] = pack
	}
}
