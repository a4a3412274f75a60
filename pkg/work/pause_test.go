package work

import (
	"reflect"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
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

// What waits looks again ever more seldom, and what it may have missed for no longer than three minutes.
func TestPausesGrowAndEnd(t *testing.T) {
	about := func(nominal time.Duration) func(time.Duration) bool {
		return func(got time.Duration) bool { return got >= nominal*6/10 && got <= nominal*14/10 }
	}
	for _, c := range []struct {
		deliveries uint64
		resting    int
		nominal    time.Duration
	}{
		{0, 0, 2 * time.Second}, {1, 1, 2 * time.Second}, {2, 1, 4 * time.Second}, {6, 1, 64 * time.Second},
		{7, 1, 2 * time.Minute}, {1 << 40, 1, 2 * time.Minute}, {1, 400, 20 * time.Second}, {1, 10_000, 2 * time.Minute},
	} {
		if got := production.waitPause(c.deliveries, c.resting); !about(c.nominal)(got) {
			t.Errorf("what has come %d times among %d waits %s, want about %s", c.deliveries, c.resting, got, c.nominal)
		}
	}
	for resting, nominal := range map[int]time.Duration{1: 2 * time.Second, 400: 20 * time.Second, 10_000: 2 * time.Minute} {
		if got := production.progressPause(resting); !about(nominal)(got) {
			t.Errorf("each of %d tells its progress after %s, want about %s", resting, got, nominal)
		}
	}
	if got := production.snoozePause(1 << 40); got > storelog.LeaseTTL {
		t.Errorf("a lease that has run out is looked for after %s", got)
	}
	if got := production.retryDelay(store.MaxAttempts); got > store.LongestPause {
		t.Errorf("another attempt after %s", got)
	}
}

// Whatever of it was forgotten would be out of proportion: a heartbeat, say, that is longer than the lease lives.
func TestADividedClockDividesEveryWait(t *testing.T) {
	whole, divided := reflect.ValueOf(production), reflect.ValueOf(production.by(4))
	for i := range whole.NumField() {
		if want := whole.Field(i).Int() / 4; divided.Field(i).Int() != want {
			t.Errorf("%s is %s", whole.Type().Field(i).Name, time.Duration(divided.Field(i).Int()))
		}
	}
	if production.heartbeat != production.ackWait/3 || production.ackWait != storelog.LeaseTTL {
		t.Errorf("out of proportion: %+v", production)
	}
}
