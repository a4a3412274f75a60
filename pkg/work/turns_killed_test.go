package work

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

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
// hundred, but for the one that each slot may begin before it is heard of. It comes when all that live have heard the log, and nobody is killed
// before it is begun: what a killed worker has in its hand stays there until the broker believes that it is dead.
func TestWorkersThatDieUnderThreeHundredLoseNobodysTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.shortenLeases()
	const many, processes, kills = 300, 3, 6
	var know atomic.Int64
	if _, err := b.nc.Subscribe(knowsTheLine, func(*nats.Msg) { know.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := b.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for ; asked < many; asked++ {
		b.ask("many", asked)
	}
	var killed []chan struct{}
	for range processes {
		kill := make(chan struct{}, kills)
		killed = append(killed, kill)
		b.keepAlive(kill, mildEnv+"=yes")
	}
	ready, dead := 0, 0
	var one store.State
	history := b.await(func(e storelog.Entry) bool {
		switch {
		case e.Message.Type == store.AttemptStarted && e.Message.Store == one.ID:
			killed[dead%processes] <- struct{}{}
			dead++
			one = store.State{}
		case e.Message.Type == store.BecameReady:
			ready++
			if dead == kills {
				break
			}
			b.ask("many", asked) // so that there are three hundred as long as it takes
			asked++
			if one.ID == "" && know.Load() == int64(processes+dead) {
				one = b.ask(fmt.Sprint("one-", dead), 0)
			}
		}
		return dead == kills && ready == asked+kills
	})
	for i, e := range history {
		if e.Message.Type == store.CreateCommand && e.Message.Tenant != "many" {
			// Each slot may have begun one before its process heard of it, and none twice.
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
