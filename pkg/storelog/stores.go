package storelog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// Stores lists every store of a cluster that was ever asked for, deleted ones too, in the order of their ids, and says
// what time the broker had when it listed them. Sweeps call it. It asks for subjects, not for messages: a filtered
// consumer would scan the whole log, and this costs the number of stores, however long their histories are. A store that
// is asked for meanwhile may be missing: nothing may be concluded from that.
func (l *Log) Stores(ctx context.Context, cluster string) ([]store.ID, time.Time, error) {
	return l.list(ctx, ApplyCommands(cluster))
}

// OtherStores is Stores of all clusters but the default one.
func (l *Log) OtherStores(ctx context.Context) ([]store.ID, error) {
	ids, _, err := l.list(ctx, ApplyCommands("*"))
	return ids, err
}

// list reads the stores out of the subjects that match a filter.
func (l *Log) list(ctx context.Context, filter string) ([]store.ID, time.Time, error) {
	info, err := l.info(ctx, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("list the stores of the log: %w", err)
	}
	ids := make([]store.ID, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		id, err := StoreOf(subject)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("list the stores of the log: %w", err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, info.TimeStamp, nil
}
