package storelog_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const writers = 64

// winners counts, for each expectation, how many writers the broker believed.
type winners struct {
	mu   sync.Mutex
	seen map[uint64]int
}

func (w *winners) note(expected uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[expected]++
}

func (w *winners) total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// contend lets 64 writers append to one store until that was enough: every other one as if the store were in a cluster
// that isn't the default one, under subjects of the other form.
func contend(t *testing.T, logs []*storelog.Log, won *winners, enough func() bool) {
	t.Helper()
	create(t, logs[0])
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { contender(ctx, t, logs[i%len(logs)], forms[i%len(forms)], won, enough) })
	}
	group.Wait()
	if ctx.Err() != nil {
		t.Fatalf("%d appends in ten minutes", won.total())
	}
}

// forms are the clusters under whose subjects is written.
var forms = []string{"", "eu"}

func contender(ctx context.Context, t *testing.T, log *storelog.Log, cluster string, won *winners, enough func() bool) {
	for !enough() && ctx.Err() == nil {
		before, err := log.Last(ctx, id)
		if err == nil {
			before.Cluster = cluster
			_, err = log.Append(ctx, before, message(store.CredentialsViewed, before.Generation))
		}
		switch {
		case err == nil:
			won.note(before.Version)
		case errors.Is(err, storelog.ErrConflict), ctx.Err() != nil:
		case storelog.Unanswered(err):
			// On a machine with much beside it brokers may be without a leader for longer than an append waits.
		default:
			t.Errorf("append: %v", err)
			return
		}
	}
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
	written := map[string]int{}
	err = log.Tail(t.Context(), 0, func(raw storelog.Raw) error {
		seqs = append(seqs, raw.Seq)
		cluster, err := storelog.ClusterOf(raw.Subject)
		if err != nil {
			return err
		}
		written[cluster]++
		if raw.Seq >= last.Version {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	if written[store.DefaultCluster] < 2 || written["eu"] < 2 {
		t.Errorf("not both forms were contended for: %v", written)
	}
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("message %d of the log has sequence %d", i+1, seq)
		}
	}
	if fold := foldOf(t, log)[id]; fold.Version != last.Version || fold.Status != last.Status {
		t.Fatalf("the fold is %+v, the last message says %+v", fold, last)
	}
}

func TestNoExpectationWinsTwice(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		var logs []*storelog.Log
		for _, nc := range b.Conns {
			logs = append(logs, open(t, nc))
		}
		won := &winners{seen: map[uint64]int{}}
		contend(t, logs, won, func() bool { return won.total() >= 300 && b.Resigned(24) })
		check(t, logs[0], won)
	})
}
