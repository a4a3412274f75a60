package feed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/store-platform/store-platform/pkg/feed"
)

type requestCtx = fasthttp.RequestCtx

const (
	// pingEvery keeps middleboxes awake; who doesn't answer within silence is gone.
	pingEvery = 25 * time.Second
	silence   = 60 * time.Second
	// writeWait is how long one message may take to a client: longer, and it is too slow for live events.
	writeWait = 10 * time.Second
	// maxFromClient is what a client may send in one message, in bytes. Nothing it sends is understood.
	maxFromClient = 1 << 10
	// maxWords is how many frames a client may send, pings and pongs too, from one of our pings to the next: many times
	// what keeping a connection awake takes. Each costs the gateway more than the client.
	maxWords = 256
	// maxFromUpstream is more than any message of the feed.
	maxFromUpstream = 4 << 20
	// goodbyeSpread keeps all clients from coming back in the same instant.
	goodbyeSpread = 1500 * time.Millisecond
	// linger is how long the other side may take to answer a farewell.
	linger = time.Second

	goodbye = "the gateway is going down; connect again"
	remade  = "the log was made anew; connect again"
)

// errTalkative: a client floods the gateway with frames.
var errTalkative = errors.New("the client sends too much")

// pace is how long sides are waited for.
type pace struct{ ping, silence, write, linger time.Duration }

// Hub knows all clients, so that they can be told before the gateway goes.
type Hub struct {
	mu      sync.Mutex
	leaving bool
	// logs counts those that were made anew.
	logs     int
	sessions map[*session]struct{}
	wait     sync.WaitGroup
	// pace is the constants.
	pace pace
}

// NewHub makes an empty one.
func NewHub() *Hub {
	return &Hub{sessions: map[*session]struct{}{}, pace: pace{ping: pingEvery, silence: silence, write: writeWait, linger: linger}}
}

// Close says goodbye to every client (1001), spread over a moment, and returns when all are gone or ctx ends. New ones
// are turned away from now on.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	h.leaving = true
	h.sendAway(ctx, websocket.CloseGoingAway, goodbye)
	h.mu.Unlock()
	gone := make(chan struct{})
	go func() { h.wait.Wait(); close(gone) }()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendAway ends every session, each after a moment of its own: those that are sent away together come back together. It needs
// the lock.
func (h *Hub) sendAway(ctx context.Context, code int, reason string) {
	for s := range h.sessions {
		delay := rand.N(goodbyeSpread)
		h.wait.Go(func() {
			select {
			case <-time.After(delay):
			case <-s.done:
			case <-ctx.Done():
			}
			s.end(code, reason)
			// One that is slow to read an earlier farewell keeps nobody.
			time.AfterFunc(s.pace.linger, func() { s.interrupt(s.client) })
		})
	}
}

// LogRemade ends every session: whoever listens was let in under a name of another log. The bus calls it. That the gateway's
// own connection is cut ends none by itself (leave): what is told comes from the events service, which has a connection of its own, and sends
// its clients elsewhere when that is silent.
func (h *Hub) LogRemade() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logs++
	if !h.leaving {
		h.sendAway(context.Background(), websocket.CloseTryAgainLater, remade)
	}
}

// log tells one log from the next, so that a session can tell whether it was let in under another one's name.
func (h *Hub) log() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logs
}

// serve pumps until either side ends. Both connections are closed and both pumps have ended when it returns. The log
// is that of the moment when the client was let in, and leave says what has become of it since; nil of who may stay.
func (h *Hub) serve(client, upstream *websocket.Conn, log int, leave *leave) {
	over, finish := context.WithCancel(context.Background())
	defer finish()
	s := &session{client: client, upstream: upstream, pace: h.pace, done: over.Done(), finish: finish}
	defer s.release()
	if code, reason := h.enter(s, log); code != 0 {
		s.end(code, reason)
		return
	}
	defer h.leave(s)
	var pumps sync.WaitGroup
	pumps.Go(func() { s.pump(upstream, client) })
	pumps.Go(func() { s.pump(client, upstream) })
	pumps.Go(s.ping)
	if leave != nil {
		pumps.Go(func() { leave.watch(over, s) })
	}
	pumps.Wait()
}

// enter returns the code and the reason to close with, if there is one.
func (h *Hub) enter(s *session, log int) (code int, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.leaving:
		return websocket.CloseGoingAway, goodbye
	case h.logs != log:
		return websocket.CloseTryAgainLater, remade
	}
	h.sessions[s] = struct{}{}
	h.wait.Add(1)
	return 0, ""
}

func (h *Hub) leave(s *session) {
	h.mu.Lock()
	delete(h.sessions, s)
	h.mu.Unlock()
	h.wait.Done()
}

// session is one client with its own connection to the events service.
type session struct {
	client, upstream *websocket.Conn
	pace             pace
	// done is closed by finish.
	done   <-chan struct{}
	finish context.CancelFunc
	// words are the frames that the client has sent since the last ping.
	words atomic.Int64

	// mu keeps those who end a session from outside (a timer, the hub) away from connections that have been given back:
	// fasthttp uses them again as soon as serve has returned.
	mu       sync.Mutex
	ended    bool
	released bool
}

// end tells both sides the same code, once: whoever noticed first is right about why. The connections stay open a
// little, because a socket that is closed with something unread in it takes the farewell back.
func (s *session) end(code int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.finish()
	farewell := websocket.FormatCloseMessage(code, reason)
	for _, conn := range []*websocket.Conn{s.client, s.upstream} {
		err := conn.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(linger))
		if err != nil {
			slog.Debug("take leave of a side of the feed", "error", err)
		}
		if slow := conn == s.client && code == feed.CloseSlow && err == nil; !slow {
			time.AfterFunc(s.pace.linger, func() { s.interrupt(conn) })
		}
		// A client that was too slow has much to read before its farewell, pings among it: its answer to a socket that is closed
		// already would be answered by a reset, which takes away all of that. So it has as long as for any sign of life.
	}
}

// interrupt wakes a pump that still waits for an answer to the farewell. Close wouldn't: a connection taken over from
// fasthttp ignores it until its handler has returned.
func (s *session) interrupt(side *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return
	}
	if err := side.NetConn().SetDeadline(time.Unix(1, 0)); err != nil {
		slog.Debug("interrupt a side of the feed", "error", err)
	}
}

// release gives the connections back.
func (s *session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.released = true, true
	if err := errors.Join(s.client.Close(), s.upstream.Close()); err != nil {
		slog.Debug("close the feed", "error", err)
	}
}

// pump copies messages from one side to the other until the first fails.
func (s *session) pump(from, to *websocket.Conn) {
	limit := int64(maxFromClient)
	if from == s.upstream {
		limit = maxFromUpstream
	}
	from.SetReadLimit(limit)
	alive := s.aliveness(from)
	from.SetPongHandler(func(string) error { return errors.Join(alive(), s.heard(from)) })
	from.SetPingHandler(func(data string) error {
		_ = from.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(linger))
		return s.heard(from)
	})
	// The default handler answers a close frame itself; end does, with the same code on both sides.
	from.SetCloseHandler(func(int, string) error { return nil })
	for {
		if err := alive(); err != nil {
			s.end(s.codeOf(err, from))
			return
		}
		kind, message, err := from.NextReader()
		if err = errors.Join(err, s.heard(from)); err != nil {
			s.end(s.codeOf(err, from))
			return
		}
		if side, err := s.pass(kind, message, from, to); err != nil {
			s.end(s.codeOf(err, side))
			return
		}
	}
}

// messages are where one is while it is handed on. A session needs that for microseconds, and there are thousands of them.
var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// longestKept is how much, in bytes, a buffer may hold on to that has had a large message.
const longestKept = 64 << 10

// pass hands one message on; the error is of the side that it names.
func (s *session) pass(kind int, message io.Reader, from, to *websocket.Conn) (side *websocket.Conn, err error) {
	buffer := messages.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= longestKept {
			buffer.Reset()
			messages.Put(buffer)
		}
	}()
	if _, err := buffer.ReadFrom(message); err != nil {
		return from, err
	}
	return to, errors.Join(to.SetWriteDeadline(time.Now().Add(s.pace.write)), to.WriteMessage(kind, buffer.Bytes()))
}

// aliveness gives a side its time anew, each time that it is called. A live feed is heard of all the time, and moving a deadline
// costs more than looking at the clock: what is nearly as late as it would be made stays.
func (s *session) aliveness(side *websocket.Conn) func() error {
	var given time.Time
	return func() error {
		select {
		case <-s.done:
			return nil
		default:
		}
		now := time.Now()
		if now.Sub(given) < s.pace.silence/64 {
			return nil
		}
		given = now
		return side.SetReadDeadline(now.Add(s.pace.silence))
	}
}

// heard counts what the client sends; it is an error when that is too much.
func (s *session) heard(from *websocket.Conn) error {
	if from == s.client && s.words.Add(1) > maxWords {
		return errTalkative
	}
	return nil
}

// ping asks both sides for a sign of life. Control messages may be written beside a pump.
func (s *session) ping() {
	ticker := time.NewTicker(s.pace.ping)
	defer ticker.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
			s.words.Store(0)
			for _, conn := range []*websocket.Conn{s.client, s.upstream} {
				if err := conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.pace.write)); err != nil {
					s.end(s.codeOf(err, conn))
					return
				}
			}
		}
	}
}

// codeOf says why a side ended: in its own words when it said so, else by what was seen of it.
func (s *session) codeOf(err error, side *websocket.Conn) (int, string) {
	var said *websocket.CloseError
	if errors.As(err, &said) && said.Code != websocket.CloseAbnormalClosure {
		if said.Code == websocket.CloseNoStatusReceived {
			return websocket.CloseNormalClosure, ""
		}
		return said.Code, said.Text
	}
	var network net.Error
	switch {
	case errors.Is(err, errTalkative):
		return websocket.ClosePolicyViolation, "the feed is for listening: you send too much"
	case errors.Is(err, websocket.ErrReadLimit):
		return websocket.CloseMessageTooBig, "the message is too large"
	case side == s.upstream:
		return websocket.CloseServiceRestart, "the events service went away; connect again"
	case errors.As(err, &network) && network.Timeout():
		return feed.CloseSlow, "too slow or silent; connect again"
	default:
		return websocket.CloseGoingAway, "the client went away"
	}
}
