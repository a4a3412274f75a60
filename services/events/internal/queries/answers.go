package queries

import (
	"context"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// events answers a query.EventsRequest.
func (s *Service) events(ctx context.Context, r query.EventsRequest) (pages question.Pages[query.EventsReply], err error) {
	var reply query.EventsReply
	if err := checkPage(r.Limit, r.After); err != nil {
		return pages, err
	}
	id, err := store.ParseID(string(r.Store))
	if err != nil {
		return pages, badRequest(err.Error())
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
		return pages, err
	}
	events := make([]query.Event, len(entries))
	for i, e := range entries {
		events[i] = query.EventOf(e.Message, e.State)
	}
	return question.Pages[query.EventsReply]{Items: len(events), Upto: func(count int) query.EventsReply {
		if r.Newest {
			reply.Events = events[len(events)-count:]
			return reply
		}
		reply.Events, reply.Next = page(events, count, more, func(last int) uint64 { return events[last].Seq })
		return reply
	}}, nil
}

// deadLetters answers a query.DeadLettersRequest.
func (s *Service) deadLetters(ctx context.Context, r query.DeadLettersRequest) (pages question.Pages[query.DeadLettersReply], err error) {
	var reply query.DeadLettersReply
	if err := checkPage(r.Limit, r.After); err != nil {
		return pages, err
	}
	if strings.ContainsRune(r.Scope.Tenant()+string(r.Kind), 0) {
		return pages, badRequest("the request holds text that is none")
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
		return pages, err
	}
	return question.Pages[query.DeadLettersReply]{Items: len(found), Upto: func(count int) query.DeadLettersReply {
		reply.DeadLetters, reply.Next = page(found, count, more, func(last int) uint64 { return found[last].Seq })
		return reply
	}}, nil
}

// live answers a query.LiveRequest.
func (s *Service) live(ctx context.Context, r query.LiveRequest) (pages question.Pages[query.LiveReply], err error) {
	var reply query.LiveReply
	if strings.ContainsRune(r.Scope.Tenant()+r.Cluster+string(r.After), 0) {
		return pages, badRequest("the request holds text that is none")
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
		return pages, err
	}
	return question.Pages[query.LiveReply]{Items: len(found), Upto: func(count int) query.LiveReply {
		reply.Stores, reply.Next = page(found, count, more, func(last int) store.ID { return found[last] })
		return reply
	}}, nil
}
