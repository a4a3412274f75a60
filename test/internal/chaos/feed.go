package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

const (
	// silence is how long a client listens before it takes a connection for dead; the platform pings every 25 s.
	silence = 40 * time.Second
	// feedLife is how long a connection lives on average before its client cuts it.
	feedLife = 12 * time.Second
)

// listener is a client of the feed. It is cut off, by itself and by everybody else, comes back at any gateway with the
// last cursor that it was given, and writes down every message.
type listener struct {
	lab     *Lab
	name    string
	tenant  string
	address string
	random  *rand.Rand
	records *record.Writer

	// cursor is the last one; seq its place.
	cursor string
	seq    uint64
}

func (t *turn) newListener(n, tenant int) (*listener, error) {
	name := t.clientName("listener", n)
	records, err := record.Create(filepath.Join(t.Folder, strings.Replace(record.FeedsGlob, "*", name, 1)))
	if err != nil {
		return nil, err
	}
	address := t.address(tenant)
	return &listener{
		lab: t.Lab, name: name, address: address, tenant: t.named(address), records: records, random: rand.New(rand.NewPCG(t.seed, 1000+uint64(n))),
	}, nil
}

// run listens until ctx ends, and then until it has been told all that there is, or is told nothing more, or ending ends.
func (f *listener) run(ctx, ending context.Context) {
	for ctx.Err() == nil {
		life, cancel := context.WithTimeout(ctx, time.Duration((0.2+f.random.ExpFloat64())*float64(feedLife)))
		f.listen(life, func() bool { return false })
		cancel()
	}
	told := func() bool {
		own, _ := f.lab.follower.newest(f.tenant)
		return f.seq >= own
	}
	// What it wasn't told, the checker finds missing.
	_ = waittest.Until(ending, func() error {
		if f.cursor != "" && told() {
			return nil
		}
		life, cancel := context.WithTimeout(ending, waittest.Patience())
		defer cancel()
		f.listen(life, told)
		return fmt.Errorf("%s was told up to %d", f.name, f.seq)
	})
	_, head := f.lab.follower.newest(f.tenant)
	f.write(record.Feed{Kind: record.Left, Cursor: feed.Cursor{Epoch: f.lab.follower.log.Epoch(), Seq: head}.String()})
}

func (f *listener) write(line record.Feed) {
	line.Time, line.Client, line.Tenant = time.Now(), f.name, f.tenant
	f.records.Write(line)
}

// listen has one connection, until it breaks, ctx ends or enough is heard.
func (f *listener) listen(ctx context.Context, enough func() bool) {
	err := f.connection(ctx, enough)
	f.write(record.Feed{Kind: record.Cut, Error: fmt.Sprint(err)})
	select {
	case <-ctx.Done():
	case <-time.After(100*time.Millisecond + time.Duration(f.random.IntN(400))*time.Millisecond):
	}
}

func (f *listener) connection(ctx context.Context, enough func() bool) error {
	parameters := url.Values{}
	if f.cursor != "" {
		parameters.Set("since", f.cursor)
	}
	conn, err := dial(ctx, f.lab.gateways[f.random.IntN(len(f.lab.gateways))], f.address, parameters)
	if err != nil {
		return err
	}
	defer conn.NetConn().Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })
	defer stop()
	alive := func() error { return conn.SetReadDeadline(time.Now().Add(silence)) }
	answerPing := conn.PingHandler()
	conn.SetPingHandler(func(text string) error {
		_ = alive()
		return answerPing(text)
	})
	since := f.cursor
	for !enough() || since == f.cursor && since == "" {
		if err := alive(); err != nil {
			return err
		}
		var m feed.Message
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		if err := f.hear(m, since); err != nil {
			return err
		}
	}
	return nil
}

// dial connects to the feed of a gateway as somebody at an address.
func dial(ctx context.Context, gateway, from string, parameters url.Values) (*websocket.Conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: requestTimeout}
	conn, response, err := dialer.DialContext(ctx, "ws://"+gateway+"/feed?"+parameters.Encode(), http.Header{"X-Forwarded-For": {from}})
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%w: %s", err, response.Status)
		}
		return nil, err
	}
	_ = response.Body.Close()
	return conn, nil
}

// hear writes a message down and remembers where it is.
func (f *listener) hear(m feed.Message, since string) error {
	switch m.Type {
	case feed.Hello:
		f.write(record.Feed{Kind: record.Hello, Since: since, Cursor: m.Cursor})
		if since == "" {
			return f.remember(m.Cursor)
		}
	case feed.Event:
		f.write(record.Feed{
			Kind: record.Event, Cursor: m.Cursor, Seq: m.Event.Seq, Type: m.Event.Type, Store: m.Event.Store, Generation: m.Event.Generation,
		})
		return f.remember(m.Cursor)
	case feed.Reset:
		f.write(record.Feed{Kind: record.Reset, Error: m.Reason})
		// What was missed is listed anew, and the feed goes on behind its greeting.
		f.cursor = ""
	}
	return nil
}

func (f *listener) remember(cursor string) error {
	place, err := feed.ParseCursor(cursor)
	if err != nil {
		return err
	}
	f.cursor, f.seq = cursor, place.Seq
	return nil
}
