package bustest

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
)

// Brokers is what a test of Each runs on.
type Brokers struct {
	// Conns is a connection to each broker: one, or three.
	Conns []*nats.Conn
	steps *atomic.Int64
}

// Each runs a test twice: on one broker, and on three of which the leaders of every stream resign again and again, as in
// production, where machines come and go. What holds on one only doesn't hold.
//
// Both are run beside other tests, as most of each is waiting: nothing may follow Each in a test.
func Each(t *testing.T, test func(t *testing.T, b Brokers)) {
	t.Helper()
	t.Parallel()
	t.Run("one broker", func(t *testing.T) {
		t.Parallel()
		test(t, Brokers{Conns: []*nats.Conn{Start(t)}})
	})
	t.Run("three brokers with step-downs", func(t *testing.T) {
		t.Parallel()
		_, conns := StartCluster(t)
		b := Brokers{Conns: conns, steps: Unsettle(t, conns[0].ConnectedUrl())}
		test(t, b)
		if b.steps.Load() == 0 {
			t.Error("no leader has resigned; the test is over too soon to show anything")
		}
	})
}

// Replicas is how many copies of the log there are.
func (b Brokers) Replicas() int { return len(b.Conns) }

// Resigned says whether leaders have resigned so many times; on one broker nobody does and it is always so.
func (b Brokers) Resigned(times int64) bool { return b.steps == nil || b.steps.Load() >= times }

// AwaitStepDown returns when a leader of one of the streams that are there has resigned: a short test that goes on from here
// isn't over before the first one does. On one broker nobody resigns.
func (b Brokers) AwaitStepDown(tb testing.TB) {
	tb.Helper()
	deadline := time.After(time.Minute)
	for !b.Resigned(1) {
		select {
		case <-deadline:
			tb.Fatal("no leader has resigned within a minute")
		case <-time.After(term / 10):
		}
	}
}

// term is how long a leader leads at least before it resigns: long enough for some writes, so that every test sees several.
const term = 60 * time.Millisecond

// Unsettle makes the leader of one stream after another resign until the test ends, and counts.
func Unsettle(tb testing.TB, url string) *atomic.Int64 {
	tb.Helper()
	nc, err := nats.Connect(url, Patient, nats.MaxReconnects(-1))
	if err != nil {
		tb.Fatalf("connect to the brokers: %v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	steps, ended := new(atomic.Int64), make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			for name := range js.StreamNames(ctx).Name() {
				resign(ctx, nc, js, name, steps)
			}
		}
	}()
	tb.Cleanup(func() { cancel(); <-ended; nc.Close() })
	return steps
}

// resign asks a stream's leader to go and leaves the next one a term, or as long as it took to elect it: where brokers are slow, because
// the machine has much to do, writes are too, and leaders that went as ever would let none through.
func resign(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, stream string, steps *atomic.Int64) {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := nc.RequestWithContext(bounded, "$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil)
	if err == nil && strings.Contains(string(answer.Data), `"success":true`) {
		steps.Add(1)
	}
	// It fails where the stream has gone, too.
	_, _ = again.Until(bounded, again.Pauses{First: term / 10, Longest: term / 10}, func() (jetstream.Stream, error) { return js.Stream(bounded, stream) })
	select {
	case <-ctx.Done():
	case <-time.After(max(term, time.Since(began))):
	}
}
