// Package guard stands before every route. A route names its action where it is registered, and who may not do that to anybody's at
// all goes no further; whose it is done to, the route asks itself. A route that names none fails the gateway's start.
package guard

import (
	"context"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Routes registers routes.
type Routes struct {
	app *fiber.App
	// accounts says whether there are any.
	accounts bool
}

// New makes routes of app.
func New(app *fiber.App, accounts bool) Routes { return Routes{app: app, accounts: accounts} }

// Get registers a route that answers HEAD, too.
func (r Routes) Get(path string, a rights.Action, handler fiber.Handler) {
	r.app.Get(path, r.before(a), handler)
	r.Name(a)
}

// GetAlone registers one that doesn't: there is no WebSocket without a body.
func (r Routes) GetAlone(path string, a rights.Action, handler fiber.Handler) {
	r.app.Add(fiber.MethodGet, path, r.before(a), handler)
	r.Name(a)
}

func (r Routes) before(a rights.Action) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, err := r.Check(c.UserContext(), a, c.Params("id"))
		if err != nil {
			return err
		}
		c.SetUserContext(ctx)
		return c.Next()
	}
}

// Name says what the route does that was registered last, for whoever asks Check itself.
func (r Routes) Name(a rights.Action) { r.app.Name(string(a)) }

// Check lets in who may do something to anybody's. id is what the route's path names: the tenant, in actions on one. It returns
// the context in which it is asked there.
func (r Routes) Check(ctx context.Context, a rights.Action, id string) (context.Context, error) {
	switch a {
	case rights.ReadTenant, rights.ManageTenant, rights.LimitTenant:
		if r.accounts {
			ctx = principal.Within(ctx, id)
		}
	}
	switch {
	case a.TakesAccounts() && !r.accounts:
		return ctx, problem.New(problem.AccountsOff, "This gateway has no accounts (AUTH=open): a client is its address.")
	case a.Open():
		return ctx, nil
	}
	if err := principal.Missing(ctx); err != nil {
		return ctx, err
	}
	if err := principal.Astray(ctx); err != nil && !a.Personal() {
		return ctx, err
	}
	who := principal.In(ctx)
	// Of whom an address makes a client all but this is had, and it has always been refused behind the store's 404.
	if a == rights.ReadPasswords && who.Kind() == principal.ByAddress {
		return ctx, nil
	}
	return ctx, rights.Check(who, a)
}

// Whole fails when a route has no action.
func Whole(app *fiber.App) error {
	for _, route := range app.GetRoutes(true) {
		if !rights.Action(route.Name).Known() {
			return fmt.Errorf("the route %s %s doesn't say what is done there", route.Method, route.Path)
		}
	}
	return nil
}
