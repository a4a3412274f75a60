package lease_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// open answers the leases behind a connection, and their bucket.
func open(t *testing.T, nc *nats.Conn) (*lease.Bucket, jetstream.KeyValue) {
	t.Helper()
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketLeases)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := lease.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	return leases, kv
}

// live says how long leases live from now on.
func live(t *testing.T, b bustest.Brokers, ttl time.Duration) {
	t.Helper()
	js, err := jetstream.New(b.Conns[0])
	if err != nil {
		t.Fatal(err)
	}
	bucket := jetstream.KeyValueConfig{Bucket: storelog.BucketLeases, TTL: ttl, Storage: jetstream.FileStorage, Replicas: b.Replicas()}
	for {
		_, err := js.UpdateKeyValue(t.Context(), bucket)
		if err == nil {
			return
		}
		if !storelog.Unanswered(err) {
			t.Fatal(err)
		}
	}
}

func take(t *testing.T, b *lease.Bucket, holder string) *lease.Lease {
	t.Helper()
	l, err := b.Take(t.Context(), "store", holder)
	if err != nil {
		t.Fatalf("%s: %v", holder, err)
	}
	return l
}

func TestOneHolderAtATime(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		here, _ := open(t, b.Conns[0])
		there, _ := open(t, b.Conns[b.Replicas()-1])
		for turn := 0; turn == 0 || !b.Resigned(12); turn++ {
			first := take(t, here, "a")
			if _, err := there.Take(t.Context(), "store", "b"); !errors.Is(err, lease.ErrHeld) {
				t.Fatalf("second holder got %v", err)
			}
			if err := first.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
			if first.Remaining() <= 0 || first.Remaining() >= storelog.LeaseTTL {
				t.Fatalf("trusted for %s", first.Remaining())
			}
			if err := first.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if first.Remaining() > 0 {
				t.Fatal("a released lease is still trusted")
			}
			here, there = there, here
		}
	})
}

// However many want it, from whichever broker: whoever has it has it alone, and keeps it while it renews.
func TestOfManyOneHolds(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		var inside, terms atomic.Int32
		var group sync.WaitGroup
		for i := range 9 {
			leases, _ := open(t, b.Conns[i%len(b.Conns)])
			group.Go(func() {
				for terms.Load() < 60 || !b.Resigned(24) {
					l, err := leases.Take(t.Context(), "store", fmt.Sprint("holder ", i))
					if errors.Is(err, lease.ErrHeld) {
						continue
					}
					if err != nil {
						t.Errorf("take: %v", err)
						return
					}
					if inside.Add(1) != 1 {
						t.Error("two hold one lease")
					}
					for range 3 {
						if err := l.Renew(t.Context()); err != nil {
							t.Errorf("renew: %v", err)
						}
					}
					terms.Add(1)
					inside.Add(-1)
					if err := l.Release(t.Context()); err != nil {
						t.Errorf("release: %v", err)
					}
				}
			})
		}
		group.Wait()
	})
}

func TestATermThatRanOutCanNotTouchTheNextOne(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		leases, kv := open(t, b.Conns[0])
		for turn := 0; turn == 0 || !b.Resigned(12); turn++ {
			late := take(t, leases, "same process")
			expire(t, kv)
			next := take(t, leases, "same process")
			if err := late.Renew(t.Context()); !errors.Is(err, lease.ErrLost) {
				t.Fatalf("renewing got %v", err)
			}
			if err := late.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := next.Renew(t.Context()); err != nil {
				t.Fatalf("the next term was disturbed: %v", err)
			}
			if err := next.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Whoever had it is told at the next renewal, and can end nothing but its own.
func TestASeizedTermIsItsHoldersNoMore(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		leases, _ := open(t, b.Conns[0])
		had := take(t, leases, "a")
		seized, err := leases.Seize(t.Context(), "store", "b")
		for storelog.Unanswered(err) {
			seized, err = leases.Seize(t.Context(), "store", "b")
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := had.Renew(t.Context()); !errors.Is(err, lease.ErrLost) {
			t.Fatalf("renewing got %v", err)
		}
		if err := had.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := leases.Take(t.Context(), "store", "a"); !errors.Is(err, lease.ErrHeld) {
			t.Fatalf("taking it back got %v", err)
		}
		if err := seized.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		take(t, leases, "a")
	})
}

// expire does what the broker does when the TTL is over.
func expire(t *testing.T, kv jetstream.KeyValue) {
	t.Helper()
	for {
		entry, err := kv.Get(t.Context(), "store")
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		err = kv.Purge(t.Context(), "store", jetstream.LastRevision(entry.Revision()))
		if err != nil && !storelog.Unanswered(err) && !storelog.Refused(err) {
			t.Fatal(err)
		}
	}
}

// deaf is a bucket of leases behind a line that carries no answers from a certain write on, and a subscription to what
// is written.
func deaf(t *testing.T) (leases, others *lease.Bucket, line *bustest.Line, written *nats.Subscription) {
	t.Helper()
	nc := bustest.Start(t)
	line = bustest.NewLine(t, nc.ConnectedUrl())
	leases, _ = open(t, line.Conn)
	others, _ = open(t, nc)
	return leases, others, line, bustest.Listen(t, nc, "$KV."+storelog.BucketLeases+".>")
}

// lose does something while its first answer is lost and its second try is under way.
func lose(t *testing.T, line *bustest.Line, written *nats.Subscription, what func() error) error {
	t.Helper()
	line.Hold()
	done := make(chan error, 1)
	go func() { done <- what() }()
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := written.NextMsgWithContext(ctx); err != nil {
			t.Fatal(err)
		}
	}
	line.Release()
	return <-done
}

// Otherwise nobody would hold the store for as long as the lease lives.
func TestALeaseIsTakenThoughTheAnswerWasLost(t *testing.T) {
	leases, others, line, written := deaf(t)
	var l *lease.Lease
	if err := lose(t, line, written, func() (err error) { l, err = leases.Take(t.Context(), "store", "deaf"); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := others.Take(t.Context(), "store", "another"); !errors.Is(err, lease.ErrHeld) {
		t.Fatalf("another got %v", err)
	}
	if err := errors.Join(l.Renew(t.Context()), l.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	take(t, others, "another")
}

// Otherwise a worker would stop in the middle of its work, and nobody could go on until the lease has run out.
func TestALeaseIsNotLostWithAnAnswer(t *testing.T) {
	leases, others, line, written := deaf(t)
	l := take(t, leases, "deaf")
	if _, err := written.NextMsg(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := lose(t, line, written, func() error { return l.Renew(t.Context()) }); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, others, "another")
}

func TestTheBrokerEndsATermThatNobodyRenews(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		live(t, b, time.Second)
		b.AwaitStepDown(t)
		leases, _ := open(t, b.Conns[0])
		take(t, leases, "dead")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for {
			bounded, cancel := context.WithTimeout(ctx, time.Second)
			_, err := leases.Take(bounded, "store", "heir")
			cancel()
			if err == nil {
				return
			}
			if !errors.Is(err, lease.ErrHeld) && !storelog.Unanswered(err) || ctx.Err() != nil {
				t.Fatal(err)
			}
		}
	})
}

// Who works for longer than a lease lives goes on holding it, is told when it is lost, and leaves nothing behind.
func TestHoldKeepsATermUntilItIsReleasedOrLost(t *testing.T) {
	nc := bustest.Start(t)
	// Renewed every four seconds and trusted for ten: a stall between the two ends no term.
	live(t, bustest.Brokers{Conns: []*nats.Conn{nc}}, 12*time.Second)
	leases, kv := open(t, nc)
	written := bustest.Listen(t, nc, "$KV."+storelog.BucketLeases+".>")
	released := take(t, leases, "first")
	held, release := released.Hold(t.Context())
	for range 2 { // the term's beginning, and its first renewal
		if _, err := written.NextMsg(time.Minute); err != nil {
			t.Fatalf("nobody renews: %v", err)
		}
	}
	release()
	if held.Err() == nil {
		t.Fatal("what was done under the term goes on after it")
	}
	lost := take(t, leases, "second")
	held, release = lost.Hold(t.Context())
	defer release()
	expire(t, kv)
	<-held.Done()
	if err := context.Cause(held); !errors.Is(err, lease.ErrLost) {
		t.Fatalf("it ended with %v", err)
	}
	take(t, leases, "third")
}

// Whoever trusted a lease for longer than the broker keeps it would share it with the next one.
func TestALeaseIsTrustedNoLongerThanTheBrokerKeepsIt(t *testing.T) {
	for kept, c := range map[time.Duration]struct {
		atMost time.Duration
		clock  clock.Divisor
	}{
		storelog.LeaseTTL / 4: {storelog.LeaseTTL / 4, 4}, storelog.LeaseTTL / 7: {storelog.LeaseTTL / 7, 7},
		storelog.LeaseTTL: {storelog.LeaseTTL, 1}, 2 * storelog.LeaseTTL: {storelog.LeaseTTL, 1}, 0: {storelog.LeaseTTL, 1},
	} {
		nc := bustest.Start(t)
		live(t, bustest.Brokers{Conns: []*nats.Conn{nc}}, kept)
		leases, _ := open(t, nc)
		before := time.Now()
		l := take(t, leases, "a")
		if trusted := l.Remaining() + time.Since(before); trusted > c.atMost*5/6+time.Since(before) || trusted < c.atMost/2 {
			t.Errorf("kept for %s it is trusted for %s", kept, trusted)
		}
		if leases.Clock() != c.clock {
			t.Errorf("where leases are kept for %s the clock is divided by %d, not %d", kept, leases.Clock(), c.clock)
		}
	}
}
