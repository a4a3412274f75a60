package storelog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What the stream says of itself, in its metadata: it travels with the stream into a snapshot and back, and reading it
// takes no message.
const (
	metaInstallation = "store-platform.io/installation"
	metaEpoch        = "store-platform.io/epoch"
	metaAncestors    = "store-platform.io/restored-from"
	metaSweepsPaused = "store-platform.io/sweeps-paused"
	metaWriteLevel   = "store-platform.io/write-level"
	metaTenantKey    = "store-platform.io/tenant-key"
)

// ErrForeignLog: the log is another installation's. Whoever worked on it would make that one's stores a second time,
// in a cluster of its own. Waiting doesn't mend it.
var ErrForeignLog = errors.New("the log is another installation's")

// OwnerOf is whose log a stream with this metadata is; empty when it was written before logs had an owner and no gateway that
// has one came since. The command that takes and restores backups asks it, which opens no log.
func OwnerOf(metadata map[string]string) string { return metadata[metaInstallation] }

// CheckOwner fails with ErrForeignLog when an installation meets the log of another. It lets a log without an installation be
// everybody's: it was written before logs had one.
func CheckOwner(owner, installation string) error {
	if installation == "" || owner == "" || owner == installation {
		return nil
	}
	return fmt.Errorf("%w: it belongs to %q, this is %q", ErrForeignLog, owner, installation)
}

// Installation is OwnerOf the log.
func (l *Log) Installation() string { return OwnerOf(l.metadata) }

// CheckInstallation fails with ErrForeignLog when the log is another's. Workers ask it before they work.
func (l *Log) CheckInstallation(installation string) error {
	return CheckOwner(l.Installation(), installation)
}

// Epoch tells this stream from another under the same name, created later or restored from a backup, where one sequence
// may mean two messages. Every cursor carries it. It was read when the log was opened.
func (l *Log) Epoch() string { return l.epoch }

// nameEpoch has the log itself say its epoch: a backup holds what a stream says, and not when it was created.
func nameEpoch(ctx context.Context, js jetstream.JetStream) error {
	stream, err := findStream(ctx, js, Stream)
	if err != nil {
		return err
	}
	info := stream.CachedInfo()
	if info.Config.Metadata[metaEpoch] != "" {
		return nil
	}
	config := info.Config
	config.Metadata = withEntry(config.Metadata, metaEpoch, epochOf(info))
	return update(ctx, js, config)
}

// epochOf is the creation time of a log that doesn't name its epoch: no gateway came since that does.
func epochOf(info *jetstream.StreamInfo) string {
	if epoch := info.Config.Metadata[metaEpoch]; epoch != "" {
		return epoch
	}
	return encodeEpoch(info.Created)
}

func encodeEpoch(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 36) }

// Restored is the metadata of a log that comes back from a backup, whose newest message is last: as it was, with an epoch
// of its own, and with the sweeps paused for the reason. The command that restores gives it to the stream before the first
// message is in it.
func Restored(metadata map[string]string, last uint64, at time.Time, reason string) map[string]string {
	metadata = withEntry(metadata, metaAncestors, withAncestor(metadata, last))
	return withEntry(withEntry(metadata, metaEpoch, encodeEpoch(at)), metaSweepsPaused, reason)
}

// RestoredBucket is the metadata of a bucket that comes back from a backup. Who is let in by what it holds is asked when that was:
// somebody who was removed since the backup would be back.
func RestoredBucket(metadata map[string]string, at time.Time) map[string]string {
	return withEntry(metadata, metaEpoch, encodeEpoch(at))
}

// RestoredAt is that of a bucket's metadata; empty of one that never was.
func RestoredAt(metadata map[string]string) string { return metadata[metaEpoch] }

// SweepsPaused asks the broker why nothing may be swept; empty when sweeps may run. Sweeps ask before each round.
func (l *Log) SweepsPaused(ctx context.Context) (string, error) {
	info, err := l.info(ctx)
	if err != nil {
		return "", fmt.Errorf("ask whether sweeps are paused: %w", err)
	}
	return info.Config.Metadata[metaSweepsPaused], nil
}

// PauseSweeps stops sweeps until ResumeSweeps, for a reason that people are shown. It takes the right to update the
// stream, which the gateway has.
func (l *Log) PauseSweeps(ctx context.Context, reason string) error {
	if reason == "" {
		return errors.New("pause sweeps: a reason is needed")
	}
	return l.setSweepsPaused(ctx, reason)
}

// ResumeSweeps lets sweeps run again. Resuming twice is resuming once.
func (l *Log) ResumeSweeps(ctx context.Context) error { return l.setSweepsPaused(ctx, "") }

func (l *Log) setSweepsPaused(ctx context.Context, reason string) error {
	info, err := l.info(ctx)
	if err != nil {
		return fmt.Errorf("read what the log says of itself: %w", err)
	}
	if info.Config.Metadata[metaSweepsPaused] == reason {
		return nil
	}
	config := info.Config
	config.Metadata = withEntry(config.Metadata, metaSweepsPaused, reason)
	if err := update(ctx, l.js, config); err != nil {
		return fmt.Errorf("write that sweeps are paused, %q: %w", reason, err)
	}
	return nil
}

// withEntry answers a copy with the entry set, or without it when value is empty.
func withEntry(metadata map[string]string, key, value string) map[string]string {
	changed := maps.Clone(metadata)
	if changed == nil {
		changed = map[string]string{}
	}
	changed[key] = value
	if value == "" {
		delete(changed, key)
	}
	return changed
}
