package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// storeOutput is one store, with where it is and which command it obeys.
type storeOutput struct {
	Location string `header:"Location" doc:"Where the store is read"`
	ETag     string `header:"ETag" doc:"The version of the last change to what can be set of the store: name, plan, options, ttl, tenant. Send it as If-Match"`
	Body     query.Store
}

// idInput is taken as any text: what is no id is no store either, and answers the same 404.
type idInput struct {
	ID string `path:"id" doc:"The store's id" example:"sabcdefghijk"`
}

func (in idInput) parse() (store.ID, error) {
	id, err := store.ParseID(in.ID)
	if err != nil {
		return "", store.ErrNotFound
	}
	return id, nil
}

// Sequences, here and elsewhere, may be as large as numbers of JSON are exact: no log gets there, and Postgres holds it.
type listInput struct {
	Status  store.Status `query:"status" doc:"Only stores in this status"`
	Engine  string       `query:"engine" maxLength:"63" doc:"Only stores of this engine"`
	Search  string       `query:"q" maxLength:"100" doc:"Part of a name or an id"`
	Deleted bool         `query:"deleted" doc:"Deleted stores too"`
	Cursor  string       `query:"cursor" maxLength:"200" doc:"next of the page before"`
	Limit   int          `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most on a page"`
	Seen    uint64       `query:"seen" maximum:"9007199254740991" doc:"A version the caller has seen: the answer waits, bounded, until it is contained"`
}

// StoreList is one page.
type StoreList struct {
	Stores []query.Store `json:"stores" doc:"Newest first"`
	Next   string        `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Feed   string        `json:"feed" doc:"Give this to /feed as since: it continues where this page was read"`
}

type listOutput struct{ Body StoreList }

func (a *API) stores(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "list-stores", Method: http.MethodGet, Path: "/stores", Tags: []string{"Stores"}, Summary: "Own stores",
		Description: "With the admin key, everybody's. Deleted ones only when asked for.",
	}, a.list, ofLists)
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "get-store", Method: http.MethodGet, Path: "/stores/{id}", Tags: []string{"Stores"}, Summary: "One store",
		Description: "Read from the log, so it is exact, also after its deletion.",
	}, func(ctx context.Context, in *idInput) (*storeOutput, error) {
		state, err := a.read(ctx, *in, rights.ReadStores)
		if err != nil {
			return nil, err
		}
		out := a.show(ctx, state)
		a.place(ctx, &out.Body)
		return out, nil
	}, ofStore)
}

func (a *API) list(ctx context.Context, in *listInput) (*listOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	who := principal.In(ctx)
	reply, err := reader.Ask(ctx, a.reader, query.Stores, query.StoresRequest{
		Scope: rights.Scope(who, rights.ReadStores), Status: in.Status, Engine: in.Engine, Search: in.Search,
		Deleted: in.Deleted || in.Status == store.Deleted, After: in.Cursor, Limit: in.Limit,
		Seen: max(in.Seen, a.admission.Seen(who.Tenant())),
	})
	if err != nil {
		return nil, err
	}
	page := StoreList{
		Stores: make([]query.Store, len(reply.Stores)), Next: reply.Next,
		Feed: feed.Cursor{Epoch: parts.Log.Epoch(), Seq: reply.Checkpoint}.String(),
	}
	for i, s := range reply.Stores {
		page.Stores[i] = current(whole(s), parts)
	}
	a.place(ctx, pointers(page.Stores)...)
	return &listOutput{Body: page}, nil
}

// read finds a store that the client may do something to.
func (a *API) read(ctx context.Context, in idInput, do rights.Action) (store.State, error) {
	id, err := in.parse()
	if err != nil {
		return store.State{}, err
	}
	state, err := a.admission.Read(ctx, principal.In(ctx), id, do)
	if err != nil {
		return store.State{}, err
	}
	observe.Store(ctx, state.ID, state.Generation)
	return state, nil
}

// show is a store's answer, whatever asked for it.
func (a *API) show(ctx context.Context, state store.State) *storeOutput {
	observe.Store(ctx, state.ID, state.Generation)
	view := query.View(state)
	if parts, ok := a.bus.Known(); ok {
		view = current(view, parts)
	}
	return &storeOutput{
		Location: "/stores/" + string(state.ID),
		ETag:     admission.ETag(state),
		Body:     view,
	}
}

// whole fills in what an events service of the release before doesn't say of a store's newest operation: what there was to say of one
// stood beside it. Of one that has ended it tells neither the verb, but for a deletion, nor of a Degraded store the outcome; a retry was
// a create's.
func whole(s query.Store) query.Store {
	if s.LastOperation.Generation != 0 || s.Operation == "" && s.Status == store.Degraded {
		return s
	}
	s.LastOperation = query.Operation{
		Verb: s.Operation, Generation: s.Generation, Root: s.Generation, Attempt: s.Attempt, Steps: s.Steps, Progress: s.Progress, NotBefore: s.NotBefore,
	}
	switch {
	case s.Operation == store.Retry:
		s.LastOperation.Of = store.Create
	case s.Status == store.Deleted:
		s.LastOperation.Verb, s.LastOperation.Outcome = store.Delete, store.Succeeded
	case s.Operation == "" && s.Status == store.Ready:
		s.LastOperation.Outcome = store.Succeeded
	case s.Status == store.Failed:
		s.LastOperation.Outcome = store.Unsuccessful
	}
	if s.Operation != "" {
		s.LastOperation.Cause = s.Cause
	}
	return s
}

// current replaces what the platform said when a store was asked for by what it says now. The log holds the former: to
// write every step of a cluster's building to every waiting store would be noise.
func current(s query.Store, parts *bus.Parts) query.Store {
	cluster := parts.Platform.Cluster()
	for _, why := range []*query.Cause{&s.Cause, &s.LastOperation.Cause} {
		switch {
		case why.Reason != admission.ReasonClusterNotReady:
		case cluster.Ready:
			*why = query.Cause{}
		default:
			why.Message = admission.WaitingMessage(cluster)
		}
	}
	return s
}
