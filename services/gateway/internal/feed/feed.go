// Package feed hands a WebSocket client through to the events service: two pumps, one a direction, and nothing in
// between that understands a message. Who may see what is decided by a one-use ticket that the gateway leaves in a
// bucket and names in a header, so that no token of the client's travels further.
//
// Fiber's Shutdown forgets connections that became WebSockets, so the hub knows every one and closes them first.
package feed

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

const (
	dialTimeout  = 5 * time.Second
	claimTimeout = 30 * time.Second
)

// Feed serves /feed.
type Feed struct {
	bus      *bus.Bus
	stores   *admission.Admission
	url      url.URL
	dialer   websocket.Dialer
	upgrader websocket.FastHTTPUpgrader
	hub      *Hub
	// every is how often it is asked whether a client may stay.
	every time.Duration
}

// New makes a feed in front of the events service at eventsURL (http or https), which asks every so often whether its clients may stay.
func New(b *bus.Bus, a *admission.Admission, eventsURL string, hub *Hub, every time.Duration) (*Feed, error) {
	u, err := url.Parse(eventsURL)
	if err != nil {
		return nil, fmt.Errorf("read EVENTS_URL: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return nil, fmt.Errorf("EVENTS_URL %q must begin with http:// or https://", eventsURL)
	}
	u = u.JoinPath("feed")
	return &Feed{
		bus: b, stores: a, url: *u, hub: hub, every: every,
		// No proxy: what the environment says of the outside doesn't hold for a neighbour.
		dialer: websocket.Dialer{HandshakeTimeout: dialTimeout},
		// The door has compared Origin and Host already, more strictly than the library would.
		upgrader: websocket.FastHTTPUpgrader{CheckOrigin: func(*requestCtx) bool { return true }},
	}, nil
}

// Handle answers GET /feed.
func (f *Feed) Handle(c *fiber.Ctx) error {
	ctx := c.UserContext()
	if !websocket.FastHTTPIsWebSocketUpgrade(c.Context()) {
		c.Set(fiber.HeaderUpgrade, "websocket")
		return problem.New(problem.UpgradeRequired, "Connect to /feed with a WebSocket.")
	}
	target, err := f.target(ctx, c.Query("since"), c.Query("store"))
	if err != nil {
		return err
	}
	log, may := f.hub.log(), f.leave(ctx)
	// Dialled before the client is answered: a refusal can then still be a problem with a status.
	upstream, err := f.dial(ctx, target)
	if err != nil {
		return err
	}
	// A client that goes away before it has read the answer never gets to the handler below.
	unclaimed := time.AfterFunc(claimTimeout, func() { drop(upstream) })
	err = f.upgrader.Upgrade(c.Context(), func(client *websocket.Conn) {
		if unclaimed.Stop() {
			f.hub.serve(client, upstream, log, may)
		}
	})
	if err != nil {
		unclaimed.Stop()
		drop(upstream)
		return problem.New(problem.UpgradeRequired, "The WebSocket handshake is not complete.")
	}
	return nil
}

// leave is what the client may listen by, where that may be taken back.
func (f *Feed) leave(ctx context.Context) *leave {
	again := principal.Again(ctx)
	if again == nil {
		return nil
	}
	return &leave{every: f.every, again: again, scope: rights.Scope(principal.In(ctx), rights.ReadStores)}
}

func drop(conn *websocket.Conn) {
	if err := conn.Close(); err != nil {
		slog.Debug("close the feed's upstream", "error", err)
	}
}

// target is the address to dial, once the client may see what it asks for.
func (f *Feed) target(ctx context.Context, since, id string) (url.URL, error) {
	target, q := f.url, url.Values{}
	if since != "" {
		if _, err := feed.ParseCursor(since); err != nil {
			return url.URL{}, problem.New(problem.InvalidCursor, "since is not a cursor of this feed. List the stores and use theirs.").At("since")
		}
		q.Set("since", since)
	}
	if id != "" {
		if err := f.maySee(ctx, id); err != nil {
			return url.URL{}, err
		}
		q.Set("store", id)
	}
	target.RawQuery = q.Encode()
	return target, nil
}

func (f *Feed) maySee(ctx context.Context, text string) error {
	id, err := store.ParseID(text)
	if err != nil {
		return store.ErrNotFound
	}
	_, err = f.stores.Read(ctx, principal.In(ctx), id, rights.ReadStores)
	return err
}

func (f *Feed) dial(ctx context.Context, target url.URL) (*websocket.Conn, error) {
	ticket, err := f.ticket(ctx)
	if err != nil {
		return nil, err
	}
	conn, resp, err := f.dialer.DialContext(ctx, target.String(), http.Header{feed.TicketHeader: {ticket}})
	if err != nil {
		told := problem.New(problem.FeedUnavailable,
			"The events service can't be reached. Nothing is lost: connect again with your last cursor.")
		if resp != nil {
			err = fmt.Errorf("%w (it answered %s)", err, resp.Status)
			if full := noRoom(resp.Body); full != nil {
				told = full
			}
		}
		return nil, fmt.Errorf("dial the events service: %w: %w", told, err)
	}
	return conn, nil
}

// noRoom reads from a refusal that there is no room for the client: that is the client's to know, unlike what else may
// be wrong between gateway and events. It is nil for other refusals.
func noRoom(body io.Reader) *problem.Problem {
	var said struct {
		Code string `json:"code"`
	}
	if err := json.NewDecoder(body).Decode(&said); err != nil {
		return nil
	}
	switch said.Code {
	case feed.CodeFull:
		return problem.New(problem.FeedFull,
			"The feed serves as many clients as it may. Nothing is lost: connect again with your last cursor.")
	case feed.CodeTooMany:
		return problem.New(problem.TooManyFeeds,
			"You have as many connections to the feed as a tenant may have. Close one, then connect again with your last cursor.")
	default:
		return nil
	}
}

// ticket says who is asking, once, to whoever finds it in the bucket within its short life.
func (f *Feed) ticket(ctx context.Context) (string, error) {
	parts, err := f.bus.Parts()
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(feed.Ticket{Scope: rights.Scope(principal.In(ctx), rights.ReadStores)})
	if err != nil {
		return "", fmt.Errorf("write a feed ticket: %w", err)
	}
	ticket := rand.Text()
	if _, err := parts.Tickets.Create(ctx, ticket, data); err != nil {
		return "", fmt.Errorf("leave a feed ticket: %w", err)
	}
	return ticket, nil
}
