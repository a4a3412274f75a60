package guesses

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

var (
	began = time.Unix(1_000_000, 0)
	ten   = Limit{Guesses: 10, Within: 10 * time.Minute}
)

// at is a clock that stands.
func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// open is one gateway's view of the bucket over its own connection.
func open(t *testing.T, nc *nats.Conn, now func() time.Time) *Guesses {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Open(t.Context(), log, storelog.Settings{Replicas: 1}, now)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// takes is how many guesses there are, one after the other, and in how long there is another.
func (g *Guesses) takes(t *testing.T, key string, limit Limit) (taken int, after time.Duration) {
	t.Helper()
	for {
		ok, after, err := g.Take(t.Context(), key, limit)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return taken, after
		}
		taken++
	}
}

// written is how often anybody has written to the bucket.
func (g *Guesses) written(t *testing.T) uint64 {
	t.Helper()
	stream, err := g.log.JetStream().Stream(t.Context(), "KV_"+storelog.BucketGuesses)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.LastSeq
}

// As many gateways as there are connections guess at the same at once, on one broker and on three whose leaders resign.
func TestNoNumberOfGatewaysGivesMoreGuesses(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		const gateways, guesses = 10, 8
		var all sync.WaitGroup
		var let, refused, lost atomic.Int64
		for n := range gateways {
			conn := b.Conns[n%len(b.Conns)]
			if len(b.Conns) == 1 {
				conn = bustest.NewLine(t, conn.ConnectedUrl()).Conn
			}
			g := open(t, conn, at(began))
			all.Go(func() {
				for range guesses {
					ok, after, err := g.Take(t.Context(), "me", ten)
					switch {
					case err != nil && (storelog.Unanswered(err) || errors.Is(err, ErrContended)):
						lost.Add(1)
					case err != nil:
						t.Error(err)
					case ok:
						let.Add(1)
					case after != ten.Within/time.Duration(ten.Guesses):
						t.Errorf("refused for %s", after)
					default:
						refused.Add(1)
					}
				}
			})
		}
		b.AwaitStepDown(t)
		all.Wait()
		if let.Load() > int64(ten.Guesses) {
			t.Errorf("%d guesses were let through, %d refused", let.Load(), refused.Load())
		}
		if len(b.Conns) == 1 && (let.Load() != int64(ten.Guesses) || lost.Load() != 0) {
			t.Errorf("%d guesses were let through, and %d of %d came to nothing", let.Load(), lost.Load(), gateways*guesses)
		}
	})
}

func TestGuessesComeBackOneByOne(t *testing.T) {
	t.Parallel()
	now := began
	g := open(t, bustest.Start(t), func() time.Time { return now })
	for _, c := range []struct {
		passed time.Duration
		want   int
		after  time.Duration
	}{
		{0, 10, time.Minute}, {59 * time.Second, 0, time.Second}, {time.Second, 1, time.Minute}, {150 * time.Second, 2, 30 * time.Second}, {time.Hour, 10, time.Minute},
	} {
		now = now.Add(c.passed)
		if taken, after := g.takes(t, "me", ten); taken != c.want || after != c.after {
			t.Errorf("%s later there are %d guesses, and another in %s; want %d and %s", c.passed, taken, after, c.want, c.after)
		}
	}
	if taken, _ := g.takes(t, "another", ten); taken != ten.Guesses {
		t.Errorf("another has %d guesses", taken)
	}
}

func TestWhoIsRefusedWritesNothing(t *testing.T) {
	t.Parallel()
	g := open(t, bustest.Start(t), at(began))
	g.takes(t, "me", ten)
	for range 20 {
		if ok, _, err := g.Take(t.Context(), "me", ten); ok || err != nil {
			t.Fatalf("%t %v", ok, err)
		}
	}
	if written := g.written(t); written != uint64(ten.Guesses) {
		t.Errorf("the bucket was written to %d times, want %d", written, ten.Guesses)
	}
}

// unheard is a bucket over a line on which nothing comes back once something is written.
type unheard struct {
	jetstream.KeyValue
	line *bustest.Line
}

func (u unheard) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	u.line.Hold()
	return u.KeyValue.Update(ctx, key, value, last)
}

// The broker has it and the gateway doesn't hear so: it is given up, and is paid for.
func TestAGuessWhoseAnswerIsLostIsPaidFor(t *testing.T) {
	t.Parallel()
	conn := bustest.Start(t)
	other := open(t, conn, at(began))
	line := bustest.NewLine(t, conn.ConnectedUrl())
	g := open(t, line.Conn, at(began))
	g.kv = unheard{g.kv, line}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var let bool
	ended := make(chan error, 1)
	go func() {
		ok, _, err := g.Take(ctx, "me", ten)
		let = ok
		ended <- err
	}()
	waittest.Eventually(t, func() error {
		if other.written(t) == 0 {
			return errors.New("nothing is written")
		}
		return nil
	})
	cancel()
	if err := <-ended; err == nil || let {
		t.Errorf("it may guess: %t, %v", let, err)
	}
	if taken, _ := other.takes(t, "me", ten); taken != ten.Guesses-1 {
		t.Errorf("%d guesses are left of %d", taken, ten.Guesses)
	}
}

// What a broker has in memory goes with it, and nobody else makes it anew.
func TestTheBucketIsMadeAnewWhereItsBrokerWas(t *testing.T) {
	t.Parallel()
	broker := bustest.StartBroker(t, storelog.Settings{Replicas: 1})
	g := open(t, broker.Connect(), at(began))
	g.takes(t, "me", ten)
	broker.Stop()
	broker.Start()
	waittest.Eventually(t, func() error {
		ok, after, err := g.Take(t.Context(), "me", ten)
		if !ok && err == nil {
			err = fmt.Errorf("what was guessed before the broker's start is known: refused for %s", after)
		}
		return err
	})
	if taken, _ := g.takes(t, "me", ten); taken != ten.Guesses-1 {
		t.Errorf("then there are %d more guesses of %d", taken, ten.Guesses)
	}
}

func TestTheBucketTellsNobodysName(t *testing.T) {
	t.Parallel()
	g := open(t, bustest.Start(t), at(began))
	if ok, _, err := g.Take(t.Context(), "somebody@shop.example with spaces", ten); !ok || err != nil {
		t.Fatal(err)
	}
	keys, err := g.log.Keys(t.Context(), storelog.BucketGuesses, ">")
	if err != nil || len(keys) != 1 || len(keys[0]) != 64 || strings.Contains(fmt.Sprint(keys), "@") {
		t.Errorf("keys %v (%v)", keys, err)
	}
}

func TestLimitsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	g := open(t, bustest.Start(t), at(began))
	for _, limit := range []Limit{{}, {1, 0}, {0, time.Minute}, {-1, time.Minute}, {1, storelog.GuessesTTL + 1}} {
		if ok, _, err := g.Take(t.Context(), "me", limit); ok || err == nil {
			t.Errorf("%v lets one guess", limit)
		}
	}
}
