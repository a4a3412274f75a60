package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Providers are those that people may sign in at.
type Providers struct {
	Providers []oidc.Choice `json:"providers" doc:"In the order of the gateway's settings; none where it has no providers"`
}

// SignedOut says what is left to be done.
type SignedOut struct {
	SignOut string `json:"signOut" format:"uri" doc:"The provider's page where one signs out there; it leads back"`
}

type (
	providersOutput struct{ Body Providers }
	providerInput   struct {
		Provider string `path:"provider" doc:"Its name" example:"house"`
	}
	backInput struct {
		Provider string `path:"provider" doc:"Its name" example:"house"`
		State    string `query:"state" doc:"What it was begun with"`
		Code     string `query:"code" doc:"What the provider says who it is for; absent where it has let nobody in"`
	}
	elsewhereOutput struct {
		Status   int
		Location string `header:"Location"`
	}
	logOutOutput struct {
		Status int
		Body   SignedOut
	}
)

const aboutStart = "For browsers: the answer leads to the provider's page and sets a cookie by which they are known when they come back. What goes wrong " +
	"leads to the gateway's page, which says so: `/#signin=` with `refused`, `unreachable` or `busy`."

const aboutCallback = "Where the provider sends browsers. The answer sets the cookies of a session and leads to the gateway's page; with `/#signin=` and `refused`, " +
	"`not_allowed` (nobody of that identity has an account here), `unreachable` or `busy` where it came to nothing."

func (a *API) elsewhere(routes router) {
	add := func(op huma.Operation) huma.Operation {
		op.Method, op.Tags, op.Middlewares = http.MethodGet, []string{"Accounts"}, huma.Middlewares{withVisit}
		return op
	}
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "list-providers", Path: "/auth/oidc", Summary: "Where one may sign in by OpenID Connect",
		Description: "For whoever shows a page to sign in on: each leads to /auth/oidc/{provider}/start.",
	}), func(context.Context, *struct{}) (*providersOutput, error) {
		return &providersOutput{Body: Providers{Providers: a.accounts.Choices()}}, nil
	})
	start := add(huma.Operation{
		OperationID: "start-sign-in", Path: "/auth/oidc/{provider}/start", Summary: "Sign in at a provider", Description: aboutStart,
		DefaultStatus: http.StatusFound,
	})
	handle(routes, rights.SignIn, start, a.startSignIn)
	also(routes, start, http.StatusSeeOther, "To the gateway's page, which says what went wrong")
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "finish-sign-in", Path: "/auth/oidc/{provider}/callback", Summary: "Come back from a provider", Description: aboutCallback,
		DefaultStatus: http.StatusSeeOther,
	}), a.finishSignIn)
}

func (a *API) startSignIn(ctx context.Context, in *providerInput) (*elsewhereOutput, error) {
	address, secret, err := a.accounts.Begin(ctx, in.Provider, from(ctx))
	if err != nil {
		return cameToNothing(ctx, err), nil
	}
	v := visitIn(ctx)
	v.set(Cookie(signInCookie, secret, directory.SignInLife, v.host))
	return &elsewhereOutput{Status: http.StatusFound, Location: address}, nil
}

func (a *API) finishSignIn(ctx context.Context, in *backInput) (*elsewhereOutput, error) {
	v := visitIn(ctx)
	signed, err := a.accounts.Finish(ctx, in.Provider, accounts.Back{State: in.State, Code: in.Code, Kept: v.begun}, from(ctx))
	if err != nil {
		return cameToNothing(ctx, err), nil
	}
	v.set(Cookie(signInCookie, "", -1, v.host))
	v.enter(signed)
	return &elsewhereOutput{Status: http.StatusSeeOther, Location: "/"}, nil
}

// cameToNothing leads to the page, which has the words: a browser that comes from elsewhere shows whatever is answered.
func cameToNothing(ctx context.Context, err error) *elsewhereOutput {
	var guessed *accounts.GuessesError
	why := "unreachable"
	switch {
	case errors.Is(err, oidc.ErrRefused), errors.Is(err, oidc.ErrUnknown):
		why = "refused"
	case errors.Is(err, accounts.ErrNotAllowed):
		why = "not_allowed"
	case errors.As(err, &guessed), errors.Is(err, guesses.ErrContended):
		why = "busy"
	}
	slog.WarnContext(ctx, "a sign-in at a provider came to nothing", "why", why, "error", err)
	return &elsewhereOutput{Status: http.StatusSeeOther, Location: "/#signin=" + why}
}
