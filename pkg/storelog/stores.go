package storelog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// Present is where the log is at the moment.
type Present struct {
	// Head is the sequence of its last message, Time the broker's clock.
	Head    uint64
	Time    time.Time
	Lineage Lineage
}

// Present asks the broker. Sweeps call it, each once.
func (l *Log) Present(ctx context.Context) (Present, error) {
	info, err := l.info(ctx)
	if err != nil {
		return Present{}, fmt.Errorf("ask where the log is: %w", err)
	}
	return Present{Head: info.State.LastSeq, Time: info.TimeStamp, Lineage: lineageOf(info)}, nil
}

// Told lists the stores of the messages behind the sequence after, up to the sequence upto, which must be in the log. It
// reads each of them: it is for few.
func (l *Log) Told(ctx context.Context, after, upto uint64) ([]store.ID, error) {
	if after >= upto {
		return nil, nil
	}
	told := map[store.ID]bool{}
	last := errors.New("the last")
	err := l.Tail(ctx, after, func(raw Raw) error {
		if id, err := StoreOf(raw.Subject); err == nil {
			told[id] = true
		}
		if raw.Seq >= upto {
			return last
		}
		return nil
	})
	if !errors.Is(err, last) {
		return nil, fmt.Errorf("read what was told behind %d: %w", after, err)
	}
	return slices.Sorted(maps.Keys(told)), nil
}

// Stores lists every store of a cluster that was ever asked for, deleted ones too, in the order of their ids, and says
// what time the broker had when it listed them. Sweeps call it where a release's events service runs that they can't ask. It asks for subjects, not for messages: a filtered
// consumer would scan the whole log, and this costs the number of stores, however long their histories are. A store that
// is asked for meanwhile may be missing: nothing may be concluded from that.
func (l *Log) Stores(ctx context.Context, cluster string) ([]store.ID, time.Time, error) {
	return l.list(ctx, ApplyCommands(cluster))
}

// Undeleted is Stores without those whose deletion somebody has asked for. Keepers call it where they begin, for what no
// watch tells them.
func (l *Log) Undeleted(ctx context.Context, cluster string) ([]store.ID, error) {
	ids, _, err := l.Stores(ctx, cluster)
	if err != nil {
		return nil, err
	}
	deleted, _, err := l.list(ctx, DeleteCommands(cluster))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ids, func(id store.ID) bool {
		_, found := slices.BinarySearch(deleted, id)
		return found
	}), nil
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
