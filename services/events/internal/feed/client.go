package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	gorilla "github.com/fasthttp/websocket"
	"github.com/gofiber/contrib/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// queueSize is how many messages a client may be behind before it is closed as too slow.
	queueSize = 256
	// readLimit is for what clients send, which is nothing.
	readLimit    = 512
	writeTimeout = 10 * time.Second
	pingEvery    = 25 * time.Second
	pongTimeout  = 60 * time.Second
	// partingGrace is how long a client may take to answer a close message.
	partingGrace = 2 * time.Second
)

// pace is how long clients are waited for; claim is for those that have been let in and don't come, parting for those that
// were sent away.
type pace struct{ ping, pong, write, claim, parting time.Duration }

// parting is why the hub ends a connection, as the client is told.
type parting struct {
	code int
	text string
}

func (p parting) Error() string { return fmt.Sprintf("closed with %d: %s", p.code, p.text) }

var (
	tooSlow    = parting{feed.CloseSlow, "too slow: come back with the last cursor"}
	leaving    = parting{websocket.CloseGoingAway, "this replica ends: come back with the last cursor"}
	restarting = parting{websocket.CloseServiceRestart, "the feed begins anew: come back with the last cursor"}
	notNow     = parting{websocket.CloseTryAgainLater, "what was missed can't be read now: come back with the last cursor"}
)

// errGone: the client ended the connection, or it broke.
var errGone = errors.New("the client is gone")

// client is one connection.
type client struct {
	request
	pace  pace
	conn  *websocket.Conn
	queue chan *gorilla.PreparedMessage
	end   context.CancelCauseFunc
	// after is what the client knew when it joined; under the lock of the hub.
	after uint64
	// cluster is what it has been told of the platform before it joined.
	cluster *gorilla.PreparedMessage
}

// told is what the client is told of a message of the log; nil where that is nothing. Each is told of what happened to a store while
// that was its own, whenever it asks: what came before a transfer is in the store's history.
func (c *client) told(e event) *gorilla.PreparedMessage {
	switch {
	case c.store != "" && e.store != c.store:
		return nil
	case c.ticket.Scope.Sees(e.tenant):
		return e.prepared
	case c.ticket.Scope.Sees(e.former):
		return e.left
	}
	return nil
}

// serve has a connection from the upgrade to its end. The connection goes back to a pool when serve returns, so the
// writer must have ended by then.
func (h *Hub) serve(conn *websocket.Conn) {
	r, ok := conn.Locals(localRequest).(request)
	if !ok {
		return
	}
	if !r.seat.claimed() {
		return
	}
	defer r.seat.free()
	ctx, end := context.WithCancelCause(context.Background())
	c := &client{request: r, pace: h.pace, conn: conn, queue: make(chan *gorilla.PreparedMessage, queueSize), end: end}
	log, ok := h.enter(c)
	if !ok {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(notNow.code, notNow.text), time.Now().Add(h.pace.write))
		return
	}
	defer h.leave(c)
	read := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { c.write(ctx, h, log, read) })
	writing.Go(func() { c.ping(ctx) })
	c.read(ctx)
	close(read)
	end(errGone)
	c.interrupt()
	writing.Wait()
}

// read takes nothing from the client but its pongs and its close message.
func (c *client) read(ctx context.Context) {
	c.conn.SetReadLimit(readLimit)
	alive := func(string) error {
		if ctx.Err() != nil {
			return nil
		}
		return c.conn.SetReadDeadline(time.Now().Add(c.pace.pong))
	}
	c.conn.SetPongHandler(alive)
	_ = alive("")
	for {
		if _, _, err := c.conn.NextReader(); err != nil {
			return
		}
	}
}

// write is the only writer of data. It ends when the connection breaks or ctx says so, and then says why.
func (c *client) write(ctx context.Context, h *Hub, log *storelog.Log, read <-chan struct{}) {
	err := c.tell(ctx, h, log)
	var stuck net.Error
	switch {
	case err == nil:
		err = context.Cause(ctx)
	case errors.As(err, &stuck) && stuck.Timeout() && ctx.Err() == nil:
		// It took so long over one message that it can't even be told why: the close message would come after that one.
		h.countSlow()
	}
	var why parting
	if errors.As(err, &why) {
		text := websocket.FormatCloseMessage(why.code, why.text)
		if c.conn.WriteControl(websocket.CloseMessage, text, time.Now().Add(c.pace.write)) == nil {
			c.awaitParting(why, read)
		}
	}
	c.end(errGone)
	c.interrupt()
}

// awaitParting gives a client time to take what it was told last. One that was too slow has much to read before it comes
// to that, pings among it: its answer to a connection that is closed already would be answered by a reset, and take from it
// all that it hasn't read. So it has as long as for any sign of life.
func (c *client) awaitParting(why parting, read <-chan struct{}) {
	if why == tooSlow {
		<-read
		return
	}
	select {
	case <-read:
	case <-time.After(c.pace.parting):
	}
}

// interrupt wakes whoever reads or writes. Close wouldn't: fasthttp closes hijacked connections itself, later.
func (c *client) interrupt() { _ = c.conn.NetConn().SetDeadline(time.Unix(1, 0)) }

// tell is everything that a client is told.
func (c *client) tell(ctx context.Context, h *Hub, log *storelog.Log) error {
	from, reset, err := h.place(ctx, log, c.since)
	if err != nil {
		slog.Warn("place a feed client", "error", err)
		return notNow
	}
	if err := c.greet(h, from, reset); err != nil {
		return err
	}
	if err := c.catchUp(ctx, h, log, from.Seq); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-c.queue:
			if err := c.send(m); err != nil {
				return err
			}
		}
	}
}

// ping asks for signs of life beside the writer, who may be busy for minutes with what a client has missed.
func (c *client) ping(ctx context.Context) {
	tick := time.NewTicker(c.pace.ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// That it can't be written is noticed by the writer, or by the lack of an answer.
		_ = c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.pace.write))
	}
}

// greet says hello, how the platform is, and that the client must begin anew, if so.
func (c *client) greet(h *Hub, from feed.Cursor, reset string) error {
	h.mu.Lock()
	c.cluster = h.cluster
	h.mu.Unlock()
	hello, err := prepare(feed.Message{Type: feed.Hello, Cursor: from.String()})
	if err != nil {
		return err
	}
	messages := []*gorilla.PreparedMessage{hello, c.cluster}
	if reset != "" {
		again, err := prepare(feed.Message{Type: feed.Reset, Reason: reset})
		if err != nil {
			return err
		}
		messages = append(messages, again)
	}
	return c.send(messages...)
}

func (c *client) send(messages ...*gorilla.PreparedMessage) error {
	for _, m := range messages {
		if err := c.conn.SetWriteDeadline(time.Now().Add(c.pace.write)); err != nil {
			return err
		}
		if err := c.conn.WritePreparedMessage(m); err != nil {
			return err
		}
	}
	return nil
}
