// Package api is the gateway's REST interface, described by the OpenAPI document that it is generated with. Handlers are
// thin: they call admission or the reader and show the result.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/guard"
	"github.com/store-platform/store-platform/services/gateway/internal/known"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

const about = "Gives every merchant an isolated online store on Kubernetes.\n\n" +
	"Asynchronous requests answer 202 with the store and its Location; the store's own state says how far it is. Errors are " +
	"RFC 9457 problems: branch on `code`, show `detail`, and repeat the request only when `retryable` is true.\n\n" +
	"In open mode (the local default) there are no accounts: a client is its address, and sees the stores it created."

// API is what the handlers share.
type API struct {
	admission *admission.Admission
	reader    *reader.Reader
	bus       *bus.Bus
	accounts  *accounts.Accounts
	waiters   waiters
}

// Mount adds the routes to app and returns the OpenAPI document as JSON.
func Mount(app *fiber.App, guarded guard.Routes, a *admission.Admission, r *reader.Reader, b *bus.Bus, people *accounts.Accounts) (*huma.OpenAPI, error) {
	problem.InstallInHuma()
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Store Platform", Version: "1", Description: about},
			Tags:    []*huma.Tag{{Name: "Stores"}, {Name: "Catalog"}, {Name: "Feed"}, {Name: "Dead letters"}, {Name: "Tenants"}, {Name: "Tokens"}, {Name: "Accounts"}, {Name: "Operators"}},
		},
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
	}
	config.Components = &huma.Components{
		Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
		SecuritySchemes: map[string]*huma.SecurityScheme{
			"adminKey":    {Type: "apiKey", In: "header", Name: "X-Api-Key", Description: "ADMIN_API_KEY, when one is set"},
			"adminBearer": {Type: "http", Scheme: "bearer", Description: "The same as a bearer token"},
		},
	}
	takeWordsFromTheirLists(config.Components.Schemas)
	routes := router{humafiber.NewWithGroup(app, headToo{app}, config), guarded}
	api := &API{admission: a, reader: r, bus: b, accounts: people}
	api.catalog(routes)
	api.stores(routes)
	api.commands(routes)
	api.changes(routes)
	api.transfers(routes)
	api.details(routes)
	api.deadLetters(routes)
	api.sweeps(routes)
	api.audit(routes)
	api.log(routes)
	api.tenants(routes)
	api.members(routes)
	api.invites(routes)
	api.tokens(routes)
	api.feedTickets(routes)
	api.auth(routes)
	api.elsewhere(routes)
	api.account(routes)
	api.others(routes)
	api.restored(routes)
	describeOthers(routes.OpenAPI())
	describeWaiting(routes.OpenAPI())
	describeLimits(routes.OpenAPI())
	document, err := json.Marshal(routes.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	guarded.Get("/openapi.json", rights.Look, func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "application/openapi+json")
		return c.Send(document)
	})
	return routes.OpenAPI(), nil
}

// headToo answers HEAD wherever huma has Fiber answer GET, as Fiber's own Get does. The document needn't say so.
type headToo struct{ fiber.Router }

// Add registers a route.
func (r headToo) Add(method, path string, handlers ...fiber.Handler) fiber.Router {
	if method == http.MethodGet {
		return r.Get(path, handlers...)
	}
	return r.Router.Add(method, path, handlers...)
}

// known parts of the catalog outlive the broker's absence: what was on offer a moment ago still is.
func (a *API) packs() (*engine.Catalog, error) {
	parts, ok := a.bus.Known()
	if !ok {
		return nil, bus.ErrUnavailable
	}
	return parts.Catalog, nil
}

// router is huma's, beside the guard that stands before each of its routes.
type router struct {
	huma.API
	guard.Routes
}

// handle registers an operation. Who may not do what is done there is refused before anything of the request is looked at, and what
// its handler refuses goes through the one place that knows all errors.
func handle[I, O any](routes router, do rights.Action, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusServiceUnavailable)
	op.Middlewares = append(op.Middlewares, func(in huma.Context, next func(huma.Context)) {
		ctx, err := routes.Check(in.Context(), do, in.Param("id"))
		if err == nil {
			next(huma.WithContext(in, ctx))
			return
		}
		// What can't be written can't be told to anybody either.
		_ = known.Problem(refuse(ctx, err)).Send(humafiber.Unwrap(in))
	})
	counted(&op)
	huma.Register(routes.API, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, refuse(ctx, err)
		}
		return out, nil
	})
	routes.Name(do)
}

// refuse notes for the log line what the answer doesn't tell.
func refuse(ctx context.Context, err error) error {
	p := known.Problem(err)
	if p.Status >= http.StatusInternalServerError {
		observe.Problem(ctx, p.Code, err)
	} else {
		observe.Problem(ctx, p.Code, nil)
	}
	return p
}

// describeOthers documents what isn't REST: the feed and the operator's endpoints.
func describeOthers(doc *huma.OpenAPI) {
	plain := func(id, path, summary, description, tag string) {
		doc.AddOperation(&huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Description: description, Tags: []string{tag},
			Responses: map[string]*huma.Response{"200": {Description: "OK"}},
		})
	}
	plain("healthz", "/healthz", "Alive", "Answers as long as the process runs.", "Operators")
	plain("readyz", "/readyz", "Ready", "503 only while the broker can't be reached. The rest is information: the read model, "+
		"the feed, and the cluster with the part of it that is being built.", "Operators")
	plain("metrics", "/metrics", "Prometheus metrics", "Text exposition format.", "Operators")
	doc.AddOperation(&huma.Operation{
		OperationID: "feed", Method: http.MethodGet, Path: "/feed", Tags: []string{"Feed"}, Summary: "Live events (WebSocket)",
		Description: "Text messages of JSON: `hello` first, then `event` with the store after it, `platform` when the cluster's " +
			"state changes, `left` with the id of a store that was transferred to another tenant and isn't to be seen any more, `reset` when the cursor " +
			"can't be continued from and stores must be listed anew. Continue after a cut " +
			"with the last `cursor`. Close code 4008: you were too slow, continue the same way; 1001: the gateway goes down; 1008: you sent too much; " +
			"4001: you may not listen any more, so sign in again.",
		Parameters: []*huma.Param{
			{Name: "since", In: "query", Description: "Cursor to continue behind", Schema: &huma.Schema{Type: "string"}},
			{Name: "store", In: "query", Description: "Only this store", Schema: &huma.Schema{Type: "string"}},
			{Name: "ticket", In: "query", Description: "Of POST /feed/tickets, where there are accounts", Schema: &huma.Schema{Type: "string"}},
		},
		Responses: map[string]*huma.Response{
			"101": {Description: "Switching to WebSocket"},
			"400": {Description: "`invalid_cursor`: list the stores and use theirs"},
			"401": {Description: "`unauthenticated`: it isn't known who asks, or the ticket was used or is over"},
			"403": {Description: "`forbidden`: who asks may not listen"},
			"404": {Description: "`not_found`: there is no such store, or tenant"},
			"422": {Description: "`invalid_field`: a text of the address that can't be shown in one line"},
			"426": {Description: "`upgrade_required`: this is a WebSocket"},
			"429": {Description: "`too_many_feeds`: it has as many connections as it may have"},
			"503": {Description: "`feed_full` or `feed_unavailable`: connect again"},
		},
	})
}
