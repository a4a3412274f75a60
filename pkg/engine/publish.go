package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/watch"
)

// Rank counts the releases of this platform. It is raised with each tag: what a release publishes stands until one of the
// same rank or a higher one says otherwise, whichever is started last.
const Rank = 2

// offerKey holds which version of each engine is offered, all in one value: a reader never sees half of a change. The keys of versions have a
// dot.
const offerKey = "offered"

// versionKey is where one version of an engine stands.
func versionKey(name, version string) string { return name + "." + version }

// ranked is what both kinds of values begin with.
type ranked struct {
	Rank int `json:"rank"`
}

type versionEntry struct {
	ranked
	Pack Pack `json:"pack"`
}

type offerEntry struct {
	ranked
	// Versions is by the engine's name.
	Versions map[string]string `json:"versions"`
}

// Publish says which packs a carrier of that rank has, and which of them new stores may be made of. What a higher rank has
// said of a version, or of the offer, stands. Versions are never taken away: stores of one that nobody carries any more
// still have its links. An engine that isn't offered any more leaves the offer only.
//
// It answers what is on offer then, by whoever said it. Each carrier of packs calls it when it starts, and when IsPublished says that
// it has been forgotten; what is the same already is left alone, so that a restart wakes no watcher.
func Publish(ctx context.Context, kv jetstream.KeyValue, rank int, carried, offered []Pack) ([]Pack, error) {
	for _, pack := range carried {
		entry := versionEntry{ranked: ranked{rank}, Pack: pack}
		if err := settle(ctx, kv, versionKey(pack.Name, pack.Version), rank, entry); err != nil {
			return nil, fmt.Errorf("publish engine %s: %w", pack.Name, err)
		}
	}
	offer := offerEntry{ranked: ranked{rank}, Versions: map[string]string{}}
	for _, pack := range offered {
		offer.Versions[pack.Name] = pack.Version
	}
	if err := settle(ctx, kv, offerKey, rank, offer); err != nil {
		return nil, fmt.Errorf("publish which engines are offered: %w", err)
	}
	// Looked at anew, and not what was written: a higher rank may have come in between.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	catalog := newCatalog()
	if err := watch.Bucket(ctx, kv, ">", catalog.versions.apply, nil); err != nil {
		return nil, fmt.Errorf("read which engines are offered: %w", err)
	}
	return catalog.Engines(), nil
}

// IsPublished says whether somebody has said there what is on offer, and of each of these packs that it is carried.
func IsPublished(ctx context.Context, kv jetstream.KeyValue, carried []Pack) (bool, error) {
	wanted := []string{offerKey}
	for _, pack := range carried {
		wanted = append(wanted, versionKey(pack.Name, pack.Version))
	}
	for _, key := range wanted {
		_, err := kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// tries bounds how often a value is held against what others write meanwhile: carriers are few.
const tries = 50

// settle writes a value under the revision of the one that it was held against.
func settle(ctx context.Context, kv jetstream.KeyValue, key string, rank int, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	for range tries {
		entry, err := kv.Get(ctx, key)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
			_, err = kv.Create(ctx, key, data)
		case err != nil:
			return err
		default:
			// One that can't be read is of no rank.
			var have ranked
			_ = json.Unmarshal(entry.Value(), &have)
			if have.Rank > rank || bytes.Equal(entry.Value(), data) {
				return nil
			}
			_, err = kv.Update(ctx, key, data, entry.Revision())
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return err
		}
	}
	return fmt.Errorf("others wrote %s in each of %d tries", key, tries)
}

// PublishBefore makes the catalog of the releases before this one hold exactly these packs, one of each engine: their
// gateways read nothing else. Their carriers write it whenever they start, whatever stands there.
func PublishBefore(ctx context.Context, kv jetstream.KeyValue, offered []Pack) error {
	keep := make(map[string]bool, len(offered))
	for _, pack := range offered {
		keep[pack.Name] = true
		if err := put(ctx, kv, pack); err != nil {
			return fmt.Errorf("publish engine %s to the old catalog: %w", pack.Name, err)
		}
	}
	keys, err := keys(ctx, kv)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if keep[key] {
			continue
		}
		if err := kv.Delete(ctx, key); err != nil {
			return fmt.Errorf("remove engine %s from the old catalog: %w", key, err)
		}
	}
	return nil
}

// put leaves an entry alone that is the same already.
func put(ctx context.Context, kv jetstream.KeyValue, pack Pack) error {
	value, err := json.Marshal(pack)
	if err != nil {
		return err
	}
	entry, err := kv.Get(ctx, pack.Name)
	if err == nil && bytes.Equal(entry.Value(), value) {
		return nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return err
	}
	_, err = kv.Put(ctx, pack.Name, value)
	return err
}

func keys(ctx context.Context, kv jetstream.KeyValue) ([]string, error) {
	keys, err := kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the old catalog: %w", err)
	}
	slices.Sort(keys)
	return keys, nil
}
