package api

import (
	"context"
	"strconv"
	"time"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
)

// getInput repeats idInput's field: huma doesn't look into an embedded struct that isn't exported.
type getInput struct {
	ID string `path:"id" doc:"The store's id" example:"sabcdefghijk"`
	At string `query:"at" maxLength:"40" doc:"As it was behind the message of the log with this sequence, or at this time (RFC 3339) by the broker's clock" example:"51"`
}

// parsePoint reads what at says.
func parsePoint(at string) (storelog.Point, error) {
	if seq, err := strconv.ParseUint(at, 10, 53); err == nil {
		return storelog.Point{Seq: seq}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return storelog.Point{}, problem.AtField("at", "must be a sequence of the log, as 51, or a time, as 2026-11-03T09:00:00Z")
	}
	return storelog.Point{Time: t}, nil
}

// atOf says of the past which one it is.
func atOf(upto uint64, p storelog.Point) *query.At {
	at := &query.At{Seq: upto}
	if !p.Time.IsZero() {
		t := p.Time.UTC()
		at.Time = &t
	}
	return at
}

// past is a store as it was. Why it waited for the cluster it says in the words of then: those of now are of another day.
func (a *API) past(ctx context.Context, in idInput, text string) (*storeOutput, error) {
	id, err := in.parse()
	if err != nil {
		return nil, err
	}
	at, err := parsePoint(text)
	if err != nil {
		return nil, err
	}
	past, err := a.admission.Past(ctx, principal.In(ctx), id, at)
	if err != nil {
		return nil, err
	}
	observe.Store(ctx, past.Then.ID, past.Then.Generation)
	view := query.View(past.Then)
	view.At = atOf(past.Upto, at)
	return &storeOutput{Location: "/stores/" + string(id), Body: view}, nil
}

// pastList lists stores as they were. The log says which sequence stands for a time, so that the read model means by it what GET of
// one store does. The feed goes on from then.
func (a *API) pastList(ctx context.Context, log *storelog.Log, text string, asked query.PastRequest) (*listOutput, error) {
	at, err := parsePoint(text)
	if err != nil {
		return nil, err
	}
	if asked.Wanted.Order != "" {
		return nil, problem.AtField("order", "must be newest where at says that stores are wanted as they were")
	}
	if asked.Upto, err = log.Upto(ctx, at); err != nil {
		return nil, err
	}
	reply, err := reader.Ask(ctx, a.reader, query.Past, asked)
	if err != nil {
		return nil, err
	}
	if reply.Stores == nil {
		reply.Stores = []query.Store{}
	}
	return &listOutput{Body: StoreList{
		Stores: reply.Stores, Next: reply.Next, Feed: feed.Cursor{Epoch: log.Epoch(), Seq: asked.Upto}.String(), At: atOf(asked.Upto, at),
	}}, nil
}
