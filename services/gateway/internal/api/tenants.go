package api

import (
	"context"
	"errors"
	"net/http"
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

// Tenant is one, as who asks sees it.
type Tenant struct {
	ID        string         `json:"id" doc:"Names the tenant" example:"t-4kq7wmzc3e"`
	Name      string         `json:"name" doc:"What it is called" example:"Amber Agency"`
	Role      principal.Role `json:"role,omitempty" doc:"What one is in it; absent of who isn't a member"`
	Members   int            `json:"members" doc:"How many there are"`
	Limits    TenantLimits   `json:"limits" doc:"What operators have said of it"`
	Suspended bool           `json:"suspended" doc:"Its stores run on, and its people may only read"`
	Created   time.Time      `json:"created" doc:"When it was made"`
}

// TenantLimits are what operators have said of one tenant.
type TenantLimits struct {
	MaxStores *int `json:"maxStores,omitempty" minimum:"0" maximum:"1000" doc:"Stores that it may have at once; MAX_STORES when absent"`
}

// TenantList is one page.
type TenantList struct {
	Tenants []Tenant `json:"tenants" doc:"One's own by the age of the membership; all by id"`
	Next    string   `json:"next,omitempty" doc:"after of the next page; absent on the last"`
}

// CreateTenant is what a tenant is made of.
type CreateTenant struct {
	Name  string `json:"name" maxLength:"400" doc:"1 to 60 characters, text in one line as names of stores are" example:"Amber Agency"`
	Owner string `json:"owner,omitempty" maxLength:"40" doc:"The account that is to own it; oneself when absent. Anybody else's is for operators to say" example:"a-mzqxk2lfna"`
}

// ChangeTenant is what of a tenant is to be another. What is left out stays as it is.
type ChangeTenant struct {
	Name      *string       `json:"name,omitempty" maxLength:"400" doc:"As at a create"`
	Suspended *bool         `json:"suspended,omitempty" doc:"For operators"`
	Limits    *TenantLimits `json:"limits,omitempty" doc:"For operators. All of them: what is left out of these is as the settings say"`
}

type (
	tenantsInput struct {
		All   bool   `query:"all" doc:"All there are, for operators; who holds the admin key has none of its own, and gets all"`
		After string `query:"after" maxLength:"40" doc:"next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Of all; one's own are on one page"`
	}
	tenantsOutput     struct{ Body TenantList }
	createTenantInput struct{ Body CreateTenant }
	tenantOutput      struct {
		Location string `header:"Location" doc:"Where the tenant is read"`
		ETag     string `header:"ETag" doc:"Of its newest change. Send it as If-Match"`
		Body     Tenant
	}
	tenantInput struct {
		ID string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
	}
	changeTenantInput struct {
		ID      string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
		IfMatch string `header:"If-Match" maxLength:"1000" doc:"The ETag of the tenant that was read: 412 tenant_changed when that has changed since"`
		Body    ChangeTenant
	}
	deleteTenantInput struct {
		ID      string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
		IfMatch string `header:"If-Match" maxLength:"1000" doc:"The ETag of the tenant that was read: 412 tenant_changed when that has changed since"`
	}
)

// maxTenantName is in characters.
const maxTenantName = 60

const aboutDeleteTenant = "With its members' API tokens and its invites. 409 `tenant_has_stores` while it has any, those that are being " +
	"deleted included. Where the answer is lost, or an error, repeat it: it may have begun, and then the tenant takes no more stores."

func (a *API) tenants(routes router) {
	about := func(op huma.Operation) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"Tenants"}, MaxBody
		return op
	}
	handle(routes, rights.ListTenants, about(huma.Operation{
		OperationID: "list-tenants", Method: http.MethodGet, Path: "/tenants", Summary: "Own tenants, or all",
		Description: "Those that one belongs to, with what one is there; of an API token the one that it is for.",
	}), a.listTenants, refusals{problem.Forbidden})
	handle(routes, rights.CreateTenant, about(huma.Operation{
		OperationID: "create-tenant", Method: http.MethodPost, Path: "/tenants", Summary: "Make a tenant",
		Description:   "The owner's e-mail address must be proved. 409 `unverified` of others, `limit_reached` of who belongs to 50.",
		DefaultStatus: http.StatusCreated,
	}), a.createTenant, ofAct, refusals{problem.Forbidden, problem.Unverified, problem.LimitReached, problem.TooManyCommands})
	handle(routes, rights.ReadTenant, about(huma.Operation{
		OperationID: "get-tenant", Method: http.MethodGet, Path: "/tenants/{id}", Summary: "One tenant",
		Description: "For its members, and for operators. To all others it doesn't exist.",
	}), a.getTenant)
	handle(routes, rights.ManageTenant, about(huma.Operation{
		OperationID: "change-tenant", Method: http.MethodPatch, Path: "/tenants/{id}", Summary: "Change a tenant",
		Description: "Its owners say its name, operators its limits, and whether it is suspended.",
	}), a.changeTenant, ofAct, refusals{problem.TenantChanged})
	handle(routes, rights.ManageTenant, about(huma.Operation{
		OperationID: "delete-tenant", Method: http.MethodDelete, Path: "/tenants/{id}", Summary: "Delete a tenant", Description: aboutDeleteTenant,
		DefaultStatus: http.StatusNoContent,
	}), a.deleteTenant, ofAct, refusals{problem.TenantHasStores, problem.TenantChanged})
}

// byWhom is who asks, for those who decide about a tenant's change.
func byWhom(ctx context.Context) directory.By {
	who := principal.In(ctx)
	return directory.By{Account: who.Account(), Operator: who.Operator()}
}

// note tells the audit what who asks has done, about a thing of a tenant's. It is told when it is done and before it is answered:
// what was refused is no act, and of what was made nobody has the secret yet.
func note(ctx context.Context, parts *bus.Parts, what storelog.What, tenant, about string) error {
	who := principal.In(ctx)
	return parts.Audit.Append(ctx, storelog.AuditEntry{
		What: what, At: time.Now(), Tenant: tenant, Actor: who.Actor(), From: who.Tenant(), Subject: about,
	})
}

// ofTenant says of a tenant that isn't there what is said of one that isn't one's own.
func ofTenant(err error) error {
	if errors.Is(err, directory.ErrUnknown) {
		return directory.ErrNoTenant
	}
	return err
}

func tenantOf(ctx context.Context, t directory.Tenant) Tenant {
	return Tenant{
		ID: t.ID, Name: t.Name, Role: t.RoleOf(principal.In(ctx).Account()), Members: len(t.Members),
		Limits: TenantLimits{MaxStores: t.Limits.MaxStores}, Suspended: t.Suspended, Created: t.Created,
	}
}

// self is the account of who asks, which may have gone since the door let it in.
func self(ctx context.Context, parts *bus.Parts) (directory.Account, error) {
	account, err := parts.Directory.Account(ctx, principal.In(ctx).Account())
	if errors.Is(err, directory.ErrUnknown) {
		err = principal.ErrNobody
	}
	return account, err
}

func showTenant(ctx context.Context, t directory.Tenant) *tenantOutput {
	return &tenantOutput{Location: "/tenants/" + t.ID, ETag: t.ETag(), Body: tenantOf(ctx, t)}
}

func (a *API) listTenants(ctx context.Context, in *tenantsInput) (*tenantsOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	who := principal.In(ctx)
	out := &tenantsOutput{Body: TenantList{Tenants: []Tenant{}}}
	var found []directory.Tenant
	switch {
	case in.All || who.Kind() == principal.ByKey:
		if err := rights.Check(who, rights.LimitTenant); err != nil {
			return nil, err
		}
		found, out.Body.Next, err = parts.Directory.Tenants(ctx, in.After, in.Limit)
	case who.Kind() == principal.ByToken:
		var t directory.Tenant
		t, err = parts.Directory.Tenant(ctx, who.Tenant())
		found = []directory.Tenant{t}
	default:
		var account directory.Account
		if account, err = self(ctx, parts); err == nil {
			found, err = parts.Directory.Memberships(ctx, account)
		}
	}
	if err != nil {
		return nil, ofTenant(err)
	}
	for _, t := range found {
		out.Body.Tenants = append(out.Body.Tenants, tenantOf(ctx, t))
	}
	return out, nil
}

func (a *API) createTenant(ctx context.Context, in *createTenantInput) (*tenantOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	name, err := accounts.Title(in.Body.Name, maxTenantName)
	if err != nil {
		return nil, err
	}
	who, owner := principal.In(ctx), in.Body.Owner
	if owner == "" {
		owner = who.Account()
	}
	if owner != who.Account() {
		if err := rights.Check(who, rights.LimitTenant); err != nil {
			return nil, err
		}
	}
	if owner == "" {
		return nil, &engine.FieldError{Field: "owner", Message: "must be an account: who holds the admin key has none"}
	}
	if err := a.admission.PayAs(ctx, who); err != nil {
		return nil, err
	}
	t, err := parts.Directory.NewTenant(ctx, owner, name)
	switch {
	case errors.Is(err, directory.ErrUnknown) && owner == who.Account():
		return nil, principal.ErrNobody
	case errors.Is(err, directory.ErrUnknown):
		return nil, &engine.FieldError{Field: "owner", Message: "must be the id of an account"}
	case err != nil:
		return nil, err
	}
	return showTenant(ctx, t), note(ctx, parts, storelog.TenantMade, t.ID, owner)
}

func (a *API) getTenant(ctx context.Context, in *tenantInput) (*tenantOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	t, err := parts.Directory.Tenant(ctx, in.ID)
	if err != nil {
		return nil, ofTenant(err)
	}
	return showTenant(ctx, t), nil
}

func (a *API) changeTenant(ctx context.Context, in *changeTenantInput) (*tenantOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	change := directory.TenantChange{Suspended: in.Body.Suspended, Match: matching(in.IfMatch)}
	if in.Body.Limits != nil {
		change.Limits = &directory.Limits{MaxStores: in.Body.Limits.MaxStores}
	}
	if change.Suspended != nil || change.Limits != nil {
		if err := rights.Check(principal.In(ctx), rights.LimitTenant); err != nil {
			return nil, err
		}
	}
	if in.Body.Name != nil {
		name, err := accounts.Title(*in.Body.Name, maxTenantName)
		if err != nil {
			return nil, err
		}
		change.Name = &name
	}
	t, err := parts.Directory.ChangeTenant(ctx, byWhom(ctx), in.ID, change)
	if err != nil {
		return nil, ofTenant(err)
	}
	return showTenant(ctx, t), note(ctx, parts, storelog.TenantChanged, t.ID, t.ID)
}

func (a *API) deleteTenant(ctx context.Context, in *deleteTenantInput) (*struct{}, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	if err := parts.Directory.DeleteTenant(ctx, byWhom(ctx), in.ID, matching(in.IfMatch), parts.Claims); err != nil {
		return nil, ofTenant(err)
	}
	return nil, note(ctx, parts, storelog.TenantDeleted, in.ID, in.ID)
}
