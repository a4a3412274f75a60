package work

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const mildSlots = 3

// brief takes a moment.
func brief(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// Killed in the middle of it, over and over, workers lose nothing, and the next who comes with one store waits for none of three
// hundred: at most for what all of the slots had begun.
func TestWorkersThatDieUnderThreeHundredLoseNobodysTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.shortenLeases()
	const many, processes, kills = 300, 3, 6
	for i := range many {
		b.ask("many", i)
	}
	var killed []chan struct{}
	for range processes {
		kill := make(chan struct{}, kills)
		killed = append(killed, kill)
		b.keepAlive(kill, mildEnv+"=yes")
	}
	ready := 0
	history := b.await(func(e storelog.Entry) bool {
		if e.Message.Type == store.BecameReady {
			// Who is killed with a command in its hand keeps it until the broker believes that it is dead; all others' turns come.
			switch ready++; {
			case ready > 40*kills:
			case ready%40 == 20:
				b.ask(fmt.Sprint("one-", ready), 0)
			case ready%40 == 0:
				killed[ready/40%processes] <- struct{}{}
			}
		}
		return ready == many+kills
	})
	for i, e := range history {
		if e.Message.Type == store.CreateCommand && e.Message.Tenant != "many" {
			if before := begunBefore(history[i:], e.Message.Seq); before > processes*mildSlots {
				t.Errorf("%d stores of the first tenant were begun while %s waited", before, e.Message.Tenant)
			}
		}
	}
}

// begunBefore counts the first tenant's stores that were begun before a command was, but for what was under way already when its worker
// died.
func begunBefore(history []storelog.Entry, generation uint64) (n int) {
	for _, e := range history {
		switch {
		case e.Message.Type != store.AttemptStarted:
		case e.Message.Generation == generation:
			return n
		case e.Message.Tenant == "many" && e.State.Crashes == 0:
			n++
		}
	}
	return n
}
