package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Token is an API token, as it is listed.
type Token struct {
	ID       string            `json:"id" doc:"Names the token" example:"4kq7wmzc3emzqxk2lfna7c2mdqx4zu"`
	Name     string            `json:"name" doc:"To know it by" example:"nightly report"`
	Account  string            `json:"account" doc:"Whose it is" example:"a-mzqxk2lfna"`
	Tenant   string            `json:"tenant" doc:"Where it may do something" example:"t-4kq7wmzc3e"`
	Role     principal.Role    `json:"role" doc:"What it is there at most; it is never more than its account"`
	Scopes   []principal.Scope `json:"scopes" doc:"What it may do of that"`
	Created  time.Time         `json:"created" doc:"When it was made"`
	Expires  time.Time         `json:"expires" doc:"When it ends by itself"`
	LastUsed *time.Time        `json:"lastUsed,omitempty" doc:"About when, to the hour; absent where it never was"`
}

// NewToken is one that was just made.
type NewToken struct {
	Token
	Text string `json:"token" doc:"The token itself, to be sent as Authorization: Bearer. Shown once" example:"sp_4kq7wmzc3emzqxk2lfna7c2mdqx4zu_ABCDEFGHIJKLMNOPQRSTUVWXYZ"`
}

// TokenList is all there are.
type TokenList struct {
	Tokens []Token `json:"tokens" doc:"The oldest first. Those that are over stay listed until another is made"`
}

// CreateToken is what a token is made of.
type CreateToken struct {
	Name   string            `json:"name" maxLength:"400" doc:"1 to 60 characters, to know it by" example:"nightly report"`
	Role   principal.Role    `json:"role,omitempty" doc:"No more than one's own, which it is when absent"`
	Scopes []principal.Scope `json:"scopes" minItems:"1" maxItems:"16" doc:"What it may do. platform:operate is for operators"`
	TTL    string            `json:"ttl,omitempty" maxLength:"32" doc:"How long it lives: hours, minutes and seconds, 1m to 8760h; 2160h, which is 90 days, when absent" example:"720h"`
}

type (
	tokensInput struct {
		All bool `query:"all" doc:"Those of all members of the tenant in X-Tenant, for its owners"`
	}
	tokensOutput     struct{ Body TokenList }
	createTokenInput struct{ Body CreateToken }
	newTokenOutput   struct{ Body NewToken }
	tokenInput       struct {
		Token string `path:"token" doc:"The token's id" example:"4kq7wmzc3emzqxk2lfna7c2mdqx4zu"`
	}
)

const (
	maxTokenName = 60
	minTokenLife = time.Minute
)

const aboutTokens = "One's own: for the tenant that X-Tenant names, or for all that one belongs to."

const aboutToken = "For the tenant that X-Tenant names, or the only one that one belongs to. It ends by itself, with the membership, or when " +
	"it is revoked. 409 `too_many_tokens` where one has 50 there. A token makes no tokens."

func (a *API) tokens(routes router) {
	about := func(op huma.Operation) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"Tokens"}, MaxBody
		return op
	}
	handle(routes, rights.ChangeAccount, about(huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/auth/tokens", Summary: "API tokens", Description: aboutTokens,
	}), a.listTokens, refusals{problem.Forbidden})
	handle(routes, rights.ManageTokens, about(huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: "/auth/tokens", Summary: "Make an API token", Description: aboutToken,
		DefaultStatus: http.StatusCreated,
	}), a.createToken, ofAct, refusals{problem.TooManyTokens})
	handle(routes, rights.ChangeAccount, about(huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: "/auth/tokens/{token}", Summary: "Revoke an API token",
		Description: "One's own, or as an owner of its tenant anybody's.", DefaultStatus: http.StatusNoContent,
	}), a.revokeToken, ofAct)
}

func tokenOf(t directory.Token) Token {
	shown := Token{
		ID: t.ID, Name: t.Name, Account: t.Account, Tenant: t.Tenant, Role: t.Role, Scopes: t.Scopes, Created: t.Created, Expires: t.Expires,
	}
	if !t.LastUsed.IsZero() {
		shown.LastUsed = &t.LastUsed
	}
	return shown
}

func (a *API) listTokens(ctx context.Context, in *tokensInput) (*tokensOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	// What is about oneself is done wherever one is; a tenant that was named and isn't one's own is told all the same.
	if err := principal.Astray(ctx); err != nil {
		return nil, err
	}
	who := principal.In(ctx)
	var found []directory.Token
	switch {
	case in.All:
		if !rights.Allow(who, rights.ManageTenant, who.Tenant()) || who.Tenant() == "" {
			return nil, rights.Refuse(who, rights.ManageTenant)
		}
		found, err = parts.Directory.TokensOf(ctx, who.Tenant())
	case who.Tenant() != "":
		found, err = parts.Directory.Tokens(ctx, who.Tenant(), who.Account())
	default:
		found, err = ownTokens(ctx, parts)
	}
	if err != nil {
		return nil, err
	}
	out := &tokensOutput{Body: TokenList{Tokens: []Token{}}}
	for _, t := range found {
		out.Body.Tokens = append(out.Body.Tokens, tokenOf(t))
	}
	return out, nil
}

// ownTokens are an account's in all tenants that it belongs to.
func ownTokens(ctx context.Context, parts *bus.Parts) ([]directory.Token, error) {
	account, err := self(ctx, parts)
	if err != nil {
		return nil, err
	}
	tenants, err := parts.Directory.Memberships(ctx, account)
	if err != nil {
		return nil, err
	}
	var all []directory.Token
	for _, t := range tenants {
		found, err := parts.Directory.Tokens(ctx, t.ID, account.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b directory.Token) int { return a.Created.Compare(b.Created) })
	return all, nil
}

func (a *API) createToken(ctx context.Context, in *createTokenInput) (*newTokenOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	who := principal.In(ctx)
	// Otherwise a token would outlive its end in those that it makes.
	if who.Kind() != principal.BySession {
		return nil, rights.Refuse(who, rights.ChangeAccount)
	}
	want, err := in.Body.token(who, time.Now())
	if err != nil {
		return nil, err
	}
	made, text, err := parts.Directory.NewToken(ctx, want)
	if err != nil {
		return nil, ofTenant(err)
	}
	if err := note(ctx, parts, storelog.TokenMade, made.Tenant, made.ID); err != nil {
		return nil, err
	}
	return &newTokenOutput{Body: NewToken{Token: tokenOf(made), Text: text}}, nil
}

// token checks what is wanted of who wants it; the error is an *engine.FieldError.
func (c CreateToken) token(who principal.Principal, now time.Time) (directory.Token, error) {
	want := directory.Token{Account: who.Account(), Tenant: who.Tenant(), Role: cmp.Or(c.Role, who.Role()), Scopes: slices.Clone(c.Scopes)}
	var err error
	if want.Name, err = accounts.Title(c.Name, maxTokenName); err != nil {
		return directory.Token{}, err
	}
	if want.Role.Within(who.Role()) != want.Role {
		return directory.Token{}, &engine.FieldError{Field: "role", Message: "must be no more than yours, which is " + string(who.Role())}
	}
	if slices.Contains(want.Scopes, principal.Operate) && !who.Operator() {
		return directory.Token{}, &engine.FieldError{Field: "scopes", Message: "may hold platform:operate for operators only"}
	}
	slices.SortFunc(want.Scopes, func(a, b principal.Scope) int {
		return cmp.Compare(slices.Index(principal.TokenScopes, a), slices.Index(principal.TokenScopes, b))
	})
	want.Scopes = slices.Compact(want.Scopes)
	if c.TTL == "" {
		return want, nil
	}
	life, err := time.ParseDuration(c.TTL)
	if err != nil || life < minTokenLife || life > directory.MaxTokenLife {
		return directory.Token{}, &engine.FieldError{Field: "ttl", Message: "must be a duration such as 90m or 720h, from 1m to 8760h"}
	}
	want.Expires = now.UTC().Add(life)
	return want, nil
}

func (a *API) revokeToken(ctx context.Context, in *tokenInput) (*struct{}, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	revoked, err := parts.Directory.RevokeToken(ctx, byWhom(ctx), in.Token)
	if errors.Is(err, directory.ErrUnknown) {
		err = problem.New(problem.NotFound, "There is no such token, or it is no business of yours.")
	}
	if err != nil {
		return nil, err
	}
	return nil, note(ctx, parts, storelog.TokenRevoked, revoked.Tenant, revoked.ID)
}
