package installed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// load is what clients do and write down while the platform changes under them, for the judge of the chaos runs. They all come by
// the ingress, so they are one tenant.
type load struct {
	*platform.Platform
	// folder has the records, tenant is whose they are, which the first answer says.
	folder, tenant string
	requests       *record.Writer
	hearing        sync.WaitGroup
	// quiet ends listening once newest, the tenant's last message, was told, leave at once.
	quiet  chan struct{}
	leave  context.CancelFunc
	newest atomic.Uint64
	// greeted, and told all, are so many of the clients.
	greeted, toldAll atomic.Int64
	clients          int
}

func newLoad(t *testing.T, p *platform.Platform) *load {
	t.Helper()
	l := &load{Platform: p, folder: t.TempDir(), quiet: make(chan struct{})}
	l.requests = l.records(t, record.RequestsGlob, "client")
	return l
}

func (l *load) records(t *testing.T, glob, name string) *record.Writer {
	t.Helper()
	w, err := record.Create(filepath.Join(l.folder, strings.Replace(glob, "*", name, 1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

const (
	// pause is how long a client leaves a platform alone that couldn't answer.
	pause = 400 * time.Millisecond
	// answerPatience is for one answer, which the gateway bounds itself.
	answerPatience = 20 * time.Second
)

// create asks for a store until that is accepted, and answers its id. Nobody is to be turned away for good.
func (l *load) create(ctx context.Context, key string) (store.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*waittest.Patience())
	defer cancel()
	for {
		answer := l.ask(ctx, key)
		if answer.HTTP == http.StatusAccepted {
			return answer.Store, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("create %s: %w: %d %s", key, context.Cause(ctx), answer.HTTP, answer.Error)
		case <-time.After(pause):
		}
	}
}

// ask asks once and writes the answer down.
func (l *load) ask(ctx context.Context, key string) record.Request {
	r := record.Request{Asked: time.Now(), Client: "client", Verb: string(store.Create), Key: key}
	err := l.answer(ctx, &r)
	r.Time, r.Tenant = time.Now(), l.tenant
	if err != nil {
		r.Error = err.Error()
	}
	l.requests.Write(r)
	return r
}

func (l *load) answer(ctx context.Context, r *record.Request) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	wish := fmt.Sprintf(`{"name": %q, "engine": "sample"}`, r.Key)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.API+"/stores", strings.NewReader(wish))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", r.Key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	r.HTTP = response.StatusCode
	if r.HTTP >= 300 {
		var problem struct {
			Code   string `json:"code"`
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal(data, &problem); err != nil {
			return fmt.Errorf("no answer of the platform's: %.200s", data)
		}
		r.Code, r.Error = problem.Code, problem.Detail
		return nil
	}
	var s query.Store
	err = json.Unmarshal(data, &s)
	if l.tenant == "" {
		l.tenant = s.Tenant
	}
	r.Store, r.Generation, r.Version, r.Status, r.Name, r.ExpiresAt = s.ID, s.Generation, s.Version, s.Status, s.Name, s.ExpiresAt
	if tag, quoted := strconv.Unquote(response.Header.Get("ETag")); quoted == nil {
		r.ETag, _ = strconv.ParseUint(tag, 10, 64)
	}
	return err
}

// listen has so many clients of the feed hear until hush.
func (l *load) listen(t *testing.T, count int) {
	t.Helper()
	var ctx context.Context
	ctx, l.leave = context.WithCancel(t.Context())
	l.clients = count
	for n := range count {
		name := fmt.Sprintf("listener-%d", n)
		f := &listener{load: l, name: name, records: l.records(t, record.FeedsGlob, name)}
		l.hearing.Go(func() { f.run(ctx) })
	}
	waittest.Eventually(t, func() error {
		if greeted := l.greeted.Load(); int(greeted) < count {
			return fmt.Errorf("%d of %d clients of the feed are greeted", greeted, count)
		}
		return nil
	})
}

// hush lets them hear what is left, up to the tenant's newest message, and go. Who isn't told goes too: the judge sees the hole.
func (l *load) hush(t *testing.T, newest uint64) {
	t.Helper()
	l.newest.Store(newest)
	close(l.quiet)
	err := waittest.Until(t.Context(), func() error {
		if told := int(l.toldAll.Load()); told < l.clients {
			return fmt.Errorf("%d of %d clients of the feed were told everything", told, l.clients)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	l.leave()
	l.hearing.Wait()
}

// listener is a client of the feed, which comes back with the last cursor that it was given whenever it is sent away.
type listener struct {
	*load
	name    string
	records *record.Writer
	cursor  feed.Cursor
	began   bool
}

func (f *listener) run(ctx context.Context) {
	for ctx.Err() == nil && !f.satisfied() {
		err := f.connection(ctx)
		f.write(record.Feed{Kind: record.Cut, Error: fmt.Sprint(err)})
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if ctx.Err() == nil {
		f.toldAll.Add(1)
	}
	left := f.cursor
	left.Seq = f.newest.Load()
	f.write(record.Feed{Kind: record.Left, Cursor: left.String()})
}

// satisfied says whether it is to go and was told all.
func (f *listener) satisfied() bool {
	select {
	case <-f.quiet:
		return f.cursor.Seq >= f.newest.Load()
	default:
		return false
	}
}

func (f *listener) write(line record.Feed) {
	line.Time, line.Client, line.Tenant = time.Now(), f.name, f.tenant
	f.records.Write(line)
}

// connection is one, until it breaks, or there is nothing more to hear.
func (f *listener) connection(ctx context.Context) error {
	parameters := url.Values{}
	since := ""
	if f.began {
		since = f.cursor.String()
		parameters.Set("since", since)
	}
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(f.API, "http", "ws", 1)+"/feed?"+parameters.Encode(), nil)
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%w: %s", err, response.Status)
		}
		return err
	}
	defer conn.NetConn().Close()
	go func() {
		// Who is told nothing would never notice that it may go.
		select {
		case <-f.quiet:
			_ = conn.SetReadDeadline(time.Now().Add(pause))
		case <-ctx.Done():
			_ = conn.NetConn().Close()
		}
	}()
	for {
		var m feed.Message
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		if err := f.hear(m, since); err != nil {
			return err
		}
	}
}

// hear writes a message down and remembers where it is.
func (f *listener) hear(m feed.Message, since string) error {
	switch m.Type {
	case feed.Hello:
		f.write(record.Feed{Kind: record.Hello, Since: since, Cursor: m.Cursor})
		if since != "" {
			return nil
		}
		f.greeted.Add(1)
	case feed.Event:
		f.write(record.Feed{
			Kind: record.Event, Cursor: m.Cursor, Seq: m.Event.Seq, Type: m.Event.Type, Store: m.Event.Store, Generation: m.Event.Generation,
		})
	case feed.Reset:
		f.write(record.Feed{Kind: record.Reset, Error: m.Reason})
		f.began = false
		return nil
	default:
		return nil
	}
	cursor, err := feed.ParseCursor(m.Cursor)
	f.cursor, f.began = cursor, true
	return err
}

// refused are the answers that turned somebody away, but for a 503 of the platform's own, which says when to come again, and while pods
// leave of the release before, which is when those creates come that abrupt says, a 502 of the ingress controller's.
func (l *load) refused(t *testing.T, abrupt ...string) (all []string) {
	t.Helper()
	requests, err := record.Read[record.Request](l.folder, record.RequestsGlob)
	if err != nil {
		t.Fatal(err)
	}
	again, cutOff := 0, 0
	for _, r := range requests {
		what, _, _ := strings.Cut(r.Key, "-")
		switch {
		case r.HTTP == http.StatusAccepted:
		case r.HTTP == http.StatusServiceUnavailable && r.Code != "":
			again++
		case r.HTTP == http.StatusBadGateway && slices.Contains(abrupt, what):
			cutOff++
		default:
			all = append(all, fmt.Sprintf("%s at %s: %d %s", r.Key, r.Asked.Format(time.TimeOnly), r.HTTP, r.Error))
		}
	}
	t.Logf("%d requests, of which %d were told to come again, and %d came to a pod that was gone", len(requests), again, cutOff)
	return all
}
