package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// CreateStore is what a create may say. Everything has a default.
type CreateStore struct {
	Name    string         `json:"name,omitempty" maxLength:"60" doc:"Made up when missing. Text in one line: control characters and whatever turns the text around it are refused, blanks at its ends are taken off" example:"Amber Harbour"`
	Engine  string         `json:"engine,omitempty" maxLength:"63" doc:"The catalog's default when missing"`
	Plan    string         `json:"plan,omitempty" maxLength:"63" doc:"The engine's default when missing"`
	Options map[string]any `json:"options,omitempty" doc:"As the engine's options say; texts are taken as names are"`
	TTL     string         `json:"ttl,omitempty" maxLength:"32" doc:"How long the store lives before it is deleted by itself: hours, minutes and seconds, 1m to 8760h; for ever when missing" example:"72h"`
}

type createInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"Makes the create exactly-once: the same key and body answer the same store"`
	Body CreateStore
}

const aboutCreate = "Answers at once; the store is made in the background and is Ready when it has answered a request " +
	"itself. With an Idempotency-Key the same request finds the store it made before, however often and through whichever " +
	"gateway it is sent, and **also after that store was deleted** (its status then says Deleted): use a new key for a new " +
	"store. The same key with another body is 422 `idempotency_key_reused`. Keys are per client."

const aboutDelete = "Interrupts whatever is running and can't be undone. Repeating it changes nothing and answers how the " +
	"running deletion stands; of a store that is gone it answers the store as it is, Deleted. It costs no command: who has been sent " +
	"away with 429 can delete what there is."

func (a *API) commands(routes router) {
	accepted := func(op huma.Operation) huma.Operation {
		op.Tags, op.DefaultStatus = []string{"Stores"}, http.StatusAccepted
		return op
	}
	handleCommand(a, routes, rights.CreateStore, accepted(huma.Operation{
		OperationID: "create-store", Method: http.MethodPost, Path: "/stores", Summary: "Create a store", Description: aboutCreate,
		MaxBodyBytes: MaxBody,
	}), func(ctx context.Context, in *createInput) (store.State, int, error) {
		state, err := a.admission.Create(ctx, principal.In(ctx), in.Key, admission.Wish{
			Name: in.Body.Name, Engine: in.Body.Engine, Plan: in.Body.Plan, Options: in.Body.Options, TTL: in.Body.TTL,
		})
		return state, http.StatusAccepted, err
	}, ofStore, ofWriting, refusals{problem.IdempotencyKeyReused, problem.CatalogEmpty, problem.QuotaExceeded, problem.TooManyCommands})
	handleCommand(a, routes, rights.CommandStores, accepted(huma.Operation{
		OperationID: "delete-store", Method: http.MethodDelete, Path: "/stores/{id}", Summary: "Delete a store", Description: aboutDelete,
	}), commanded(a.admission.Delete), ofStore, ofWriting)
	handleCommand(a, routes, rights.CommandStores, accepted(huma.Operation{
		OperationID: "retry-store", Method: http.MethodPost, Path: "/stores/{id}/retry", Summary: "Try a failed store again, or mend a degraded one",
		Description: "From the first step that isn't done. A failed deletion is retried as a deletion. A Degraded store is mended: " +
			"what was changed or removed in the cluster is restored, while it keeps its address.",
	}), commanded(a.admission.Retry), ofCommand, refusals{problem.NothingToRetry})
}

// commanded answers a command without a body.
func commanded(do command) func(context.Context, *idInput) (store.State, int, error) {
	return func(ctx context.Context, in *idInput) (store.State, int, error) {
		id, err := in.parse()
		if err != nil {
			return store.State{}, 0, err
		}
		observe.Store(ctx, id, 0)
		state, err := do(ctx, principal.In(ctx), id)
		return state, http.StatusAccepted, err
	}
}
