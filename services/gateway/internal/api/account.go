package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Me is who asks.
type Me struct {
	ID       string    `json:"id" doc:"The account's id; of who holds the admin key, what the log calls them" example:"a-mzqxk2lfna"`
	Email    string    `json:"email" doc:"By which one signs in" example:"maria@example.com"`
	Name     string    `json:"name" doc:"What one is called" example:"Maria"`
	Verified bool      `json:"verified" doc:"It is proved that mail to the address is read by who has the account. Until then one can't found a tenant"`
	NewEmail string    `json:"newEmail,omitempty" doc:"The address that is to take the place of email, once it is proved"`
	Operator bool      `json:"operator" doc:"Looks after the platform"`
	Created  time.Time `json:"created" doc:"When the account was made"`
	Tenants  []Belongs `json:"tenants" doc:"Where one is a member, the oldest membership first"`
	Tenant   string    `json:"tenant,omitempty" doc:"The one that this request is made for, and that may is about"`
	May      []May     `json:"may,omitempty" doc:"What one may do there; not where one has just signed in"`
}

// May is an action, and whether somebody may do that.
type May struct {
	Action  rights.Action `json:"action" doc:"What is done" example:"stores.create"`
	Allowed bool          `json:"allowed" doc:"Whether one may do it"`
	Missing string        `json:"missing,omitempty" doc:"What it takes, where it isn't allowed"`
}

// Belongs is a tenant that somebody is a member of.
type Belongs struct {
	ID        string         `json:"id" doc:"Names the tenant" example:"t-4kq7wmzc3e"`
	Name      string         `json:"name" doc:"What it is called"`
	Role      principal.Role `json:"role" doc:"What one is in it"`
	Suspended bool           `json:"suspended,omitempty" doc:"Its stores run on, and its people may only read"`
}

type meOutput struct{ Body Me }

type changeMeInput struct{ Body ChangeMe }

// ChangeMe is what is to be another; what is absent stays.
type ChangeMe struct {
	Name     *string `json:"name,omitempty" doc:"What one is to be called, 80 characters at most" maxLength:"400"`
	Email    *string `json:"email,omitempty" maxLength:"254" doc:"Counts once it is proved by a link that goes there. Takes current. The address that one has takes a wish back"`
	Password *string `json:"password,omitempty" maxLength:"2048" doc:"10 to 128 characters. Takes current, and ends all other sessions"`
	Current  *string `json:"current,omitempty" maxLength:"2048" doc:"The password that there is"`
}

type eraseInput struct{ Body EraseMe }

// EraseMe proves who asks once more.
type EraseMe struct {
	Current string `json:"current" maxLength:"2048" doc:"The password that there is"`
}

type verifyInput struct{ Body Verify }

// Verify follows a link, or asks for one.
type Verify struct {
	Link string `json:"link,omitempty" maxLength:"200" doc:"The link's text; absent to be sent another"`
}

type verifyOutput struct {
	Status int
	Body   any
}

const aboutMe = "In the tenant that X-Tenant names, or in one's only one. Of an API token it is its account with what the token may do; " +
	"the holder of the admin key is no account."

const aboutErase = "Memberships, tokens, sessions and everything that leads to the account go with it; stores stay with their tenants. " +
	"409 `last_owner` where a tenant would have no owner, and `last_operator` where the platform would have no operator."

const aboutVerify = "Without a link one is sent (202). With one it proves that mail is read where it was sent, and a new address takes the old " +
	"one's place then; or, of an operator's link, it makes an operator. It takes the session of the very account that the link is of: 404 `link_unknown` " +
	"otherwise, and where it was followed already."

// own registers an operation on the account whose session it is.
func own[I, O any](a *API, routes router, op huma.Operation, handler func(context.Context, directory.Account, *I) (*O, error), refused ...refusals) {
	op.Tags, op.Middlewares, op.MaxBodyBytes = []string{"Accounts"}, huma.Middlewares{withVisit}, MaxBody
	handle(routes, rights.ChangeAccount, op, func(ctx context.Context, in *I) (*O, error) {
		// Asked of the leader, though the door has let somebody in: what it goes by may be a few seconds old.
		account, err := a.accounts.BySession(ctx, visitIn(ctx).session)
		if errors.Is(err, directory.ErrUnknown) {
			err = principal.ErrNobody
		}
		if err != nil {
			return nil, err
		}
		out, err := handler(ctx, account, in)
		if errors.Is(err, directory.ErrUnknown) {
			// The session was ended, or the account erased, while this was done.
			err = principal.ErrNobody
		}
		return out, err
	}, refused...)
}

func (a *API) account(routes router) {
	handle(routes, rights.ReadAccount, huma.Operation{
		OperationID: "get-me", Method: http.MethodGet, Path: "/auth/me", Summary: "Who one is, and what one may do", Description: aboutMe,
		Tags: []string{"Accounts"},
	}, a.getMe)
	own(a, routes, huma.Operation{
		OperationID: "change-me", Method: http.MethodPatch, Path: "/auth/me", Summary: "Change name, address or password",
		Description: "What is left out stays. Another address or password takes the one that there is: 401 `sign_in_refused` where that is wrong.",
	}, a.changeMe, ofAct, ofPassword)
	own(a, routes, huma.Operation{
		OperationID: "erase-me", Method: http.MethodDelete, Path: "/auth/me", Summary: "Erase the account", Description: aboutErase,
		DefaultStatus: http.StatusNoContent,
	}, a.eraseMe, ofAct, ofPassword, refusals{problem.LastOwner, problem.LastOperator})
	own(a, routes, huma.Operation{
		OperationID: "end-sessions", Method: http.MethodDelete, Path: "/auth/sessions", Summary: "End all sessions",
		Description: "This one, too. Links end with them, API tokens don't.", DefaultStatus: http.StatusNoContent,
	}, a.endSessions, ofAct)
	own(a, routes, huma.Operation{
		OperationID: "verify", Method: http.MethodPost, Path: "/auth/verify", Summary: "Prove an address by a link, or ask for one", Description: aboutVerify,
	}, a.verify, ofAct, ofMail, refusals{problem.LinkUnknown, problem.AccountExists, problem.NotListed, problem.Unverified})
	doc := routes.OpenAPI()
	maps.Copy(doc.Paths["/auth/verify"].Post.Responses, map[string]*huma.Response{
		"200": answering("Done: the account as it is now", "application/json", schemaOf[Me](doc)),
		"202": answering("A link was asked for", "application/json", schemaOf[Asked](doc)),
	})
}

// getMe shows who asks what they may do in the tenant that they ask in, and why not the rest.
func (a *API) getMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	who := principal.In(ctx)
	account := directory.Account{ID: who.Actor(), Operator: who.Operator()}
	if who.Account() != "" {
		var err error
		if account, err = a.accounts.Account(ctx, who.Account()); errors.Is(err, directory.ErrUnknown) {
			err = principal.ErrNobody
		}
		if err != nil {
			return nil, err
		}
	}
	out, err := a.me(ctx, account)
	if err != nil {
		return nil, err
	}
	out.Body.Tenant = who.Tenant()
	for _, action := range rights.Actions() {
		may := May{Action: action, Allowed: rights.May(who, action)}
		var missing *rights.Refusal
		switch {
		case errors.As(rights.Check(who, action), &missing):
			may.Missing = missing.Missing()
		case action == rights.CreateTenant && who.Account() != "" && !account.Verified:
			may.Allowed, may.Missing = false, "This takes an address that is verified."
		}
		out.Body.May = append(out.Body.May, may)
	}
	return out, nil
}

func (a *API) me(ctx context.Context, account directory.Account) (*meOutput, error) {
	tenants, err := a.accounts.Memberships(ctx, account)
	if err != nil {
		return nil, err
	}
	me := Me{
		ID: account.ID, Email: account.Email, Name: account.Name, Verified: account.Verified, NewEmail: account.NewEmail, Operator: account.Operator,
		Created: account.Created, Tenants: []Belongs{},
	}
	for _, t := range tenants {
		// A token is of one tenant, and where else its account belongs is no business of whoever holds it.
		if who := principal.In(ctx); who.Kind() == principal.ByToken && who.Tenant() != t.ID {
			continue
		}
		me.Tenants = append(me.Tenants, Belongs{ID: t.ID, Name: t.Name, Role: t.RoleOf(account.ID), Suspended: t.Suspended})
	}
	return &meOutput{Body: me}, nil
}

func (a *API) changeMe(ctx context.Context, account directory.Account, in *changeMeInput) (*meOutput, error) {
	b := in.Body
	changed, err := a.accounts.Change(ctx, account, accounts.Change{Name: b.Name, Email: b.Email, Password: b.Password, Current: b.Current}, from(ctx))
	return a.entered(ctx, changed, err)
}

func (a *API) eraseMe(ctx context.Context, account directory.Account, in *eraseInput) (*struct{}, error) {
	if err := a.accounts.Erase(ctx, account, in.Body.Current, from(ctx)); err != nil {
		return nil, err
	}
	visitIn(ctx).leave()
	return nil, nil
}

func (a *API) endSessions(ctx context.Context, account directory.Account, _ *struct{}) (*struct{}, error) {
	if err := a.accounts.EndSessions(ctx, account); err != nil {
		return nil, err
	}
	visitIn(ctx).leave()
	return nil, nil
}

func (a *API) verify(ctx context.Context, account directory.Account, in *verifyInput) (*verifyOutput, error) {
	if in.Body.Link == "" {
		if err := a.accounts.AskVerification(ctx, account); err != nil {
			return nil, err
		}
		return &verifyOutput{Status: http.StatusAccepted, Body: a.asked().Body}, nil
	}
	account, err := a.accounts.Follow(ctx, account, in.Body.Link)
	if err != nil {
		return nil, atLink(err)
	}
	out, err := a.me(ctx, account)
	if err != nil {
		return nil, err
	}
	return &verifyOutput{Status: http.StatusOK, Body: out.Body}, nil
}

// atLink says of a link that is none what it is; the directory says of all alike that they aren't there.
func atLink(err error) error {
	if errors.Is(err, directory.ErrUnknown) {
		return problem.New(problem.LinkUnknown, "The link is good for nothing: it was followed already, its time is over, or it is another account's.")
	}
	return err
}
