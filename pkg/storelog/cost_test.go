package storelog_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// fill appends one create each for stores from..to, by many writers at once.
func fill(t *testing.T, log *storelog.Log, from, to int) {
	t.Helper()
	const parallel = 64
	var group sync.WaitGroup
	for w := range parallel {
		group.Go(func() {
			for i := from + w; i < to; i += parallel {
				m := message(store.CreateCommand, 0)
				m.Store = store.DeriveID("fill", fmt.Sprint(i))
				if _, err := log.Append(t.Context(), store.State{}, m); err != nil {
					t.Errorf("fill the log: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
}

// measurements are so many that one of them at least is answered before the question is put again.
const measurements = 10

// leastCost is the least of some costs. One that grows with the log grows in the least as well.
func leastCost(t *testing.T, nc *nats.Conn, log *storelog.Log, which store.ID) (read, written uint64) {
	t.Helper()
	read, written = cost(t, nc, log, which)
	for range measurements - 1 {
		r, w := cost(t, nc, log, which)
		read, written = min(read, r), min(written, w)
	}
	return read, written
}

// cost reads and appends to one store and counts what the broker delivered for each.
func cost(t *testing.T, nc *nats.Conn, log *storelog.Log, which store.ID) (read, written uint64) {
	t.Helper()
	before := nc.Stats().InMsgs
	state, err := log.Last(t.Context(), which)
	if err != nil {
		t.Fatal(err)
	}
	between := nc.Stats().InMsgs
	m := message(store.CredentialsViewed, state.Generation)
	m.Store = which
	if _, err := log.Append(t.Context(), state, m); err != nil {
		t.Fatal(err)
	}
	return between - before, nc.Stats().InMsgs - between
}

// A message that a question takes more shows in thirty times as many stores as in a thousand times; that nothing else
// grows with the log is for the long run to see.
func TestOneStoreCostsTheSameInALogOfAnySize(t *testing.T) {
	many := 100_000
	if testing.Short() {
		many = 3_000
	}
	for name, c := range map[string]struct {
		start  func(testing.TB) *nats.Conn
		stores int
	}{
		"one broker": {bustest.Start, many},
		// Here nobody resigns: a question that is put twice costs twice.
		"three brokers": {func(tb testing.TB) *nats.Conn { _, conns := bustest.StartCluster(tb); return conns[0] }, 3_000},
	} {
		t.Run(name, func(t *testing.T) {
			loading := c.start(t)
			log := open(t, loading)
			counted, err := nats.Connect(loading.ConnectedUrl(), bustest.Patient)
			if err != nil {
				t.Fatal(err)
			}
			defer counted.Close()
			reader := open(t, counted)
			which := store.DeriveID("fill", "42")
			fill(t, log, 0, 100)
			smallRead, smallWritten := leastCost(t, counted, reader, which)
			fill(t, log, 100, c.stores)
			if head, err := log.Head(t.Context()); err != nil || head != uint64(c.stores)+measurements {
				t.Fatalf("the log holds %d messages, %v", head, err)
			}
			read, written := leastCost(t, counted, reader, which)
			if read != smallRead || written != smallWritten || read != 1 || written != 1 {
				t.Fatalf("a read took %d messages and an append %d; with 100 stores %d and %d", read, written, smallRead, smallWritten)
			}
		})
	}
}
