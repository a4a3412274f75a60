package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// unread is how many messages a test may leave lying; more than any test sees.
const unread = 10_000

// Feed is one WebSocket client. It reads all the time, as clients do: one that a test left alone while it does something
// else would not answer the gateway's pings, and be sent away.
type Feed struct {
	conn    *websocket.Conn
	arrived chan arrival
	Cursor  string
	// due is when the store that was told of last goes on, if it has said so.
	due time.Time
}

// arrival is what was read, or why nothing will be any more.
type arrival struct {
	message feed.Message
	err     error
}

// Dial connects to the feed and reads its greeting. An empty since begins now.
func (p *Platform) Dial(ctx context.Context, since string, id store.ID) (*Feed, error) {
	parameters := url.Values{}
	if since != "" {
		parameters.Set("since", since)
	}
	if id != "" {
		parameters.Set("store", string(id))
	}
	address := strings.Replace(p.API, "http", "ws", 1) + "/feed?" + parameters.Encode()
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	f := &Feed{conn: conn, arrived: make(chan arrival, unread), Cursor: since}
	go f.read()
	hello, err := f.next(feed.Hello)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if since == "" {
		f.Cursor = hello.Cursor
	}
	return f, nil
}

func (f *Feed) read() {
	for {
		var a arrival
		a.err = f.conn.ReadJSON(&a.message)
		f.arrived <- a
		if a.err != nil {
			close(f.arrived)
			return
		}
	}
}

// Close cuts the connection without a word, as a network does.
func (f *Feed) Close() { _ = f.conn.NetConn().Close() }

// Next is the next event.
func (f *Feed) Next() (feed.Message, error) {
	m, err := f.next(feed.Event)
	if err == nil {
		f.Cursor, f.due = m.Cursor, time.Time{}
		if m.Store != nil && m.Store.NotBefore != nil {
			f.due = *m.Store.NotBefore
		}
	}
	return m, err
}

var errReset = errors.New("the feed was reset")

// next waits for as long as other messages come, and for as long as the store has said that it pauses.
func (f *Feed) next(want feed.Type) (feed.Message, error) {
	silence := max(0, time.Until(f.due)) + waittest.Patience()
	late := time.NewTimer(silence)
	defer late.Stop()
	for {
		select {
		case <-late.C:
			return feed.Message{}, fmt.Errorf("the feed said nothing for %s", silence)
		case a, open := <-f.arrived:
			late.Reset(silence)
			switch {
			case !open:
				return a.message, net.ErrClosed
			case a.err != nil:
				return a.message, a.err
			case a.message.Type == want:
				return a.message, nil
			case a.message.Type == feed.Reset:
				return a.message, errReset
			}
		}
	}
}

// Follow connects to the feed of one store until the test ends.
func (p *Platform) Follow(tb testing.TB, since string, id store.ID) *Feed {
	tb.Helper()
	f, err := p.Dial(tb.Context(), since, id)
	if err != nil {
		tb.Fatalf("connect to the feed: %v", err)
	}
	tb.Cleanup(f.Close)
	return f
}

// Until reads events up to the first that satisfies until, and returns them all.
func (f *Feed) Until(tb testing.TB, until func(feed.Message) bool) []feed.Message {
	tb.Helper()
	var seen []feed.Message
	for {
		m, err := f.Next()
		if err != nil {
			tb.Fatalf("wait on the feed: %v; seen: %v", err, Types(seen))
		}
		seen = append(seen, m)
		if until(m) {
			return seen
		}
	}
}

// UntilType reads events up to the first of a type.
func (f *Feed) UntilType(tb testing.TB, t store.Type) []feed.Message {
	tb.Helper()
	return f.Until(tb, func(m feed.Message) bool {
		if m.Event.Type == store.BecameFailed && t != store.BecameFailed {
			tb.Fatalf("the store failed: %+v", m.Event.Facts)
		}
		return m.Event.Type == t
	})
}

// UntilStep reads events up to the completion of a step.
func (f *Feed) UntilStep(tb testing.TB, step string) []feed.Message {
	tb.Helper()
	return f.Until(tb, func(m feed.Message) bool {
		return m.Event.Type == store.StepCompleted && m.Event.Facts.Step == step
	})
}

// Types lists what happened, for messages.
func Types(seen []feed.Message) []string {
	types := make([]string, len(seen))
	for i, m := range seen {
		types[i] = strings.TrimSuffix(string(m.Event.Type)+" "+m.Event.Facts.Step, " ")
	}
	return types
}
