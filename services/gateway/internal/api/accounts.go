package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Account is one as operators see it.
type Account struct {
	ID         string    `json:"id" doc:"Names the account" example:"a-mzqxk2lfna"`
	Email      string    `json:"email" doc:"By which it signs in"`
	NewEmail   string    `json:"newEmail,omitempty" doc:"The address that it asks for: a link that is read out for it proves that one, so ask whose it is"`
	Name       string    `json:"name" doc:"What its owner is called"`
	Verified   bool      `json:"verified" doc:"It is proved that mail to the address is read by who has the account"`
	Operator   bool      `json:"operator" doc:"It looks after the platform"`
	MayOperate bool      `json:"mayOperate" doc:"It may be made an operator: its address is verified, and among ADMIN_EMAILS where these are set"`
	Tenants    []string  `json:"tenants" doc:"Ids of tenants that it may belong to. Whether it does is theirs to say"`
	Created    time.Time `json:"created" doc:"When it was made"`
}

// AccountList is one page.
type AccountList struct {
	Accounts []Account `json:"accounts" doc:"By id"`
	Next     string    `json:"next,omitempty" doc:"after of the next page; absent on the last"`
}

type (
	accountsInput struct {
		After string `query:"after" maxLength:"40" doc:"next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most on a page"`
	}
	accountsOutput struct{ Body AccountList }
	accountOutput  struct{ Body Account }
	operatorInput  struct {
		ID   string `path:"id" doc:"The account's id" example:"a-mzqxk2lfna"`
		Body ChangeAccount
	}
	readOutInput struct {
		ID   string `path:"id" doc:"The account's id" example:"a-mzqxk2lfna"`
		Body ReadOut
	}
	readOutOutput struct{ Body LinkText }
)

// ChangeAccount is what operators change of others' accounts.
type ChangeAccount struct {
	Operator bool `json:"operator" doc:"Whether it looks after the platform"`
}

// ReadOut is which link to make.
type ReadOut struct {
	For string `json:"for" enum:"verify,reset" doc:"verify proves the address that the account has, or the one that it asks for, when its owner follows it signed in. reset sets another password"`
}

// LinkText is a link, shown once.
type LinkText struct {
	Link    string    `json:"link" doc:"For POST /auth/verify or /auth/reset/confirm. Nobody can read it again"`
	Expires time.Time `json:"expires" doc:"Until when it can be followed"`
}

const aboutReadOut = "For installations that send no mail: read it out to whoever asks, if you know them by their voice. It is as good as their " +
	"password, and the audit says that you have made it. One that was made before can't be shown, because only digests are kept."

func (a *API) others(routes router) {
	operators := func(op huma.Operation) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"Operators"}, MaxBody
		return op
	}
	handle(routes, rights.ManageAccounts, operators(huma.Operation{
		OperationID: "list-accounts", Method: http.MethodGet, Path: "/accounts", Summary: "All accounts",
		Description: "A page of them, by id.",
	}), a.listAccounts)
	handle(routes, rights.ManageAccounts, operators(huma.Operation{
		OperationID: "change-account", Method: http.MethodPatch, Path: "/accounts/{id}", Summary: "Make somebody an operator, or not",
		Description: "409 `unverified` and `not_listed` of who can't be one, `last_operator` where there would be none.",
	}), a.changeAccount, ofAct, refusals{problem.Unverified, problem.NotListed, problem.LastOperator})
	handle(routes, rights.ManageAccounts, operators(huma.Operation{
		OperationID: "make-account-link", Method: http.MethodPost, Path: "/accounts/{id}/links", Summary: "Make a link to read out", Description: aboutReadOut,
		DefaultStatus: http.StatusCreated,
	}), a.readOut, ofAct)
}

func (a *API) listAccounts(ctx context.Context, in *accountsInput) (*accountsOutput, error) {
	page, more, err := a.accounts.List(ctx, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &accountsOutput{Body: AccountList{Accounts: []Account{}}}
	for _, account := range page {
		out.Body.Accounts = append(out.Body.Accounts, a.seen(account))
	}
	if more {
		out.Body.Next = page[len(page)-1].ID
	}
	return out, nil
}

func (a *API) seen(account directory.Account) Account {
	seen := Account{
		ID: account.ID, Email: account.Email, NewEmail: account.NewEmail, Name: account.Name, Verified: account.Verified, Operator: account.Operator,
		MayOperate: a.accounts.MayOperate(account), Tenants: account.Tenants, Created: account.Created,
	}
	if seen.Tenants == nil {
		seen.Tenants = []string{}
	}
	return seen
}

func (a *API) changeAccount(ctx context.Context, in *operatorInput) (*accountOutput, error) {
	account, err := a.accounts.SetOperator(ctx, principal.In(ctx).Actor(), in.ID, in.Body.Operator)
	if err != nil {
		return nil, atAccount(err)
	}
	return &accountOutput{Body: a.seen(account)}, nil
}

func (a *API) readOut(ctx context.Context, in *readOutInput) (*readOutOutput, error) {
	purpose, life := directory.VerifyEmail, directory.VerifyLife
	if in.Body.For == "reset" {
		purpose, life = directory.ResetPassword, directory.ResetLife
	}
	link, err := a.accounts.ReadOut(ctx, principal.In(ctx).Actor(), in.ID, purpose)
	if err != nil {
		return nil, atAccount(err)
	}
	return &readOutOutput{Body: LinkText{Link: link, Expires: time.Now().UTC().Add(life)}}, nil
}

func atAccount(err error) error {
	if errors.Is(err, directory.ErrUnknown) {
		return problem.New(problem.NotFound, "There is no such account.")
	}
	return err
}
