package feed

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	localRequest     = "feed-request"
	handshakeTimeout = 10 * time.Second
	spendTimeout     = 5 * time.Second
)

// request is what a client asks for: GET /feed?since=<cursor>&store=<id>, and on whose behalf.
type request struct {
	ticket feed.Ticket
	seat   *seat
	since  *feed.Cursor
	store  store.ID
}

// Handler upgrades GET /feed: 426 to what is no WebSocket, 400 to a cursor or a store id that is none, 401 without a
// ticket that is still good, 503 while the feed isn't open, and a Refusal when there is no room. The ticket is spent
// last, so that none of the others costs one.
func (h *Hub) Handler() fiber.Handler {
	upgrade := websocket.New(h.serve, websocket.Config{
		HandshakeTimeout: handshakeTimeout,
		// Write buffers belong to the writing, not to the connection: most connections are idle.
		WriteBufferPool: &sync.Pool{},
	})
	return func(c *fiber.Ctx) error {
		if !websocket.IsWebSocketUpgrade(c) {
			return fiber.ErrUpgradeRequired
		}
		r, err := parse(c)
		if err != nil {
			return fiber.NewError(http.StatusBadRequest, err.Error())
		}
		if r.ticket, r.seat, err = h.admit(c.UserContext(), c.Get(feed.TicketHeader)); err != nil {
			return refusal(err)
		}
		c.Locals(localRequest, r)
		if err := upgrade(c); err != nil {
			r.seat.free()
			return err
		}
		return nil
	}
}

func parse(c *fiber.Ctx) (request, error) {
	var r request
	if text := c.Query("since"); text != "" {
		since, err := feed.ParseCursor(text)
		if err != nil {
			return r, err
		}
		r.since = &since
	}
	if text := c.Query("store"); text != "" {
		id, err := store.ParseID(text)
		if err != nil {
			return r, err
		}
		r.store = id
	}
	return r, nil
}

// admit trades a ticket for a seat.
func (h *Hub) admit(ctx context.Context, key string) (feed.Ticket, *seat, error) {
	h.mu.Lock()
	tickets, open := h.tickets, h.log != nil && !h.ended
	h.mu.Unlock()
	if !open {
		return feed.Ticket{}, nil, errClosed
	}
	if err := h.room(); err != nil {
		return feed.Ticket{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, spendTimeout)
	defer cancel()
	ticket, revision, err := look(ctx, tickets, key)
	if err != nil {
		return feed.Ticket{}, nil, err
	}
	seat, err := h.sit(ticket.Scope)
	if err != nil {
		return feed.Ticket{}, nil, err
	}
	if err := spend(ctx, tickets, key, revision); err != nil {
		seat.free()
		return feed.Ticket{}, nil, err
	}
	return ticket, seat, nil
}

func refusal(err error) error {
	if errors.As(err, new(*Refusal)) {
		return err
	}
	if errors.Is(err, errTicket) {
		return fiber.NewError(http.StatusUnauthorized, errTicket.Error())
	}
	if !errors.Is(err, errClosed) {
		slog.Warn("admit a feed client", "error", err)
	}
	return fiber.NewError(http.StatusServiceUnavailable, "the feed isn't open at the moment")
}
