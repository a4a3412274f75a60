package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Member is an account in a tenant.
type Member struct {
	Account string         `json:"account" doc:"Names the account" example:"a-mzqxk2lfna"`
	Name    string         `json:"name" doc:"What its owner is called" example:"Maria"`
	Email   string         `json:"email,omitempty" doc:"For owners of the tenant, and operators"`
	Role    principal.Role `json:"role" doc:"What it is in the tenant"`
	Since   time.Time      `json:"since" doc:"When it became that"`
}

// MemberList is all of a tenant's.
type MemberList struct {
	Members []Member `json:"members" doc:"The oldest membership first"`
}

// ChangeMember is what a member is to be.
type ChangeMember struct {
	Role principal.Role `json:"role" doc:"What the member is to be"`
}

type (
	membersOutput     struct{ Body MemberList }
	memberOutput      struct{ Body Member }
	changeMemberInput struct {
		ID      string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
		Account string `path:"account" doc:"The member's account" example:"a-mzqxk2lfna"`
		Body    ChangeMember
	}
	memberInput struct {
		ID      string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
		Account string `path:"account" doc:"The member's account" example:"a-mzqxk2lfna"`
	}
)

func (a *API) members(routes router) {
	about := func(op huma.Operation) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"Tenants"}, MaxBody
		return op
	}
	handle(routes, rights.ReadTenant, about(huma.Operation{
		OperationID: "list-members", Method: http.MethodGet, Path: "/tenants/{id}/members", Summary: "Who belongs to a tenant",
		Description: "All of them on one page. Addresses are shown to its owners and to operators.",
	}), a.listMembers)
	handle(routes, rights.ManageTenant, about(huma.Operation{
		OperationID: "change-member", Method: http.MethodPatch, Path: "/tenants/{id}/members/{account}", Summary: "Give a member another role",
		Description: "409 `last_owner` where the tenant would have no owner.",
	}), a.changeMember, ofAct, refusals{problem.LastOwner})
	// Everybody may leave; who may remove others is asked below.
	handle(routes, rights.ReadTenant, about(huma.Operation{
		OperationID: "remove-member", Method: http.MethodDelete, Path: "/tenants/{id}/members/{account}", Summary: "Leave a tenant, or remove a member",
		Description: "The member's API tokens for the tenant end with it. Removing others is for owners, and by a token so is leaving. 409 `last_owner` where the tenant would " +
			"have no owner.",
		DefaultStatus: http.StatusNoContent,
	}), a.removeMember, ofAct, refusals{problem.LastOwner})
}

// ofMember says of an account that doesn't belong to a tenant what is said of one that isn't there.
func ofMember(err error) error {
	if errors.Is(err, directory.ErrUnknown) {
		return problem.New(problem.NotFound, "The tenant has no such member.")
	}
	return err
}

func showMember(ctx context.Context, parts *bus.Parts, m directory.Member) (Member, error) {
	account, err := parts.Directory.Account(ctx, m.Account)
	if err != nil && !errors.Is(err, directory.ErrUnknown) {
		return Member{}, err
	}
	shown := Member{Account: m.Account, Name: account.Name, Role: m.Role, Since: m.Since}
	if who := principal.In(ctx); who.Operator() || who.Role() == principal.Owner {
		shown.Email = account.Email
	}
	return shown, nil
}

func (a *API) listMembers(ctx context.Context, in *tenantInput) (*membersOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	t, err := parts.Directory.Tenant(ctx, in.ID)
	if err != nil {
		return nil, ofTenant(err)
	}
	out := &membersOutput{Body: MemberList{Members: []Member{}}}
	for _, m := range t.Members {
		shown, err := showMember(ctx, parts, m)
		if err != nil {
			return nil, err
		}
		out.Body.Members = append(out.Body.Members, shown)
	}
	return out, nil
}

func (a *API) changeMember(ctx context.Context, in *changeMemberInput) (*memberOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	t, err := parts.Directory.ChangeMember(ctx, byWhom(ctx), in.ID, in.Account, in.Body.Role)
	if err != nil {
		return nil, ofMember(err)
	}
	if err := note(ctx, parts, storelog.MemberChanged, in.ID, in.Account); err != nil {
		return nil, err
	}
	for _, m := range t.Members {
		if m.Account == in.Account {
			shown, err := showMember(ctx, parts, m)
			return &memberOutput{Body: shown}, err
		}
	}
	return nil, ofMember(directory.ErrUnknown)
}

func (a *API) removeMember(ctx context.Context, in *memberInput) (*struct{}, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	// A token is for what is done in the tenant, and that its account leaves it is done to the account.
	if who := principal.In(ctx); in.Account != who.Account() || who.Kind() == principal.ByToken {
		if err := rights.Check(who, rights.ManageTenant); err != nil {
			return nil, err
		}
	}
	if err := parts.Directory.RemoveMember(ctx, byWhom(ctx), in.ID, in.Account); err != nil {
		return nil, ofMember(err)
	}
	return nil, note(ctx, parts, storelog.MemberRemoved, in.ID, in.Account)
}
