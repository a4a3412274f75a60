package work

import (
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Its worker's clock was two hours ahead when it scheduled the next attempt.
func TestAPauseByAClockThatWasAheadIsNotWaitedFor(t *testing.T) {
	b := setup(t)
	created := b.command(store.Create)
	due := time.Now().Add(2 * time.Hour)
	for _, m := range []store.Message{
		{Type: store.AttemptStarted}, {Type: store.RetryScheduled, Facts: store.Facts{NotBefore: &due}},
	} {
		_, err := b.log.Update(t.Context(), id, func(store.State) (*store.Message, error) {
			m.Actor, m.Generation, m.Time = "provisioner", created.Generation, due
			return &m, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.provision(provisioner(step("http", succeed)))
	b.awaitType(store.BecameReady)
}
