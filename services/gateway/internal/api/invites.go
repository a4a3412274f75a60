package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Invite is one that can be taken.
type Invite struct {
	ID      string         `json:"id" doc:"Names the invite" example:"i-7c2mdqx4zu"`
	Role    principal.Role `json:"role" doc:"What who takes it becomes"`
	Email   string         `json:"email,omitempty" doc:"Whose account may take it; anybody's where absent"`
	By      string         `json:"by,omitempty" doc:"The account that has made it; absent where the admin key did" example:"a-mzqxk2lfna"`
	Created time.Time      `json:"created" doc:"When it was made"`
	Expires time.Time      `json:"expires" doc:"Until when it can be taken"`
}

// NewInvite is one that was just made.
type NewInvite struct {
	Invite
	Mailed bool   `json:"mailed" doc:"It is on its way to the address that it is for"`
	Text   string `json:"invite" doc:"For POST /invites/take, or to sign up with. Shown once: pass it on, unless it is mailed" example:"si_4kq7wmzc3e7c2mdqx4zu_ABCDEFGHIJKLMNOPQRSTUVWXYZ"`
}

// InviteList is all that can be taken of a tenant's.
type InviteList struct {
	Invites []Invite `json:"invites" doc:"The oldest first"`
}

// CreateInvite is what an invite is made of.
type CreateInvite struct {
	Role  principal.Role `json:"role" doc:"What who takes it becomes"`
	Email string         `json:"email,omitempty" maxLength:"254" doc:"Only the account with this address may take it; anybody's when absent"`
}

// TakeInvite is what is taken.
type TakeInvite struct {
	Text string `json:"invite" maxLength:"100" doc:"As it was given by who made it"`
}

type (
	invitesOutput     struct{ Body InviteList }
	newInviteOutput   struct{ Body NewInvite }
	createInviteInput struct {
		ID   string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
		Body CreateInvite
	}
	inviteInput struct {
		ID     string `path:"id" doc:"The tenant's id" example:"t-4kq7wmzc3e"`
		Invite string `path:"invite" doc:"The invite's id" example:"i-7c2mdqx4zu"`
	}
	takeInviteInput struct{ Body TakeInvite }
)

const aboutInvite = "It can be taken once, for seven days, and as long as who made it could make it: invites of who is no owner any more, and " +
	"no operator, are good for nothing. 409 `limit_reached` where 50 can be taken, or 200 were taken or withdrawn within a week."

func (a *API) invites(routes router) {
	about := func(op huma.Operation) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"Tenants"}, MaxBody
		return op
	}
	handle(routes, rights.ManageTenant, about(huma.Operation{
		OperationID: "list-invites", Method: http.MethodGet, Path: "/tenants/{id}/invites", Summary: "Invites that can be taken",
		Description: "For owners. Without their texts, which are shown once.",
	}), a.listInvites)
	handle(routes, rights.ManageTenant, about(huma.Operation{
		OperationID: "create-invite", Method: http.MethodPost, Path: "/tenants/{id}/invites", Summary: "Invite somebody", Description: aboutInvite,
		DefaultStatus: http.StatusCreated,
	}), a.createInvite, ofAct, refusals{problem.Unverified, problem.LimitReached})
	handle(routes, rights.ManageTenant, about(huma.Operation{
		OperationID: "withdraw-invite", Method: http.MethodDelete, Path: "/tenants/{id}/invites/{invite}", Summary: "Withdraw an invite",
		Description: "404 of one that was taken.", DefaultStatus: http.StatusNoContent,
	}), a.withdrawInvite, ofAct)
	handle(routes, rights.ChangeAccount, about(huma.Operation{
		OperationID: "take-invite", Method: http.MethodPost, Path: "/invites/take", Summary: "Become a member by an invite",
		Description: "Who has taken it may repeat this. 404 where it can't be taken any more, 403 where it is for another address, 409 `already_member`, " +
			"which leaves it for somebody else, and `limit_reached` where the tenant has 100 members.",
	}), a.takeInvite, ofAct, refusals{problem.AlreadyMember, problem.LimitReached, problem.Unverified})
}

// ofInvite says of an invite that isn't there, or not any more, what it is good for.
func ofInvite(err error) error {
	if errors.Is(err, directory.ErrUnknown) {
		return problem.New(problem.NotFound, "There is no such invite: it was taken or withdrawn, its time is over, or there never was one.")
	}
	return err
}

func inviteOf(i directory.Invite) Invite {
	return Invite{ID: i.ID, Role: i.Role, Email: i.Email, By: i.By, Created: i.Created, Expires: i.Expires}
}

func (a *API) listInvites(ctx context.Context, in *tenantInput) (*invitesOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	found, err := parts.Directory.Invites(ctx, byWhom(ctx), in.ID)
	if err != nil {
		return nil, ofTenant(err)
	}
	out := &invitesOutput{Body: InviteList{Invites: []Invite{}}}
	for _, i := range found {
		out.Body.Invites = append(out.Body.Invites, inviteOf(i))
	}
	return out, nil
}

func (a *API) createInvite(ctx context.Context, in *createInviteInput) (*newInviteOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	email := in.Body.Email
	if email != "" {
		if email, err = accounts.Email(email); err != nil {
			return nil, err
		}
	}
	made, text, err := parts.Directory.NewInvite(ctx, byWhom(ctx), in.ID, in.Body.Role, email)
	if err != nil {
		return nil, ofTenant(err)
	}
	if err := note(ctx, parts, storelog.Invited, in.ID, made.ID); err != nil {
		return nil, err
	}
	tenant, err := parts.Directory.Tenant(ctx, in.ID)
	if err != nil {
		return nil, ofTenant(err)
	}
	return &newInviteOutput{Body: NewInvite{Invite: inviteOf(made), Text: text, Mailed: a.accounts.SendInvite(ctx, made.Email, tenant.Name, text)}}, nil
}

func (a *API) withdrawInvite(ctx context.Context, in *inviteInput) (*struct{}, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	if err := parts.Directory.WithdrawInvite(ctx, byWhom(ctx), in.ID, in.Invite); err != nil {
		return nil, ofInvite(err)
	}
	return nil, note(ctx, parts, storelog.InviteWithdrawn, in.ID, in.Invite)
}

func (a *API) takeInvite(ctx context.Context, in *takeInviteInput) (*tenantOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	account := principal.In(ctx).Account()
	t, err := parts.Directory.TakeInvite(ctx, strings.TrimSpace(in.Body.Text), account)
	if err != nil {
		return nil, ofInvite(err)
	}
	return showTenant(ctx, t), note(ctx, parts, storelog.InviteTaken, t.ID, account)
}
