package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/logs"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// reads is a provisioner of one session at a time. It hands out frames one by one; a question that finds none waits, and with
// its end unsubscribes, as that of a killed one does.
type reads struct {
	b      *testBundle
	name   string
	asked  chan query.LogsRequest
	frames chan query.LogsFrame

	mu sync.Mutex
	// ended: nobody waits for a frame any more.
	ended bool
	count int
	end   func()
}

func (b *testBundle) reads(name string) *reads {
	b.t.Helper()
	r := &reads{b: b, name: name, asked: make(chan query.LogsRequest, 64), frames: make(chan query.LogsFrame, 8)}
	over := make(chan struct{})
	var working sync.WaitGroup
	respond := func(m *nats.Msg, answer any) {
		data, err := json.Marshal(answer)
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			b.t.Error(err)
		}
	}
	next := func() query.LogsFrame {
		select {
		case frame := <-r.frames:
			return frame
		case <-over:
		case <-time.After(time.Second):
		}
		return query.LogsFrame{}
	}
	first, err := b.conn.QueueSubscribe(query.Logs.Subject, "q", func(m *nats.Msg) {
		r.asked <- parsed[query.LogsRequest](b.t, m.Data)
		respond(m, query.LogsReply{Provisioner: r.name, Session: "word", Frame: next()})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	others, err := b.conn.Subscribe(query.LogsRead.At(r.name).Subject, func(m *nats.Msg) {
		if parsed[query.LogsReadRequest](b.t, m.Data).Session != "word" {
			b.t.Errorf("asked for another session: %s", m.Data)
		}
		r.mu.Lock()
		r.count++
		waits := !r.ended
		if waits {
			working.Add(1)
		}
		r.mu.Unlock()
		if !waits {
			respond(m, query.LogsFrame{})
			return
		}
		go func() {
			defer working.Done()
			respond(m, next())
		}()
	})
	if err != nil {
		b.t.Fatal(err)
	}
	r.end = sync.OnceFunc(func() {
		r.mu.Lock()
		r.ended = true
		r.mu.Unlock()
		close(over)
		// What is on its way is answered still, as the broker lets a client go that has said so.
		if err := errors.Join(first.Drain(), others.Drain(), b.conn.Flush()); err != nil {
			b.t.Error(err)
		}
		working.Wait()
	})
	b.t.Cleanup(r.end)
	if err := b.conn.Flush(); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// questions is how many frames were asked for.
func (r *reads) questions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// frame is of one line, and one mark.
func frame(n int) query.LogsFrame {
	at := time.Unix(int64(n), 0).UTC()
	line, err := json.Marshal(query.LogLine{At: at, Pod: "shop-0", Container: "shop", Line: fmt.Sprint("line ", n)})
	if err != nil {
		panic(err)
	}
	return query.LogsFrame{Lines: append(line, '\n'), Marks: []query.LogMark{{Pod: "shop-0", Container: "shop", At: at, Lines: 1}}}
}

// listening reads logs as they come.
type listening struct {
	t     *testing.T
	leave context.CancelFunc
	lines *bufio.Scanner
}

// listensTo opens a store's logs, and fails where they aren't opened.
func (b *testBundle) listensTo(id store.ID, parameters string, header ...string) *listening {
	b.t.Helper()
	ctx, leave := context.WithTimeout(context.Background(), patience)
	b.t.Cleanup(leave)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/stores/"+string(id)+"/logs?"+parameters, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		b.t.Fatalf("answered %s %s", resp.Status, resp.Header)
	}
	return &listening{t: b.t, leave: leave, lines: bufio.NewScanner(resp.Body)}
}

// line is the next one, which is empty where there was nothing to tell for long.
func (l *listening) line() string {
	l.t.Helper()
	if !l.lines.Scan() {
		l.t.Fatalf("there is no line (%v)", l.lines.Err())
	}
	return l.lines.Text()
}

// next is what the next line says that says something: a container's, or the end.
func (l *listening) next() string {
	l.t.Helper()
	for l.line() == "" {
	}
	var line struct {
		query.LogLine
		End string
	}
	if err := json.Unmarshal(l.lines.Bytes(), &line); err != nil {
		l.t.Fatalf("%s: %v", l.lines.Text(), err)
	}
	return line.Line + line.End
}

// ends holds that this is the last line.
func (l *listening) ends(want logs.End) {
	l.t.Helper()
	if said := l.next(); said != string(want) {
		l.t.Errorf("it ends with %q, want %q", said, want)
	}
	if l.lines.Scan() {
		l.t.Errorf("behind the end stands %s", l.lines.Text())
	}
}

func TestLogsAreAskedForAsTheClientWants(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	p := b.reads("one")
	b.frames(p, frame(1), query.LogsFrame{Done: true, End: "Something is missing."})
	l := b.listensTo(s.ID, "container=shop&pod=shop-0&tail=7&since=2026-01-02T03:04:05Z&follow=true")
	asked := received(t, p.asked)
	if want := (query.LogsRequest{
		Store: s.ID, Container: "shop", Pod: "shop-0", Tail: 7, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Follow: true,
	}); fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked was %+v, want %+v", asked, want)
	}
	if said := l.next(); said != "line 1" {
		t.Errorf("told was %q", said)
	}
	l.ends("Something is missing.")
	b.frames(p, query.LogsFrame{Done: true})
	if a := b.get("/stores/" + string(s.ID) + "/logs?since=10m&previous=true"); len(a.body) > 0 {
		t.Errorf("where there is nothing, told was %s", a.body)
	}
	if asked = received(t, p.asked); !asked.Previous || asked.Tail != 100 || time.Since(asked.Since) < 10*time.Minute || time.Since(asked.Since) > 11*time.Minute {
		t.Errorf("asked was %+v", asked)
	}
	if a := b.do(http.MethodHead, "/stores/"+string(s.ID)+"/logs", ""); a.status != http.StatusOK || len(p.asked) > 0 {
		t.Errorf("HEAD is answered %d", a.status)
	}
}

// frames are what a provisioner hands out next.
func (b *testBundle) frames(p *reads, frames ...query.LogsFrame) {
	b.t.Helper()
	for _, f := range frames {
		p.frames <- f
	}
}

func TestLogsThatCannotBeReadAreRefused(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	path := "/stores/" + string(s.ID) + "/logs"
	wantProblem(t, b.get(path), http.StatusServiceUnavailable, problem.ClusterUnavailable)
	for field, parameters := range map[string]string{
		"tail": "tail=10001", "since": "since=yesterday", "previous": "previous=true&follow=true", "follow": "follow=perhaps", "container": "container=" + strings.Repeat("x", 64),
	} {
		if p := wantProblem(t, b.get(path+"?"+parameters), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != field {
			t.Errorf("%s names %q", parameters, p.Field)
		}
	}
	for code, want := range map[string]struct {
		status int
		code   problem.Code
	}{
		question.TooMany:     {http.StatusTooManyRequests, problem.TooManyLogs},
		question.Full:        {http.StatusServiceUnavailable, problem.LogsFull},
		question.Unavailable: {http.StatusServiceUnavailable, problem.ClusterUnavailable},
		question.Gone:        {http.StatusConflict, problem.StoreDeleted},
	} {
		answering, err := b.conn.Subscribe(query.Logs.Subject, func(m *nats.Msg) {
			_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Nats-Service-Error-Code": {code}, "Nats-Service-Error": {"no"}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, b.get(path), want.status, want.code)
		if err := answering.Unsubscribe(); err != nil {
			t.Fatal(err)
		}
	}
	b.answers(query.Logs.Subject, func([]byte) any {
		return query.LogsReply{Unknown: "container", Known: []string{"prepares", "shop"}}
	})
	if p := wantProblem(t, b.get(path+"?container=none"), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "container" || !strings.Contains(p.Detail, "prepares, shop") {
		t.Errorf("names %q: %s", p.Field, p.Detail)
	}
	b.happen(s.ID, store.DeleteCommand, store.Facts{})
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	wantProblem(t, b.get(path), http.StatusConflict, problem.StoreDeleted)
}

// A provisioner that has gone is followed by whoever answers then, which is told how far the client is; and where nobody does for
// long the client is told so.
func TestLogsGoOnWhereTheirProvisionerHasGone(t *testing.T) {
	b := setup(t, fast)
	s := b.ready(`{}`)
	one := b.reads("one")
	b.frames(one, frame(1), frame(2))
	l := b.listensTo(s.ID, "follow=true&tail=5")
	began := received(t, one.asked)
	if got := l.next() + ", " + l.next(); got != "line 1, line 2" {
		t.Fatalf("told was %s", got)
	}
	one.end()
	two := b.reads("two")
	b.frames(two, frame(3))
	again := received(t, two.asked)
	if !slices.Equal(again.Marks, frame(2).Marks) || again.Began.IsZero() || !began.Began.IsZero() || again.Tail != 5 || !again.Follow {
		t.Errorf("it goes on as %+v", again)
	}
	if said := l.next(); said != "line 3" {
		t.Errorf("told was %q", said)
	}
	two.end()
	l.ends(logs.EndSilence)
}

// While no provisioner can read, it is asked for one a few times a second as long as the client stays, and not at all once that has gone.
func TestNobodyIsAskedForLogsOfWhoHasGone(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	p := b.reads("one")
	b.frames(p, frame(1))
	l := b.listensTo(s.ID, "follow=true")
	if said := l.next(); said != "line 1" {
		t.Fatalf("told was %q", said)
	}
	p.end()
	var asked atomic.Int64
	began := time.Now()
	b.answers(query.Logs.Subject, func([]byte) any {
		asked.Add(1)
		return nats.Header{"Nats-Service-Error-Code": {question.Unavailable}, "Nats-Service-Error": {"no"}}
	})
	b.await("it is asked for another", func() bool { return asked.Load() >= 3 })
	if n, most := asked.Load(), 2+int64(time.Since(began)/(100*time.Millisecond)); n > most {
		t.Errorf("it was asked for %d times, want %d at most", n, most)
	}
	l.leave()
	left := asked.Load()
	last, since := int64(-1), time.Now()
	b.await("nobody is asked", func() bool {
		if now := asked.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 3*time.Second
	})
	// What was on its way, and as often as it is asked before a client is noticed to have gone.
	if last > left+10 {
		t.Errorf("it was asked for %d times when the client had gone", last-left)
	}
}

// Who follows logs to which nothing is written gets an empty line now and then, which keeps its connection from being taken for dead,
// whether somebody reads for it or another is looked for.
func TestQuietLogsKeepTheirConnection(t *testing.T) {
	b := setup(t, fast)
	s := b.ready(`{}`)
	p := b.reads("one")
	l := b.listensTo(s.ID, "follow=true")
	if said := l.line(); said != "" {
		t.Errorf("told was %q", said)
	}
	b.frames(p, frame(1))
	if said := l.next(); said != "line 1" {
		t.Errorf("told was %q", said)
	}
	p.end()
	if said := l.line(); said != "" {
		t.Errorf("while another is looked for, told was %q", said)
	}
}

// A client of quiet logs that goes is noticed, and its session isn't asked any more: also one that has asked for something else
// meanwhile, behind which its going can't be seen.
func TestAClientOfQuietLogsThatGoesIsNoticed(t *testing.T) {
	for name, meanwhile := range map[string]string{"in silence": "", "behind another request": "GET /readyz HTTP/1.1\r\n"} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, fast)
			s := b.ready(`{}`)
			p := b.reads("one")
			c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "GET /stores/%s/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n", s.ID)
			b.await("it waits for a frame", func() bool { return p.questions() > 1 })
			if _, err := c.Write([]byte(meanwhile)); err != nil {
				t.Fatal(err)
			}
			last, since := p.questions(), time.Now()
			b.await("what came meanwhile lies there", func() bool { return p.questions() > last })
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			// Each question waits for a second.
			b.await("nobody asks", func() bool {
				if now := p.questions(); now != last {
					last, since = now, time.Now()
				}
				return time.Since(since) > 3*time.Second
			})
			if len(p.asked) > 1 {
				t.Errorf("%d sessions were opened for one client", len(p.asked))
			}
		})
	}
}

// Whoever may not read any more, or reads of what isn't there any more, is told so soon, although nothing is written.
func TestLogsEndWithTheRightToReadThem(t *testing.T) {
	b := setup(t, withAccounts)
	st := b.street()
	s := b.built(store.DeriveID(st.tenant, "1"), st.tenant)
	p := b.reads("one")
	_, viewers := st.token(st.viewer.ID, st.tenant, principal.Viewer, principal.ReadStores)
	stranger := st.settle(directory.Account{ID: "a-stranger22", Tenants: []string{"t-other22222"}, Verified: true})
	st.found(directory.Tenant{ID: "t-other22222"}, member(stranger.ID, principal.Owner))
	strange := b.get("/stores/"+string(s.ID)+"/logs", st.session(stranger, "t-other22222")...)
	if p := wantProblem(t, strange, http.StatusNotFound, problem.NotFound); p.Detail != "There is no such store." {
		t.Errorf("a stranger is told %s", p.Detail)
	}
	viewer, owner := b.listensTo(s.ID, "follow=true", viewers...), b.listensTo(s.ID, "follow=true", st.session(st.owner, st.tenant)...)
	if a := b.do(http.MethodDelete, "/tenants/"+st.tenant+"/members/"+st.viewer.ID, "", st.session(st.owner, st.tenant)...); a.status != http.StatusNoContent {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	viewer.ends(logs.EndRevoked)
	b.frames(p, frame(1))
	if said := owner.next(); said != "line 1" {
		t.Errorf("the owner is told %q", said)
	}
	b.happen(s.ID, store.DeleteCommand, store.Facts{})
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	owner.ends(logs.EndDeleted)
}

// Of a request for logs our own log has neither what shows who asks nor a line, whatever is to be logged.
func TestLogsLeaveNothingInOurOwn(t *testing.T) {
	b := setupAlone(t, withAccounts)
	st := b.street()
	s := b.built(store.DeriveID(st.tenant, "1"), st.tenant)
	logged, before := &lines{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	_, bearer := st.token(st.viewer.ID, st.tenant, principal.Viewer, principal.ReadStores)
	session := st.session(st.owner, st.tenant)
	one := b.reads("one")
	for _, who := range [][]string{bearer, session} {
		last := frame(4711)
		last.Done = true
		b.frames(one, last)
		if said := b.listensTo(s.ID, "follow=true", who...).next(); said != "line 4711" {
			t.Errorf("told was %q", said)
		}
	}
	b.await("both requests are logged", func() bool { return strings.Count(logged.text(), `"/stores/:id/logs"`) >= 2 })
	text := logged.text()
	for whose, secret := range map[string]string{
		"the token": strings.TrimPrefix(bearer[1], "Bearer "), "the session": strings.TrimPrefix(session[1], "session="), "the shop's line": "line 4711",
		"the word for the session at a provisioner": `"word"`,
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s stands in %s", whose, text)
		}
	}
}

func TestAGatewayThatGoesSaysSoToWhoReadsLogs(t *testing.T) {
	b := setup(t)
	s := b.ready(`{}`)
	b.reads("one")
	l := b.listensTo(s.ID, "follow=true")
	ended := make(chan error, 1)
	go func() { ended <- b.stop() }()
	l.ends(logs.EndClosing)
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}
