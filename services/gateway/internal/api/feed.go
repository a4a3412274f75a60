package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// FeedTicket opens the feed once.
type FeedTicket struct {
	Ticket  string    `json:"ticket" doc:"Connect to /feed?ticket=… with it"`
	Expires time.Time `json:"expires" doc:"Until when it opens the feed"`
}

type feedTicketOutput struct{ Body FeedTicket }

const aboutFeedTicket = "For pages that have an API token: a browser's WebSocket can't send one in a header, and in an address it would be " +
	"read by whoever reads addresses. A ticket is of no use to those, as it opens the feed once, within half a minute."

func (a *API) feedTickets(routes router) {
	handle(routes, rights.TicketFeed, huma.Operation{
		OperationID: "create-feed-ticket", Method: http.MethodPost, Path: "/feed/tickets", Tags: []string{"Feed"},
		Summary: "A ticket to the feed", Description: aboutFeedTicket, DefaultStatus: http.StatusCreated,
	}, a.feedTicket, refusals{problem.BrokerUnavailable})
}

func (a *API) feedTicket(ctx context.Context, _ *struct{}) (*feedTicketOutput, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	expires := time.Now().Add(directory.FeedTicketLife).UTC()
	who := principal.In(ctx)
	secret, err := parts.Directory.IssueFeedTicket(ctx, directory.FeedTicket{Credential: who.Credential(), Tenant: who.Tenant()})
	if err != nil {
		return nil, err
	}
	return &feedTicketOutput{Body: FeedTicket{Ticket: secret, Expires: expires}}, nil
}
