package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// deleteExpired submits the deletes of stores whose time is over. However many they are: the time was given with each
// create, and a hundred trial stores that were made together end together. What a bound would protect from is a clock
// that jumps, and it would only spread that over some minutes; so a store's time is over when this process's clock and
// the broker's both say so.
func (r *round) deleteExpired(ctx context.Context) error {
	for _, s := range r.seen.expired {
		m := store.Message{Type: store.DeleteCommand, Facts: store.Facts{
			Reason:  "Expired",
			Message: fmt.Sprintf("Its time was over on %s.", s.ExpiresAt.UTC().Format(time.RFC1123)),
		}}
		if _, err := r.submit(ctx, s, r.admitExpired, m); err != nil {
			return err
		}
	}
	return nil
}

func (r *round) admitExpired(s store.State) error {
	if !s.Expired(r.seen.clock) {
		return store.ErrNothingToSweep
	}
	return store.Admit(s, store.Delete)
}
