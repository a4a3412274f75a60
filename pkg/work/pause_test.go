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
