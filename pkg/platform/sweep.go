package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

const sweepKey = "sweep"

// FindingKind says what a sweep found.
type FindingKind string

// The first four are about namespaces that carry this installation's labels, held against the log.
const (
	// Stray: the log says that the store was deleted, and its namespace is there. Its deletion is asked for once more.
	Stray FindingKind = "stray"
	// Unknown: the log knows no such store. Reported only: the log may have lost it.
	Unknown FindingKind = "unknown"
	// Missing: the log says that the store is Ready, and it has no namespace. Reported only.
	Missing FindingKind = "missing"
	// Terminating: the namespace of a deleted store is being removed and doesn't go. Reported only.
	Terminating FindingKind = "terminating"
	// Unreadable: the store's last message can't be read by this version, or not be gone on behind. Reported only.
	Unreadable FindingKind = "unreadable"
	// Expired: the store has outlived the time that it was given last. Its deletion is asked for.
	Expired FindingKind = "expired"
	// Stalled: a command that nobody works on. It is sent again.
	Stalled FindingKind = "stalled"
	// ClaimLeaked: a claim without a live store. It is released.
	ClaimLeaked FindingKind = "claim_leaked"
	// ClaimMissing: a live store without a claim. It is claimed.
	ClaimMissing FindingKind = "claim_missing"
)

// FindingKinds lists them all.
var FindingKinds = []FindingKind{Stray, Unknown, Missing, Terminating, Unreadable, Expired, Stalled, ClaimLeaked, ClaimMissing}

// Sweep is what a sweep saw and did. The janitor publishes it, for operators.
type Sweep struct {
	At time.Time `json:"at" doc:"When"`
	// By is the process that swept.
	By string `json:"by" doc:"The process that swept"`
	// Namespaces and Stores are how many it looked at.
	Namespaces int       `json:"namespaces" doc:"How many were looked at in the cluster"`
	Stores     int       `json:"stores" doc:"How many were looked at in the log"`
	Findings   []Finding `json:"findings" doc:"What it found, by kind"`
	// Submitted counts the commands that it appended.
	Submitted int `json:"submitted" doc:"How many commands it sent"`
	// Paused is why it only looked, by an operator's wish or after a restore; empty otherwise.
	Paused string `json:"paused,omitempty" doc:"Why it only looked"`
	// Alarm is set when somebody has to look.
	Alarm *Alarm `json:"alarm,omitempty" doc:"Set when somebody has to look"`
}

// Finding is all of one kind.
type Finding struct {
	Kind  FindingKind `json:"kind" doc:"What was found"`
	Count int         `json:"count" doc:"How often"`
	// IDs are the stores', or the names of namespaces that aren't named like a store's; the first twenty.
	IDs []string `json:"ids" doc:"The stores', or names of namespaces that aren't a store's; the first twenty"`
}

// Alarm says what is wrong: Reason in CamelCase, Message in sentences.
type Alarm struct {
	Reason  string `json:"reason" doc:"CamelCase"`
	Message string `json:"message" doc:"Sentences"`
}

// PublishSweep says what the newest sweep of the cluster saw.
func PublishSweep(ctx context.Context, kv jetstream.KeyValue, cluster string, s Sweep) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the sweep's report: %w", err)
	}
	if _, err := kv.Put(ctx, store.ClusterKey(cluster, sweepKey), data); err != nil {
		return fmt.Errorf("publish the sweep's report: %w", err)
	}
	return nil
}

// Keys lists a bucket's keys (storelog.Log): a sweep may not watch them.
type Keys interface {
	Keys(ctx context.Context, bucket, pattern string) ([]string, error)
}

// OtherSweeps returns the newest of each cluster but the default one that was ever swept.
func OtherSweeps(ctx context.Context, keys Keys, kv jetstream.KeyValue) ([]Sweep, error) {
	found, err := keys.Keys(ctx, kv.Bucket(), store.ClusterKey("*", sweepKey))
	if err != nil {
		return nil, err
	}
	sweeps := make([]Sweep, 0, len(found))
	for _, key := range found {
		cluster, _, _ := strings.Cut(key, ".")
		s, err := ReadSweep(ctx, kv, cluster)
		if err != nil {
			return nil, err
		}
		sweeps = append(sweeps, s)
	}
	return sweeps, nil
}

// ReadSweep returns what the newest sweep of the cluster saw; before there was one, a Sweep whose At is zero.
func ReadSweep(ctx context.Context, kv jetstream.KeyValue, cluster string) (Sweep, error) {
	entry, err := kv.Get(ctx, store.ClusterKey(cluster, sweepKey))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Sweep{}, nil
	}
	if err != nil {
		return Sweep{}, fmt.Errorf("read the sweep's report: %w", err)
	}
	var s Sweep
	if err := json.Unmarshal(entry.Value(), &s); err != nil {
		return Sweep{}, fmt.Errorf("decode the sweep's report: %w", err)
	}
	return s, nil
}
