package work

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
)

// Whoever finds a lease held may have it given back before its own delivery rests, on a machine that is busy enough. Nobody would
// wake it then.
func TestALeaseThatIsGivenBackMeanwhileIsHeardOf(t *testing.T) {
	nc := bustest.Start(t)
	woken, err := nc.SubscribeSync(answers + ">")
	if err != nil {
		t.Fatal(err)
	}
	r := newResting(nc)
	late, other, had := r.trying("store"), r.trying("another"), r.trying("store")
	r.tried(had)
	r.released("store")
	r.add(&rest{answer: "late", generation: 7, lease: late}, time.Hour)
	r.add(&rest{answer: "other", generation: 8, lease: other}, time.Hour)
	if have := heard(t, woken); have != "late" {
		t.Errorf("woken: %q", have)
	}
	r.released("another")
	if have := heard(t, woken); have != "other" {
		t.Errorf("woken by its own: %q", have)
	}
	if len(r.at) != 0 || len(r.tries) != 0 {
		t.Errorf("%d still rest, %d still try", len(r.at), len(r.tries))
	}
}

// heard is the delivery that was asked for next.
func heard(t *testing.T, woken *nats.Subscription) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	message, err := woken.NextMsgWithContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return message.Subject[len(answers):]
}
