package queries

import (
	"context"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// events answers a query.EventsRequest.
func (s *Service) events(ctx context.Context, r query.EventsRequest) (reply query.EventsReply, err error) {
	if err := checkPage(r.Limit, r.After); err != nil {
		return reply, err
	}
	id, err := store.ParseID(string(r.Store))
	if err != nil {
		return reply, badRequest(err.Error())
	}
	s.see(ctx, r.Log, r.Seen)
	var entries []storelog.Entry
	more := false
	err = readmodel.At(ctx, s.pool, r.Log, func(m readmodel.Moment) error {
		reply.Checkpoint = m.Seq
		owner, err := readmodel.Owner(ctx, m, id)
		if err != nil || !r.Scope.Sees(owner) {
			return err
		}
		// A store's whole history is its owner's, also what was written behind a message that nobody could read.
		entries, more, err = readmodel.History(ctx, m, readmodel.Span{
			Scope: query.All(), Store: id, After: r.After, Newest: r.Newest, Limit: r.Limit,
		})
		return err
	})
	if err != nil {
		return reply, err
	}
	events := make([]query.Event, len(entries))
	for i, e := range entries {
		events[i] = query.EventOf(e.Message, e.State)
	}
	if r.Newest {
		reply.Events, err = newest(s, events)
		return reply, err
	}
	reply.Events, reply.Next, err = page(s, events, more, func(last int) uint64 { return events[last].Seq })
	return reply, err
}

// deadLetters answers a query.DeadLettersRequest.
func (s *Service) deadLetters(ctx context.Context, r query.DeadLettersRequest) (reply query.DeadLettersReply, err error) {
	if err := checkPage(r.Limit, r.After); err != nil {
		return reply, err
	}
	if strings.ContainsRune(r.Scope.Tenant()+string(r.Kind), 0) {
		return reply, badRequest("the request holds text that is none")
	}
	s.see(ctx, r.Log, r.Seen)
	var (
		found []query.DeadLetter
		more  bool
	)
	err = readmodel.At(ctx, s.pool, r.Log, func(m readmodel.Moment) (err error) {
		reply.Checkpoint = m.Seq
		found, more, err = readmodel.DeadLetters{Scope: r.Scope, Kind: r.Kind, After: r.After, Limit: r.Limit}.List(ctx, m)
		return err
	})
	if err != nil {
		return reply, err
	}
	reply.DeadLetters, reply.Next, err = page(s, found, more, func(last int) uint64 { return found[last].Seq })
	return reply, err
}

// live answers a query.LiveRequest.
func (s *Service) live(ctx context.Context, r query.LiveRequest) (reply query.LiveReply, err error) {
	if strings.ContainsRune(r.Scope.Tenant()+r.Cluster+string(r.After), 0) {
		return reply, badRequest("the request holds text that is none")
	}
	if store.IsDefaultCluster(r.Cluster) {
		r.Cluster = ""
	}
	s.see(ctx, "", r.Seen)
	var (
		found []store.ID
		more  bool
	)
	err = readmodel.At(ctx, s.pool, "", func(m readmodel.Moment) (err error) {
		reply.Checkpoint, reply.Epoch = m.Seq, m.Epoch
		found, more, err = readmodel.Live{Scope: r.Scope, Cluster: r.Cluster, After: r.After, Limit: maxIDs}.List(ctx, m)
		return err
	})
	if err != nil {
		return reply, err
	}
	reply.Stores, reply.Next, err = page(s, found, more, func(last int) store.ID { return found[last] })
	return reply, err
}
