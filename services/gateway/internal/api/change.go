package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// ChangeStore is what of a store is to be another. What is left out stays as it is.
type ChangeStore struct {
	Name    *string        `json:"name,omitempty" maxLength:"60" doc:"A new name, as at a create. It changes nothing of the shop"`
	TTL     lifetime       `json:"ttl,omitempty" doc:"How long the store lives from now on; null is for ever"`
	Plan    *string        `json:"plan,omitempty" maxLength:"63" doc:"Another plan of the engine. Volumes grow and never shrink"`
	Options map[string]any `json:"options,omitempty" doc:"Options to change, the others stay; null takes one back to its default. The engine says of each whether it can change"`
}

// lifetime tells what is left out from null.
type lifetime struct {
	given bool
	ttl   string
}

// UnmarshalJSON is called for null, too.
func (l *lifetime) UnmarshalJSON(data []byte) error {
	l.given = true
	if string(data) == "null" {
		return nil
	}
	return json.Unmarshal(data, &l.ttl)
}

// Schema is huma's way to ask a type for its own.
func (lifetime) Schema(huma.Registry) *huma.Schema {
	shortest, longest := 1, 32
	return &huma.Schema{Type: huma.TypeString, Nullable: true, MinLength: &shortest, MaxLength: &longest, Examples: []any{"72h"}}
}

type changeInput struct {
	ID      string `path:"id" doc:"The store's id" example:"sabcdefghijk"`
	IfMatch string `header:"If-Match" maxLength:"1000" doc:"The ETag of the store that was read: 412 with the store as it is when that has changed since"`
	Body    ChangeStore
}

const aboutChange = "A new name and another lifetime are true at once (200). Another plan and other options are an operation (202): the store " +
	"keeps its address meanwhile, and stands as it stood should the operation fail; `retry` tries it again. " +
	"While the store is suspended they are made ready for its resumption. Each of the three costs a command of its own. Where somebody " +
	"comes between them, what stands already is said in the answer's detail, and If-Match is held against what it has made."

func (a *API) changes(routes router) {
	about := huma.Operation{
		OperationID: "change-store", Method: http.MethodPatch, Path: "/stores/{id}", Summary: "Change a store", Description: aboutChange,
		Tags: []string{"Stores"}, MaxBodyBytes: MaxBody,
	}
	handleCommand(a, routes, rights.CommandStores, about, a.change, ofCommand, refusals{problem.WrongStatus, problem.EngineUnknown, problem.Changed})
	for _, op := range []struct {
		verb, summary, about string
		do                   command
		refused              refusals
	}{
		{"suspend", "Suspend a store", "Stops all that it runs and keeps its data. Its address answers 503 with a page that says so. " +
			"It counts for the quota, and its lifetime runs on. Repeating it changes nothing.", a.admission.Suspend,
			slices.Concat(ofCommand, refusals{problem.WrongStatus, problem.CannotSuspend})},
		{"resume", "Start a suspended store again", "Repeating it changes nothing.", a.admission.Resume,
			slices.Concat(ofCommand, refusals{problem.WrongStatus})},
		{"cancel", "Call off what is being done", "The operation ends failed, with the reason `Cancelled`; a store that stood stands as it did, one that was " +
			"being made is Failed. Volumes that an update has made larger by then stay so, beyond the plan. " +
			"409 `too_late_to_cancel` for a deletion, or behind an operation's point of no return. It costs no command, but for a `mend` or a " +
			"`refresh`: the platform asks for those again, and they keep nothing else from being asked for.", a.admission.Cancel,
			slices.Concat(ofStore, ofWriting, refusals{problem.StoreDeleted, problem.NothingToCancel, problem.TooLateToCancel, problem.Upgrading, problem.TooManyCommands})},
	} {
		handleCommand(a, routes, rights.CommandStores, huma.Operation{
			OperationID: op.verb + "-store", Method: http.MethodPost, Path: "/stores/{id}/" + op.verb, Summary: op.summary, Description: op.about,
			Tags: []string{"Stores"}, DefaultStatus: http.StatusAccepted,
		}, commanded(op.do), op.refused)
	}
}

func (a *API) change(ctx context.Context, in *changeInput) (store.State, int, error) {
	id, err := idInput{ID: in.ID}.parse()
	if err != nil {
		return store.State{}, 0, err
	}
	observe.Store(ctx, id, 0)
	change := admission.Change{Name: in.Body.Name, Plan: in.Body.Plan, Options: in.Body.Options, Match: matching(in.IfMatch)}
	if in.Body.TTL.given {
		change.TTL = &in.Body.TTL.ttl
	}
	state, err := a.admission.Change(ctx, principal.In(ctx), id, change)
	if operates := change.Plan != nil || change.Options != nil; operates && state.InFlight() && state.Doing() == store.Update {
		return state, http.StatusAccepted, err
	}
	return state, http.StatusOK, err
}

// matching reads If-Match (RFC 9110, 13.1.1): nil for any store. What is no ETag of ours, or a weak one, is none that a store
// has; and ours have no comma.
func matching(header string) []string {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return nil
	}
	tags := strings.Split(header, ",")
	for i, tag := range tags {
		tags[i] = strings.TrimSpace(tag)
	}
	return tags
}
