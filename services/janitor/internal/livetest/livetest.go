// Package livetest answers a test's sweeps in place of the events service, which this module doesn't link: out of the log
// itself, on the same question. That the real one says the same of any log is its own test.
package livetest

import (
	"context"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Start answers until the test ends.
func Start(tb testing.TB, nc *nats.Conn) {
	tb.Helper()
	answering, err := question.Service{
		Name: query.Remembering, Group: string(query.Remembering),
		Refuse: func(err error) *question.Refusal {
			return &question.Refusal{Code: question.Unavailable, Message: err.Error()}
		},
	}.Start(nc, question.Answer(query.Live, func(ctx context.Context, r query.LiveRequest) (query.LiveReply, error) {
		return Living(ctx, nc, r)
	}))
	if err != nil {
		tb.Fatalf("answer what lives: %v", err)
	}
	tb.Cleanup(func() { _ = answering.Stop() })
}

// Living is the answer, in one page.
func Living(ctx context.Context, nc *nats.Conn, r query.LiveRequest) (query.LiveReply, error) {
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return query.LiveReply{}, err
	}
	reply := query.LiveReply{Epoch: log.Epoch(), Stores: []store.ID{}}
	if reply.Checkpoint, err = log.Head(ctx); err != nil {
		return reply, err
	}
	ids, err := everywhere(ctx, log)
	if err != nil {
		return reply, err
	}
	for _, id := range ids {
		s, err := log.Last(ctx, id)
		// What can't be read is set aside, and so among those that live.
		if err == nil && (s.Finished() || r.Cluster != query.AnyCluster && s.ClusterName() != r.Cluster) {
			continue
		}
		reply.Stores = append(reply.Stores, id)
	}
	return reply, nil
}

func everywhere(ctx context.Context, log *storelog.Log) ([]store.ID, error) {
	ids, _, err := log.Stores(ctx, store.DefaultCluster)
	if err != nil {
		return nil, err
	}
	others, err := log.OtherStores(ctx)
	return slices.Concat(ids, others), err
}
