package storelog_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const id = store.ID("sabcdefghijk")

func open(tb testing.TB, nc *nats.Conn) *storelog.Log {
	tb.Helper()
	log, err := storelog.Open(tb.Context(), nc)
	if err != nil {
		tb.Fatal(err)
	}
	return log
}

// each runs a test on one broker and on three; logs are connections to the same log, one to each broker.
func each(t *testing.T, test func(t *testing.T, logs []*storelog.Log)) {
	t.Helper()
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		var logs []*storelog.Log
		for _, nc := range b.Conns {
			logs = append(logs, open(t, nc))
		}
		b.AwaitStepDown(t)
		test(t, logs)
	})
}

// other is a log behind another connection than the first, where there is one.
func other(logs []*storelog.Log) *storelog.Log { return logs[len(logs)-1] }

func message(t store.Type, generation uint64) store.Message {
	m := store.Message{Type: t, Store: id, Tenant: "tenant", Actor: "test", Generation: generation, Time: time.Now()}
	if t == store.CreateCommand {
		m.Facts.Spec = &store.Spec{Name: "Tea", Engine: "sample"}
	}
	return m
}

func create(tb testing.TB, log *storelog.Log) store.State {
	tb.Helper()
	s, err := log.Append(tb.Context(), store.State{}, message(store.CreateCommand, 0))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
