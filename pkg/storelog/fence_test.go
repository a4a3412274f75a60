package storelog_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	writers = 64
)

// winners counts, for each expectation, how many writers the broker believed.
type winners struct {
	mu   sync.Mutex
	seen map[uint64]int
	// mark is sent to each time that another so many appends were accepted.
	mark  chan struct{}
	every int
}

func (w *winners) note(expected uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[expected]++
	if w.every > 0 && len(w.seen)%w.every == 0 {
		select {
		case w.mark <- struct{}{}:
		default:
		}
	}
}

func (w *winners) total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// contend lets 64 writers append to one store until rounds appends were accepted.
func contend(t *testing.T, logs []*storelog.Log, won *winners, rounds int) {
	t.Helper()
	create(t, logs[0])
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { contender(ctx, t, logs[i%len(logs)], won, rounds) })
	}
	group.Wait()
	if ctx.Err() != nil {
		t.Fatalf("%d of %d appends in two minutes", won.total(), rounds)
	}
}

func contender(ctx context.Context, t *testing.T, log *storelog.Log, won *winners, rounds int) {
	for won.total() < rounds && ctx.Err() == nil {
		before, err := tryAppend(ctx, log)
		switch {
		case err == nil:
			won.note(before.Version)
		case errors.Is(err, storelog.ErrConflict), isUnavailable(err):
		default:
			t.Errorf("append: %v", err)
			return
		}
	}
}

// tryAppend is impatient: an answer that a resigned leader owes never comes.
func tryAppend(ctx context.Context, log *storelog.Log) (store.State, error) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	before, err := log.Last(ctx, id)
	if err != nil {
		return before, err
	}
	_, err = log.Append(ctx, before, message(store.CredentialsViewed, before.Generation))
	return before, err
}

// isUnavailable: there is no leader at the moment.
func isUnavailable(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.As(err, &api) && api.Code == 503
}

// check walks the log: every message was written by somebody who saw the one before it, and nobody won twice.
func check(t *testing.T, log *storelog.Log, won *winners) {
	t.Helper()
	for expected, n := range won.seen {
		if n > 1 {
			t.Errorf("expectation %d won %d times", expected, n)
		}
	}
	last, err := log.Last(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	err = log.Tail(t.Context(), 0, func(raw storelog.Raw) error {
		seqs = append(seqs, raw.Seq)
		if raw.Seq >= last.Version {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("message %d of the log has sequence %d", i+1, seq)
		}
	}
	if fold := foldOf(t, log, id); fold.Version != last.Version || fold.Status != last.Status {
		t.Fatalf("the fold is %+v, the last message says %+v", fold, last)
	}
}

func TestFenceOnOneBroker(t *testing.T) {
	log := setup(t)
	won := &winners{seen: map[uint64]int{}}
	contend(t, []*storelog.Log{log}, won, 300)
	check(t, log, won)
}

func TestFenceOnThreeBrokersWithStepDowns(t *testing.T) {
	_, conns := bustest.StartCluster(t)
	var logs []*storelog.Log
	for _, nc := range conns {
		logs = append(logs, open(t, nc))
	}
	const rounds, between = 150, 25
	won := &winners{seen: map[uint64]int{}, mark: make(chan struct{}, rounds), every: between}
	var stepping sync.WaitGroup
	steps := 0
	stepping.Go(func() { steps = stepDown(t.Context(), conns[0], won.mark) })
	contend(t, logs, won, rounds)
	close(won.mark)
	stepping.Wait()
	if steps < 3 {
		t.Fatalf("the leader stepped down %d times while the writers wrote", steps)
	}
	check(t, logs[0], won)
}

// stepDown makes the stream's leader resign at every mark and counts how often it did.
func stepDown(ctx context.Context, nc *nats.Conn, marks <-chan struct{}) int {
	steps := 0
	for range marks {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		if _, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+storelog.Stream, nil); err == nil {
			steps++
		}
		cancel()
	}
	return steps
}
