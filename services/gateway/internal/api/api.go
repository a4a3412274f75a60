// Package api is the gateway's REST interface, described by the OpenAPI document that it is generated with. Handlers are
// thin: they call admission or the reader and show the result.
package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/guard"
	"github.com/store-platform/store-platform/services/gateway/internal/known"
	"github.com/store-platform/store-platform/services/gateway/internal/logs"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// API is what the handlers share.
type API struct {
	admission *admission.Admission
	reader    *reader.Reader
	bus       *bus.Bus
	accounts  *accounts.Accounts
	logsOf    *logs.Ways
	// waiters prefer to wait, readers read logs.
	waiters, readers seats
}

// Mount adds the routes to app and returns the OpenAPI document. public is where people find the gateway; empty where that is unknown.
func Mount(
	app *fiber.App, guarded guard.Routes, public string, a *admission.Admission, r *reader.Reader, b *bus.Bus, people *accounts.Accounts, l *logs.Ways,
) *huma.OpenAPI {
	problem.InstallInHuma()
	config := huma.Config{OpenAPI: newDocument(public), Formats: huma.DefaultFormats, DefaultFormat: "application/json"}
	takeWordsFromTheirLists(config.Components.Schemas)
	routes := router{humafiber.NewWithGroup(app, headToo{app}, config), guarded}
	api := &API{
		admission: a, reader: r, bus: b, accounts: people, logsOf: l,
		waiters: seats{atOnce: waitersAtOnce, perTenant: waitersPerTenant}, readers: seats{atOnce: logsAtOnce, perTenant: logsPerTenant},
	}
	api.catalog(routes)
	api.stores(routes)
	api.commands(routes)
	api.changes(routes)
	api.transfers(routes)
	api.details(routes)
	api.explanations(routes)
	api.monitoring(routes)
	api.summaries(routes)
	api.logs(routes)
	api.deadLetters(routes)
	api.sweeps(routes)
	api.audit(routes)
	api.usage(routes)
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
	describe(routes.OpenAPI())
	document := write(routes.OpenAPI())
	guarded.Get("/openapi.json", rights.Look, func(c *fiber.Ctx) error {
		text, err := document()
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, "application/openapi+json")
		return c.Send(text)
	})
	return routes.OpenAPI()
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
// its handler refuses goes through the one place that knows all errors. refused are the codes that may come of it, for the document; a test
// that is answered another one fails.
func handle[I, O any](routes router, do rights.Action, op huma.Operation, handler func(context.Context, *I) (*O, error), refused ...refusals) {
	op.Metadata = map[string]any{does: do, refuses: slices.Concat(refused...)}
	op.Middlewares = append(op.Middlewares, func(in huma.Context, next func(huma.Context)) {
		ctx, err := routes.Check(in.Context(), do, in.Param("id"))
		if err == nil {
			next(huma.WithContext(in, ctx))
			return
		}
		// What can't be written can't be told to anybody either.
		_ = known.Problem(refuse(ctx, err)).Send(humafiber.Unwrap(in))
	})
	huma.Register(routes.API, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, refuse(ctx, err)
		}
		return out, nil
	})
	routes.Name(do)
}

// also documents another status with which an operation answers as with its own.
func also(routes router, op huma.Operation, status int, description string) {
	for _, known := range operationsOf(routes.OpenAPI()) {
		if known.OperationID == op.OperationID {
			as := known.Responses[strconv.Itoa(cmp.Or(op.DefaultStatus, http.StatusOK))]
			known.Responses[strconv.Itoa(status)] = &huma.Response{Description: description, Headers: as.Headers, Content: as.Content}
		}
	}
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
