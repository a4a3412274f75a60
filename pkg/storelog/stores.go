package storelog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// Stores lists every store that was ever asked for, deleted ones too, in the order of their ids, and says what time the
// broker had when it listed them. Sweeps call it. It asks for subjects, not for messages: a filtered consumer would
// scan the whole log, and this costs the number of stores, however long their histories are. A store that is asked for
// meanwhile may be missing: nothing may be concluded from that.
func (l *Log) Stores(ctx context.Context) ([]store.ID, time.Time, error) {
	info, err := l.info(ctx, jetstream.WithSubjectFilter(ApplyCommands))
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
