package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/watch"
)

// Watch reads what carriers have published and keeps following it until ctx ends: packs is the bucket that Publish writes,
// before the catalog of the releases before, which counts until somebody has said in packs what is offered. It returns
// once the view holds what was published before.
func Watch(ctx context.Context, packs, before jetstream.KeyValue) (*Catalog, error) {
	c := newCatalog()
	for _, one := range []struct {
		kv   jetstream.KeyValue
		part part
	}{{before, c.before}, {packs, c.versions}} {
		if err := watch.Bucket(ctx, one.kv, ">", one.part.apply, one.part.forgetAllBut); err != nil {
			return nil, fmt.Errorf("watch the catalog: %w", err)
		}
	}
	return c, nil
}

// Catalog is a live view of the catalog in memory: reading it costs no request, and it goes on telling
// what it knew while the broker is away. Safe for concurrent use.
type Catalog struct {
	mu               sync.RWMutex
	before, versions part
	// offered is by the engine's name; nil until somebody has said it.
	offered map[string]string
}

// part is what one of the two buckets holds, by key.
type part struct {
	catalog *Catalog
	packs   map[string]Pack
	decode  func(jetstream.KeyValueEntry) (Pack, error)
}

func newCatalog() *Catalog {
	c := &Catalog{}
	c.before = part{catalog: c, packs: map[string]Pack{}, decode: decodeBefore}
	c.versions = part{catalog: c, packs: map[string]Pack{}, decode: decodeVersion}
	return c
}

// forgetAllBut drops what was removed while nobody watched and left no marker behind. The offer stays: nobody removes it.
func (p part) forgetAllBut(seen map[string]bool) {
	p.catalog.mu.Lock()
	defer p.catalog.mu.Unlock()
	maps.DeleteFunc(p.packs, func(key string, _ Pack) bool { return !seen[key] })
}

// apply takes one entry over. An engine whose entry can't be read isn't on offer, and its operator must hear why.
func (p part) apply(entry jetstream.KeyValueEntry) {
	if entry.Key() == offerKey {
		p.catalog.offer(entry)
		return
	}
	pack, err := Pack{}, error(nil)
	if entry.Operation() == jetstream.KeyValuePut {
		pack, err = p.decode(entry)
	}
	if err != nil {
		slog.Warn("leave an engine out of the catalog", "entry", entry.Key(), "error", err)
	}
	p.catalog.mu.Lock()
	defer p.catalog.mu.Unlock()
	delete(p.packs, entry.Key())
	if err == nil && pack.Name != "" {
		p.packs[entry.Key()] = pack
	}
}

// offer keeps what was said last where an entry can't be read.
func (c *Catalog) offer(entry jetstream.KeyValueEntry) {
	var offer offerEntry
	if err := json.Unmarshal(entry.Value(), &offer); err != nil || offer.Versions == nil {
		slog.Warn("read which engines are offered", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offered = offer.Versions
}

// Engines returns the packs on offer, one version of each engine, sorted by name.
func (c *Catalog) Engines() []Pack {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var packs []Pack
	if c.offered == nil {
		packs = slices.AppendSeq(packs, maps.Values(c.before.packs))
	}
	for name, version := range c.offered {
		if pack, ok := c.versions.packs[versionKey(name, version)]; ok {
			packs = append(packs, pack)
		}
	}
	slices.SortFunc(packs, func(a, b Pack) int { return strings.Compare(a.Name, b.Name) })
	return packs
}

// Find returns the pack of an engine that new stores are made of.
func (c *Catalog) Find(name string) (Pack, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.offered == nil {
		pack, ok := c.before.packs[name]
		return pack, ok
	}
	pack, ok := c.versions.packs[versionKey(name, c.offered[name])]
	return pack, ok
}

// Version returns the pack that a store is made of, also one that isn't offered any more or that nobody carries. Stores of
// the oldest logs say no version; theirs is what is offered.
func (c *Catalog) Version(name, version string) (Pack, bool) {
	c.mu.RLock()
	pack, ok := c.versions.packs[versionKey(name, version)]
	c.mu.RUnlock()
	if ok {
		return pack, true
	}
	pack, ok = c.Find(name)
	return pack, ok && (version == "" || pack.Version == version)
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

func decodeVersion(entry jetstream.KeyValueEntry) (Pack, error) {
	var value versionEntry
	if err := json.Unmarshal(entry.Value(), &value); err != nil {
		return Pack{}, err
	}
	return usable(value.Pack, versionKey(value.Pack.Name, value.Pack.Version), entry.Key())
}

func decodeBefore(entry jetstream.KeyValueEntry) (Pack, error) {
	var pack Pack
	if err := json.Unmarshal(entry.Value(), &pack); err != nil {
		return Pack{}, err
	}
	return usable(pack, pack.Name, entry.Key())
}

func usable(pack Pack, key, stands string) (Pack, error) {
	pack.normalize()
	if err := pack.Validate(); err != nil {
		return Pack{}, err
	}
	if key != stands {
		return Pack{}, fmt.Errorf("it holds version %q of the engine %q", pack.Version, pack.Name)
	}
	return pack, nil
}
