package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"

	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// deviceLife is how long a device is known that nobody signs in from.
const deviceLife = 365 * 24 * time.Hour

// visit is what a request to sign in or out says beside its body, and what its answer does.
type visit struct {
	session, device string
	// begun is the state of a sign-in elsewhere.
	begun string
	host  string
	set   func(*http.Cookie)
}

type visitKey struct{}

// withVisit keeps the cookies of a request for its handler.
func withVisit(in huma.Context, next func(huma.Context)) {
	c := humafiber.Unwrap(in)
	host, cookies := string(c.Context().Host()), c.Get("Cookie")
	v := &visit{
		session: CookieIn(cookies, SessionCookie, host), device: CookieIn(cookies, deviceCookie, host), begun: CookieIn(cookies, signInCookie, host), host: host,
	}
	// Not through huma, which writes several of them into one header.
	v.set = func(cookie *http.Cookie) { c.Response().Header.Add("Set-Cookie", cookie.String()) }
	next(huma.WithValue(in, visitKey{}, v))
}

func visitIn(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

func from(ctx context.Context) accounts.From {
	return accounts.From{Address: principal.AddressIn(ctx), Device: visitIn(ctx).device}
}

// enter gives who has signed in the cookies.
func (v *visit) enter(in accounts.SignedIn) {
	v.set(Cookie(SessionCookie, in.Session, directory.SessionLife, v.host))
	v.set(Cookie(deviceCookie, in.Device, deviceLife, v.host))
}

// leave takes the session's cookie back. The device stays known, also to who signs in next.
func (v *visit) leave() { v.set(Cookie(SessionCookie, "", -1, v.host)) }

type (
	signUpInput  struct{ Body SignUp }
	logInInput   struct{ Body LogIn }
	resetInput   struct{ Body AskReset }
	confirmInput struct{ Body Reset }
)

// SignUp is who signs up.
type SignUp struct {
	Email    string `json:"email" maxLength:"254" doc:"How one is told from others" example:"maria@example.com"`
	Name     string `json:"name" maxLength:"400" doc:"What one is called, 80 characters at most" example:"Maria"`
	Password string `json:"password" maxLength:"2048" doc:"10 to 128 characters, and not one that is guessed first"`
	Invite   string `json:"invite,omitempty" maxLength:"200" doc:"The text of an invite, or of an operator's link"`
}

// LogIn is who signs in.
type LogIn struct {
	Email    string `json:"email" doc:"The address of the account" maxLength:"254" example:"maria@example.com"`
	Password string `json:"password" doc:"Its password" maxLength:"2048"`
}

// AskReset is for whom a password is to be set anew.
type AskReset struct {
	Email string `json:"email" doc:"The address of the account" maxLength:"254" example:"maria@example.com"`
}

// Asked says what becomes of a link that was asked for.
type Asked struct {
	By string `json:"by" enum:"mail,operator" doc:"Who brings the link: mail, if there is such an account; or an operator, who reads it out to whoever asks them"`
}

type askedOutput struct{ Body Asked }

// Reset sets a password by a link.
type Reset struct {
	Link     string `json:"link" maxLength:"200" doc:"The link's text"`
	Password string `json:"password" maxLength:"2048" doc:"10 to 128 characters"`
}

const aboutSignUp = "Signs in, too: the answer sets the cookies. Takes an invite unless the gateway has SIGNUP=open; an operator's link does " +
	"always. Who was cut off can send the same again. 409 `account_exists` where somebody has the address."

const aboutLogIn = "The answer sets two cookies: the session's, and one by which this device is known, so that others' guesses don't lock it out. " +
	"401 `sign_in_refused` says neither which was wrong, nor whether there is such an account; 429 `too_many_guesses` comes before anything is compared; " +
	"503 `busy` where as many passwords are being compared as may be."

const aboutLogOut = "Ends the session, whether or not there is any. 200 where it came from a provider that people sign out at, too: go to signOut then."

const aboutReset = "A link that sets another password goes to the address, if somebody has it: the answer doesn't tell. Where the gateway sends no mail, an operator " +
	"can make one and read it out."

func (a *API) auth(routes router) {
	add := func(op huma.Operation) huma.Operation {
		op.Method, op.Tags = http.MethodPost, []string{"Accounts"}
		op.Middlewares = huma.Middlewares{withVisit}
		op.MaxBodyBytes = MaxBody
		return op
	}
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "sign-up", Path: "/auth/signup", Summary: "Make an account", Description: aboutSignUp, DefaultStatus: http.StatusCreated,
	}), a.signUp, ofAct, ofPassword, refusals{problem.AccountExists, problem.SignUpOff, problem.InviteNeeded, problem.LimitReached})
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "log-in", Path: "/auth/login", Summary: "Sign in", Description: aboutLogIn,
	}), a.logIn, ofAct, ofPassword)
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "log-out", Path: "/auth/logout", Summary: "Sign out", Description: aboutLogOut,
		Responses: map[string]*huma.Response{"204": {Description: "No Content"}},
	}), a.logOut, ofAct)
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "ask-reset", Path: "/auth/reset", Summary: "Ask for a link that sets another password", Description: aboutReset,
		DefaultStatus: http.StatusAccepted,
	}), a.askReset, ofAct, ofMail)
	handle(routes, rights.SignIn, add(huma.Operation{
		OperationID: "reset-password", Path: "/auth/reset/confirm", Summary: "Set another password by a link",
		Description: "Ends all sessions and links, and signs in. 404 `link_unknown` where it was followed already, or its time is over.",
	}), a.reset, ofAct, ofPassword, refusals{problem.LinkUnknown})
}

func (a *API) signUp(ctx context.Context, in *signUpInput) (*meOutput, error) {
	b := in.Body
	signed, err := a.accounts.SignUp(ctx, accounts.NewAccount{Email: b.Email, Name: b.Name, Password: b.Password, Invite: b.Invite}, from(ctx))
	return a.entered(ctx, signed, err)
}

func (a *API) logIn(ctx context.Context, in *logInInput) (*meOutput, error) {
	signed, err := a.accounts.SignIn(ctx, in.Body.Email, in.Body.Password, from(ctx))
	return a.entered(ctx, signed, err)
}

func (a *API) reset(ctx context.Context, in *confirmInput) (*meOutput, error) {
	signed, err := a.accounts.Reset(ctx, in.Body.Link, in.Body.Password, from(ctx))
	return a.entered(ctx, signed, atLink(err))
}

// entered shows who has signed in to themselves.
func (a *API) entered(ctx context.Context, in accounts.SignedIn, err error) (*meOutput, error) {
	if err != nil {
		return nil, err
	}
	out, err := a.me(ctx, in.Account)
	if err == nil && in.Session != "" {
		visitIn(ctx).enter(in)
	}
	return out, err
}

func (a *API) logOut(ctx context.Context, _ *struct{}) (*logOutOutput, error) {
	v := visitIn(ctx)
	// Whoever sends a browser here has to be our page, as everywhere. Of a session that is over nobody minds.
	var no *problem.Problem
	if err := principal.Missing(ctx); errors.As(err, &no) && no.Code == problem.ForeignOrigin {
		return nil, err
	}
	address, err := a.accounts.SignOut(ctx, v.session)
	if err != nil {
		return nil, err
	}
	v.leave()
	if address == "" {
		return &logOutOutput{Status: http.StatusNoContent}, nil
	}
	return &logOutOutput{Status: http.StatusOK, Body: SignedOut{SignOut: address}}, nil
}

func (a *API) askReset(ctx context.Context, in *resetInput) (*askedOutput, error) {
	if err := a.accounts.AskReset(ctx, in.Body.Email, from(ctx)); err != nil {
		return nil, err
	}
	return a.asked(), nil
}

func (a *API) asked() *askedOutput {
	by := "operator"
	if a.accounts.Mailed() {
		by = "mail"
	}
	return &askedOutput{Body: Asked{By: by}}
}
