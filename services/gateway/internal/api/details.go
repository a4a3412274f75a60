package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// MaxBody is how large a request's body may be, in bytes.
const MaxBody = 64 << 10

// command is one of admission's verbs.
type command func(context.Context, principal.Principal, store.ID) (store.State, error)

// eventsInput repeats idInput's field: huma doesn't look into an embedded struct that isn't exported.
type eventsInput struct {
	ID    string `path:"id" doc:"The store's id" example:"sabcdefghijk"`
	After uint64 `query:"after" maximum:"9007199254740991" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"100" doc:"Most on a page"`
}

// EventList is one page of a history.
type EventList struct {
	Events []query.Event `json:"events" doc:"Oldest first"`
	Next   uint64        `json:"next,omitempty" doc:"after of the next page; absent on the last"`
}

type eventsOutput struct{ Body EventList }

// Link is a page of the store.
type Link struct {
	Name  string `json:"name" doc:"What it leads to, for programs" example:"storefront"`
	Title string `json:"title" doc:"The same for people"`
	URL   string `json:"url" doc:"The address"`
}

// LinkList is where a store can be opened.
type LinkList struct {
	Links []Link `json:"links" doc:"In the order of the engine; the storefront first"`
}

type linksOutput struct{ Body LinkList }

// CredentialList is a store's generated passwords.
type CredentialList struct {
	Credentials []query.Credential `json:"credentials" doc:"One for each thing that a password opens"`
}

type credentialsOutput struct{ Body CredentialList }

func (a *API) details(routes router) {
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/stores/{id}/events", Tags: []string{"Stores"},
		Summary: "A store's whole history", Description: "Also after its deletion.",
	}, a.events, ofStore, ofLists)
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "get-store-engine", Method: http.MethodGet, Path: "/stores/{id}/engine", Tags: []string{"Stores"},
		Summary: "A store's engine", Description: "In the store's own version, which may be another than the one on offer: its plans and options are what the store can be " +
			"changed to. 409 `engine_unknown` while nobody says what that version offers.",
	}, a.engine, ofStore, refusals{problem.EngineUnknown})
	handle(routes, rights.ReadStores, huma.Operation{
		OperationID: "list-links", Method: http.MethodGet, Path: "/stores/{id}/links", Tags: []string{"Stores"},
		Summary: "Where a store can be opened", Description: "Storefront, admin and the engine's quick links. 409 `not_ready` before Ready. They stay while the store is Degraded.",
	}, a.links, ofStore, refusals{problem.NotReady})
	handle(routes, rights.ReadPasswords, huma.Operation{
		OperationID: "get-credentials", Method: http.MethodGet, Path: "/stores/{id}/credentials", Tags: []string{"Stores"},
		Summary: "The generated passwords", Description: "Each look is noted in the audit before the passwords are shown. " +
			"Needs the admin key when the gateway has one. 409 `not_ready` of a store that doesn't stand, `credentials_gone` where " +
			"somebody has removed them.",
	}, a.credentials, ofStore, refusals{problem.NotReady, problem.CredentialsGone, problem.CredentialsMissing, problem.AuditFull, problem.TooManyCommands})
}

func (a *API) events(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	state, err := a.read(ctx, idInput{ID: in.ID}, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	reply, err := reader.Ask(ctx, a.reader, query.Events, query.EventsRequest{
		Scope: rights.Scope(principal.In(ctx), rights.ReadStores), Store: state.ID, After: in.After, Limit: in.Limit, Seen: state.Version,
	})
	if err != nil {
		return nil, err
	}
	if reply.Events == nil {
		reply.Events = []query.Event{}
	}
	return &eventsOutput{Body: EventList{Events: reply.Events, Next: reply.Next}}, nil
}

func (a *API) links(ctx context.Context, in *idInput) (*linksOutput, error) {
	state, err := a.read(ctx, *in, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	if !state.Stands() {
		return nil, admission.NotReady(state)
	}
	catalog, err := a.packs()
	if err != nil {
		return nil, err
	}
	return &linksOutput{Body: LinkList{Links: linksOf(state, catalog)}}, nil
}

// linksOf are those of a store that stands. Nobody may ever have said what its version's pages are; its stores go on, and their first
// page is always there.
func linksOf(state store.State, catalog *engine.Catalog) []Link {
	var links []Link
	pack, _ := catalog.Version(state.Spec.Engine, state.Spec.Version)
	for _, link := range pack.Links {
		links = append(links, Link{Name: link.Name, Title: link.Title, URL: strings.TrimSuffix(state.URL, "/") + link.Path})
	}
	if len(links) == 0 {
		links = append(links, Link{Name: "storefront", Title: "Storefront", URL: state.URL})
	}
	return links
}

func (a *API) credentials(ctx context.Context, in *idInput) (*credentialsOutput, error) {
	state, err := a.read(ctx, *in, rights.ReadPasswords)
	if err != nil {
		return nil, err
	}
	found, err := a.admission.Credentials(ctx, principal.In(ctx), state.ID)
	if err != nil {
		return nil, err
	}
	out := &credentialsOutput{}
	out.Body.Credentials = found
	if out.Body.Credentials == nil {
		out.Body.Credentials = []query.Credential{}
	}
	return out, nil
}
