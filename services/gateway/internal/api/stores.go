package api

import (
	"context"
	"net/http"
	"slices"

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

// storeOutput is one store, with where it is and what a change of it may be held to: nothing, of one as it was.
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
	StoreFilters
	Order  query.Order `query:"order" default:"newest" doc:"In what order. By name is without case and accents"`
	Cursor string      `query:"cursor" maxLength:"1000" doc:"next of the page before, asked for with the same filters and order"`
	Limit  int         `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most on a page"`
	At     string      `query:"at" maxLength:"40" doc:"As they were behind the message of the log with this sequence, or at this time (RFC 3339) by the broker's clock; the newest first" example:"51"`
}

// StoreFilters says which stores are listed, or counted.
type StoreFilters struct {
	Status  []store.Status `query:"status,explode" maxItems:"8" doc:"Only stores in this status; may be repeated"`
	Engine  string         `query:"engine" maxLength:"63" doc:"Only stores of this engine"`
	Plan    string         `query:"plan" maxLength:"63" doc:"Only stores of this plan"`
	Tenant  string         `query:"tenant" maxLength:"100" doc:"Only stores of this tenant; for operators, who see all tenants'"`
	Name    string         `query:"name" maxLength:"100" doc:"Only stores of this name, however its case and accents are written"`
	Search  string         `query:"q" maxLength:"100" doc:"Part of a name or an id"`
	Deleted bool           `query:"deleted" doc:"Deleted stores too"`
	Seen    uint64         `query:"seen" maximum:"9007199254740991" doc:"A version the caller has seen: the answer waits, bounded, until it is contained"`
}

// StoreList is one page.
type StoreList struct {
	Stores []query.Store `json:"stores" doc:"In the order asked for"`
	Next   string        `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Feed   string        `json:"feed" doc:"Give this to /feed as since: it continues where this page was read"`
	At     *query.At     `json:"at,omitempty" doc:"When all this was so, of a list that was asked for as it was. Absent of one as it is"`
}

type listOutput struct{ Body StoreList }

// StoreCounts is how many stores there are.
type StoreCounts struct {
	Total    int64                  `json:"total" doc:"All together"`
	ByStatus map[store.Status]int64 `json:"byStatus" doc:"By their status; one that no store is in isn't named"`
}

type countsOutput struct{ Body StoreCounts }

func (a *API) stores(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "list-stores", Method: http.MethodGet, Path: "/stores", Tags: []string{"Stores"}, Summary: "Own stores",
		Description: "With the admin key, everybody's. Deleted ones only when asked for. A page ends behind a store, and a cursor is that store's place in the order: pages " +
			"hold each store once, whatever is made or deleted meanwhile. By name, a store that is renamed meanwhile may be met twice, or not at all. With `at`, as they were then: those " +
			"that are the asker's now, with all their past, by what was true of them then, `tenant` too. A page of these may be shorter than `limit`, or empty, and yet have a `next`; 422 of what is yet to come.",
	}, a.list, ofLists)
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "count-stores", Method: http.MethodGet, Path: "/stores/counts", Tags: []string{"Stores"}, Summary: "How many stores, by status",
		Description: "Those that GET /stores lists with the same filters.",
	}, a.counts, ofCounts)
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "get-store", Method: http.MethodGet, Path: "/stores/{id}", Tags: []string{"Stores"}, Summary: "One store",
		Description: "Read from the log, so it is exact, also after its deletion. With `at`, as it was then: its whole past is its present owner's, as its history is. " +
			"Such an answer says so by its own `at`, and has no ETag. 404 before there was anything to say of it, and 422 of what is yet to come.",
	}, a.get, ofStore)
}

func (a *API) get(ctx context.Context, in *getInput) (*storeOutput, error) {
	id := idInput{ID: in.ID}
	if in.At != "" {
		return a.past(ctx, id, in.At)
	}
	state, err := a.read(ctx, id, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	out := a.show(ctx, state)
	a.place(ctx, &out.Body)
	return out, nil
}

// listed is what the filters ask for. Whose stores is narrowed by them, and never widened.
func (a *API) listed(ctx context.Context, in *StoreFilters) query.StoresRequest {
	who := principal.In(ctx)
	r := query.StoresRequest{
		Scope: rights.Scope(who, rights.ReadStores), Engine: in.Engine, Plan: in.Plan, Name: in.Name, Search: in.Search,
		Deleted: in.Deleted || slices.Contains(in.Status, store.Deleted), Seen: max(in.Seen, a.admission.Seen(who.Tenant())),
	}
	if in.Tenant != "" {
		r.Scope = r.Scope.Within(in.Tenant)
	}
	// One alone is what a release before can be asked for, too.
	if len(in.Status) == 1 {
		r.Status = in.Status[0]
	} else {
		r.Statuses = in.Status
	}
	return r
}

func (a *API) counts(ctx context.Context, in *StoreFilters) (*countsOutput, error) {
	reply, err := reader.Ask(ctx, a.reader, query.Counts, a.listed(ctx, in))
	if err != nil {
		return nil, err
	}
	counts := StoreCounts{ByStatus: map[store.Status]int64{}}
	for status, stores := range reply.ByStatus {
		counts.ByStatus[status] = stores
		counts.Total += stores
	}
	return &countsOutput{Body: counts}, nil
}

func (a *API) list(ctx context.Context, in *listInput) (*listOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	request := a.listed(ctx, &in.StoreFilters)
	request.After, request.Limit = in.Cursor, in.Limit
	if in.Order != query.Newest {
		request.Order = in.Order
	}
	if in.At != "" {
		// Whose they were then narrows it, like all else that was true then.
		request.Scope = rights.Scope(principal.In(ctx), rights.ReadStores)
		return a.pastList(ctx, parts.Log, in.At, query.PastRequest{Tenant: in.Tenant, Wanted: request})
	}
	reply, err := reader.Ask(ctx, a.reader, request.Question(), request)
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
	if s.LastOperation.Steps == nil {
		s.LastOperation.Steps = []string{}
	}
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
