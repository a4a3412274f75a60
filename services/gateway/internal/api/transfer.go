package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/known"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// TransferStore says whose a store is to be.
type TransferStore struct {
	Tenant string `json:"tenant" maxLength:"64" doc:"Whose the store is to be: the name of a tenant, as its stores say it" example:"t-4kq7wmzc3e"`
}

// TransferStores says which tenant's stores are to be another's. The names stand in the body, since one may be an address that no
// path can hold.
type TransferStores struct {
	From   string `json:"from" maxLength:"64" doc:"Whose they are" example:"ip:aaaaaaaaaaaaaaaaaaaaaaaa"`
	Tenant string `json:"tenant" maxLength:"64" doc:"Whose they are to be" example:"t-4kq7wmzc3e"`
	Cursor string `json:"cursor,omitempty" maxLength:"200" doc:"next of the answer before"`
}

// StoresTransferred is what became of a page of them.
type StoresTransferred struct {
	Transferred []store.ID `json:"transferred" doc:"These are the tenant's now"`
	Refused     []Kept     `json:"refused" doc:"These aren't, each for a reason of its own"`
	Next        string     `json:"next,omitempty" doc:"Send it as cursor for the next ones; absent where there are no more"`
}

// Kept is a store that stays whose it was.
type Kept struct {
	Store     store.ID     `json:"store" doc:"The store's id"`
	Code      problem.Code `json:"code" doc:"As a problem's" example:"conflict_in_flight"`
	Detail    string       `json:"detail" doc:"As a problem's"`
	Retryable bool         `json:"retryable" doc:"Whether the same may succeed later"`
}

const aboutTransfer = "For operators. The store goes to the tenant with its whole history, and is true at once: what is being done about it goes on, " +
	"and its shop is as it was. Who had it finds it no longer, and its feed says so (`left`). It takes a place in the new tenant's quota (403 " +
	"`quota_exceeded`). A store that is being deleted, or is gone, isn't transferred. Repeating it changes nothing."

const aboutTransfers = "For operators: a page of a tenant's stores, newest first, each as by POST /stores/{id}/transfer. In open mode a tenant is an " +
	"address; so its stores come to whoever has an account now. What is refused of one store keeps no other. It can be repeated, from the " +
	"beginning or behind `next`: what has gone isn't among the tenant's any more."

func (a *API) transfers(routes router) {
	operators := func(op huma.Operation) huma.Operation {
		op.Tags, op.Method, op.MaxBodyBytes = []string{"Operators"}, http.MethodPost, MaxBody
		return op
	}
	one := operators(huma.Operation{
		OperationID: "transfer-store", Path: "/stores/{id}/transfer", Summary: "Give a store to another tenant", Description: aboutTransfer,
	})
	handle(routes, rights.TransferStore, one, a.transfer, ofCommand, refusals{problem.QuotaExceeded, problem.AuditFull})
	handle(routes, rights.TransferStore, operators(huma.Operation{
		OperationID: "transfer-stores", Path: "/stores/transfer", Summary: "Give a tenant's stores to another", Description: aboutTransfers,
	}), a.transferAll, ofLists, ofWriting, refusals{problem.Upgrading, problem.AuditFull, problem.TooManyCommands})
}

type transferInput struct {
	ID   string `path:"id" doc:"The store's id" example:"sabcdefghijk"`
	Body TransferStore
}

func (a *API) transfer(ctx context.Context, in *transferInput) (*storeOutput, error) {
	id, err := idInput{ID: in.ID}.parse()
	if err != nil {
		return nil, err
	}
	observe.Store(ctx, id, 0)
	state, err := a.admission.Transfer(ctx, principal.In(ctx), id, in.Body.Tenant)
	if err != nil {
		return nil, err
	}
	return a.show(ctx, state), nil
}

type transfersInput struct{ Body TransferStores }

type transfersOutput struct{ Body StoresTransferred }

func (a *API) transferAll(ctx context.Context, in *transfersInput) (*transfersOutput, error) {
	all, err := a.admission.TransferAll(ctx, principal.In(ctx), in.Body.From, in.Body.Tenant, in.Body.Cursor)
	if err != nil {
		return nil, err
	}
	out := &transfersOutput{Body: StoresTransferred{Transferred: all.Transferred, Refused: make([]Kept, len(all.Refused)), Next: all.Next}}
	if out.Body.Transferred == nil {
		out.Body.Transferred = []store.ID{}
	}
	for i, k := range all.Refused {
		out.Body.Refused[i] = keptFor(k)
	}
	return out, nil
}

func keptFor(k admission.Kept) Kept {
	p := known.Problem(k.Why)
	return Kept{Store: k.Store, Code: p.Code, Detail: p.Detail, Retryable: p.Retryable}
}
