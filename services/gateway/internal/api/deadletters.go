package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

type deadLettersInput struct {
	Kind  query.DeadLetterKind `query:"kind" doc:"Only letters of this kind"`
	After uint64               `query:"after" maximum:"9007199254740991" doc:"next of the page before"`
	Limit int                  `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most on a page"`
	Seen  uint64               `query:"seen" maximum:"9007199254740991" doc:"A version the caller has seen: the answer waits, bounded, until it is contained"`
}

// DeadLetterList is one page.
type DeadLetterList struct {
	DeadLetters []query.DeadLetter `json:"deadLetters" doc:"Oldest first"`
	Next        uint64             `json:"next,omitempty" doc:"after of the next page; absent on the last"`
}

type deadLettersOutput struct{ Body DeadLetterList }

// letterInput is taken as any text, like idInput: what is no number is no dead letter either.
type letterInput struct {
	N string `path:"n" doc:"seq of the dead letter" example:"42"`
}

// parse returns 0 for what is no number: no message has that.
func (in letterInput) parse() uint64 {
	n, err := strconv.ParseUint(in.N, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// discardInput repeats letterInput's field: huma doesn't look into an embedded struct that isn't exported.
type discardInput struct {
	N    string `path:"n" doc:"seq of the dead letter" example:"42"`
	Body Discard
}

// discardOutput is commandOutput of a request that nobody prefers to wait for.
type discardOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the store is read"`
	ETag     string `header:"ETag" doc:"The version of the last change to what can be set of the store: name, plan, options, ttl, tenant. Send it as If-Match"`
	Body     query.Store
}

// Discard says why.
type Discard struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why nobody need look at it any more, in one line; kept in the store's history"`
}

const aboutDeadLetters = "What waits for a person: stores that failed (`failed`), deletions that have had their attempts and go " +
	"on every five minutes (`stuck`). A client sees its own stores'; an operator everybody's, and messages that the " +
	"read model couldn't take (`set_aside`): with the admin key, or without one set from the gateway's own machine."

const aboutRedrive = "A failed command is sent again with a new command, a stuck deletion begins anew, a message that was set " +
	"aside is read once more. Works also while lists can't be read. 404 `no_dead_letter` when there is none of that number, also " +
	"when it has been dealt with already: repeating this never sends anything twice."

const aboutDiscard = "Takes it off the list and leaves the store as it is: a stuck deletion goes on, a failed store can be retried."

func (a *API) deadLetters(routes router) {
	handle(routes, rights.ReadLetters, huma.Operation{
		OperationID: "list-dead-letters", Method: http.MethodGet, Path: "/dead-letters", Tags: []string{"Dead letters"},
		Summary: "What waits for a person", Description: aboutDeadLetters,
	}, a.listDeadLetters, ofLists)
	answered := func(op huma.Operation) huma.Operation {
		op.Method, op.Tags, op.DefaultStatus = http.MethodPost, []string{"Dead letters"}, http.StatusAccepted
		return op
	}
	redrive := answered(huma.Operation{
		OperationID: "redrive-dead-letter", Path: "/dead-letters/{n}/redrive", Summary: "Send a dead letter again", Description: aboutRedrive,
	})
	handleCommand(a, routes, rights.AnswerLetters, redrive, a.redrive, ofAnswer, refusals{problem.ConflictInFlight, problem.NothingToRetry})
	discard := answered(huma.Operation{
		OperationID: "discard-dead-letter", Path: "/dead-letters/{n}/discard", Summary: "Put a dead letter away", Description: aboutDiscard,
		MaxBodyBytes: MaxBody,
	})
	handle(routes, rights.AnswerLetters, discard, a.discard, ofAnswer)
	for _, op := range operationsOf(routes.OpenAPI()) {
		if op.OperationID == discard.OperationID || op.OperationID == redrive.OperationID {
			op.Responses[strconv.Itoa(http.StatusNoContent)] = &huma.Response{Description: "It was a message of a history that nobody could ever read, behind which there is no store"}
		}
	}
}

func (a *API) redrive(ctx context.Context, in *letterInput) (store.State, int, error) {
	state, err := a.admission.Redrive(ctx, principal.In(ctx), in.parse())
	return state, statusOf(state), err
}

// statusOf tells a store from what there is behind a message of a history that begins unreadably: nothing is known of that one, not even a status.
func statusOf(state store.State) int {
	if state.Status == "" {
		return http.StatusNoContent
	}
	return http.StatusAccepted
}

func (a *API) discard(ctx context.Context, in *discardInput) (*discardOutput, error) {
	letter := letterInput{N: in.N}
	state, err := a.admission.Discard(ctx, principal.In(ctx), letter.parse(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	shown := a.show(ctx, state)
	return &discardOutput{Status: statusOf(state), Location: shown.Location, ETag: shown.ETag, Body: shown.Body}, nil
}

func (a *API) listDeadLetters(ctx context.Context, in *deadLettersInput) (*deadLettersOutput, error) {
	who := principal.In(ctx)
	reply, err := reader.Ask(ctx, a.reader, query.DeadLetters, query.DeadLettersRequest{
		Scope: rights.Scope(who, rights.ReadLetters), Kind: in.Kind, After: in.After, Limit: in.Limit,
		Seen: max(in.Seen, a.admission.Seen(who.Tenant())),
	})
	if err != nil {
		return nil, err
	}
	if reply.DeadLetters == nil {
		reply.DeadLetters = []query.DeadLetter{}
	}
	return &deadLettersOutput{Body: DeadLetterList{DeadLetters: reply.DeadLetters, Next: reply.Next}}, nil
}
