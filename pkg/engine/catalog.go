package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// Publish makes the catalog hold exactly these packs: what differs is written, what isn't among them is
// removed. Stores of a removed engine go on; only new ones can't be made.
//
// Each carrier of packs calls it when it starts. With two versions of packs around during an upgrade
// the one that started last wins, which is the newer one.
func Publish(ctx context.Context, kv jetstream.KeyValue, packs []Pack) error {
	keep := make(map[string]bool, len(packs))
	for _, pack := range packs {
		keep[pack.Name] = true
		if err := publish(ctx, kv, pack); err != nil {
			return fmt.Errorf("publish engine %s: %w", pack.Name, err)
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
			return fmt.Errorf("remove engine %s from the catalog: %w", key, err)
		}
	}
	return nil
}

// publish leaves an entry alone that is the same already, so that a restart wakes no watcher.
func publish(ctx context.Context, kv jetstream.KeyValue, pack Pack) error {
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
		return nil, fmt.Errorf("list the catalog: %w", err)
	}
	slices.Sort(keys)
	return keys, nil
}

func decode(entry jetstream.KeyValueEntry) (Pack, error) {
	var pack Pack
	if err := json.Unmarshal(entry.Value(), &pack); err != nil {
		return Pack{}, fmt.Errorf("decode catalog entry %s: %w", entry.Key(), err)
	}
	pack.normalize()
	if err := pack.Validate(); err != nil {
		return Pack{}, fmt.Errorf("validate catalog entry %s: %w", entry.Key(), err)
	}
	if pack.Name != entry.Key() {
		return Pack{}, fmt.Errorf("validate catalog entry %s: it holds the engine %q", entry.Key(), pack.Name)
	}
	return pack, nil
}
