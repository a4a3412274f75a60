package storelog

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Releases live side by side on one log, while the platform is upgraded and for as long as one may go back. So a release
// writes in the log's write level, not in its newest schema, and doesn't write at all what an older one would misread. An
// operator raises the level when no older process runs; from then on an older one steps back from every store that is
// written to.

// clustersSince is the least write level of a log that may hold stores of another cluster than the default one.
const clustersSince = 4

// cancelsSince is the least write level of a log in which operations are called off: a worker of the release before would
// work on, and knows no store that stands and has failed at something.
const cancelsSince = 4

// levelOf is the write level in a stream's metadata.
func levelOf(metadata map[string]string) int {
	level, err := strconv.Atoi(metadata[metaWriteLevel])
	if err != nil {
		return store.FirstSchema
	}
	return level
}

// WriteLevel is the schema in which messages are written, as this process last heard. A process that hasn't heard yet of
// a raised one does no harm: behind a state of the new level everybody writes in the new level.
func (l *Log) WriteLevel() int { return int(l.level.Load()) }

// AskWriteLevel asks the broker.
func (l *Log) AskWriteLevel(ctx context.Context) (int, error) {
	info, err := l.info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the log's write level: %w", err)
	}
	level := levelOf(info.Config.Metadata)
	l.level.Store(int64(level))
	return level, nil
}

// levelEvery is how often FollowWriteLevel asks.
const levelEvery = time.Minute

// FollowWriteLevel asks now and then until ctx ends: nobody tells when the level is raised, and what isn't refused at the old
// one is written there for as long as nobody has heard of the new one.
func (l *Log) FollowWriteLevel(ctx context.Context) {
	tick := time.NewTicker(levelEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := l.AskWriteLevel(ctx); err != nil && ctx.Err() == nil {
				slog.DebugContext(ctx, "ask for the log's write level; it is asked again", "error", err)
			}
		}
	}
}

// RaiseWriteLevel raises the level to what this release knows, and answers what it is then. It never lowers one. It takes
// the right to update the stream, which the gateway has.
func (l *Log) RaiseWriteLevel(ctx context.Context) (int, error) {
	info, err := l.info(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the log's write level: %w", err)
	}
	level := levelOf(info.Config.Metadata)
	if level < store.Schema {
		config := info.Config
		config.Metadata = withEntry(config.Metadata, metaWriteLevel, strconv.Itoa(store.Schema))
		if err := update(ctx, l.js, config); err != nil {
			return 0, fmt.Errorf("raise the log's write level: %w", err)
		}
		slog.InfoContext(ctx, "raised the log's write level", "from", level, "to", store.Schema)
		level = store.Schema
	}
	l.level.Store(int64(level))
	return level, nil
}

// schemaFor is the schema in which a message is written behind a state. Before it refuses one for the level's sake it asks
// whether that was raised.
func (l *Log) schemaFor(ctx context.Context, before store.State, m store.Message) (int, error) {
	if before.Schema > store.Schema {
		return 0, fmt.Errorf("behind schema %d: %w", before.Schema, ErrNewerSchema)
	}
	since := m.Type.Since()
	if !store.IsDefaultCluster(m.Facts.Cluster) {
		since = max(since, clustersSince)
	}
	if m.Type == store.BecameFailed && m.Facts.Reason == store.ReasonCancelled {
		since = max(since, cancelsSince)
	}
	level := max(l.WriteLevel(), before.Schema)
	if since > level {
		asked, err := l.AskWriteLevel(ctx)
		if err != nil {
			return 0, err
		}
		level = max(level, asked)
	}
	if since > level {
		return 0, fmt.Errorf("%s takes write level %d, the log has %d: %w", m.Type, since, level, ErrUpgrading)
	}
	return min(level, store.Schema), nil
}
