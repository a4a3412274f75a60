package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

type auditInput struct {
	Tenant string    `query:"tenant" maxLength:"100" doc:"Only acts in this tenant; for operators, who see all tenants'"`
	What   string    `query:"what" maxLength:"63" doc:"Only acts of this kind" example:"credentials_viewed"`
	Store  string    `query:"store" maxLength:"63" doc:"Only acts about this store"`
	Actor  string    `query:"actor" maxLength:"200" doc:"Only what this one did"`
	About  string    `query:"about" maxLength:"100" doc:"Only what was done to this account, tenant, token or invite"`
	From   time.Time `query:"from" doc:"Only acts at this time or later"`
	To     time.Time `query:"to" doc:"Only acts before this time"`
	Cursor string    `query:"cursor" maxLength:"200" doc:"next of the page before"`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most on a page"`
}

// ActList is one page.
type ActList struct {
	Acts []query.Act `json:"acts" doc:"Newest first"`
	Next string      `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
}

type auditOutput struct{ Body ActList }

func (a *API) audit(routes router) {
	handle(routes, rights.ReadAudit, huma.Operation{
		OperationID: "list-acts", Method: http.MethodGet, Path: "/audit", Tags: []string{"Operators"}, Summary: "Who did what",
		Description: "Looks at passwords, and what was done to accounts, tenants, members, tokens and by transfers: ids only, kept for 400 days. An owner sees the " +
			"tenant's own, an operator all, also what belongs to no tenant, such as signing in. What is done to a store by commands stands in its own history. " +
			"An act is here moments after it was done.",
	}, a.listActs, ofLists)
}

func (a *API) listActs(ctx context.Context, in *auditInput) (*auditOutput, error) {
	reply, err := reader.Ask(ctx, a.reader, query.Audit, query.AuditRequest{
		Scope: rights.Scope(principal.In(ctx), rights.ReadAudit), Tenant: in.Tenant, What: in.What, Store: in.Store, Actor: in.Actor, About: in.About,
		From: in.From, To: in.To, After: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	if reply.Acts == nil {
		reply.Acts = []query.Act{}
	}
	return &auditOutput{Body: ActList{Acts: reply.Acts, Next: reply.Next}}, nil
}
