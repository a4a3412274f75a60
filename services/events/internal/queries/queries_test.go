package queries

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
	"github.com/store-platform/store-platform/services/events/internal/places"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const patience = 30 * time.Second

// testBundle is the service on a real broker, before a real database.
type testBundle struct {
	nc       *nats.Conn
	author   *logtest.Author
	pool     *pgxpool.Pool
	progress *projection.Progress
}

// setup starts the service; change changes it before.
func setup(t *testing.T, change ...func(*Service)) *testBundle {
	t.Helper()
	// Most of each test is waiting, and each has a broker and a database of its own.
	t.Parallel()
	nc := bustest.Start(t)
	b := &testBundle{nc: nc, author: logtest.New(t, nc, 1), pool: pgtest.Pool(t), progress: projection.NewProgress()}
	memory := places.New()
	memory.Begin(b.author.Log.Epoch())
	memory.Read(t.Context(), b.author.Log, 0)
	service := newService(nc, b.pool, b.progress, func(ctx context.Context, seq uint64) uint64 {
		head, err := b.author.Log.Head(ctx)
		if err != nil {
			t.Error(err)
		}
		return min(seq, head)
	}, memory.Answer)
	for _, c := range change {
		c(service)
	}
	b.background(t, service.serve)
	return b
}

func (b *testBundle) background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func (b *testBundle) project(t *testing.T) {
	t.Helper()
	b.background(t, projection.New(b.nc, b.pool.Config().ConnConfig, b.progress).Run)
	// Until then it is right to refuse what the tables of before don't know.
	waittest.Eventually(t, func() error {
		return readmodel.At(t.Context(), b.pool, "", func(m readmodel.Moment) error {
			if !m.Filled {
				return fmt.Errorf("at %d the newest tables aren't filled", m.Seq)
			}
			return nil
		})
	})
}

// ask asks until somebody listens and returns the reply or the code of the refusal.
func ask[T any](t *testing.T, nc *nats.Conn, subject string, request any) (reply T, code string) {
	t.Helper()
	data, ok := request.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(request); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, subject, data)
	for err == nats.ErrNoResponders && ctx.Err() == nil {
		<-time.After(5 * time.Millisecond)
		msg, err = nc.RequestWithContext(ctx, subject, data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code = msg.Header.Get(micro.ErrorCodeHeader); code != "" {
		return reply, code
	}
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		t.Fatalf("%s: %v", msg.Data, err)
	}
	return reply, ""
}

// askUpTo asks until the answer isn't from behind what was seen: the service waits for it, but not for ever.
func askUpTo[T any](t *testing.T, nc *nats.Conn, subject string, request any, seen uint64, checkpoint func(T) uint64) T {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		reply, code := ask[T](t, nc, subject, request)
		if code != "" {
			t.Fatalf("refused with %s", code)
		}
		if checkpoint(reply) >= seen {
			return reply
		}
		if time.Now().After(deadline) {
			t.Fatalf("still at message %d, %d was seen", checkpoint(reply), seen)
		}
	}
}

// page asks for one page of stores.
func (b *testBundle) page(t *testing.T, r query.StoresRequest) query.StoresReply {
	t.Helper()
	return askUpTo(t, b.nc, r.Question().Subject, r, r.Seen, func(reply query.StoresReply) uint64 { return reply.Checkpoint })
}

// list asks for stores and returns their names, all pages of them.
func (b *testBundle) list(t *testing.T, r query.StoresRequest) []string {
	t.Helper()
	names := []string{}
	for {
		reply := b.page(t, r)
		for _, s := range reply.Stores {
			names = append(names, s.Name)
		}
		if reply.Next == "" {
			return names
		}
		r.After = reply.Next
	}
}

func TestListsOfStores(t *testing.T) {
	b := setup(t)
	b.project(t)
	var seen uint64
	create := func(tenant string, n int, name string) store.ID {
		id := logtest.Store(tenant, n)
		seen = b.author.Create(t.Context(), tenant, id, name).Version
		return id
	}
	create("a", 1, "Anna")
	berta := create("a", 2, "Berta 100%")
	gone := create("a", 3, "Carla")
	create("b", 1, "Dora")
	for {
		s := b.author.Append(t.Context(), "a", gone)
		if seen = s.Version; s.Status == store.Deleted {
			break
		}
	}
	for _, test := range []struct {
		name    string
		request query.StoresRequest
		want    []string
	}{
		{"own, newest first", query.StoresRequest{Scope: query.Of("a")}, []string{"Berta 100%", "Anna"}},
		{"another's", query.StoresRequest{Scope: query.Of("b")}, []string{"Dora"}},
		{"nobody's", query.StoresRequest{Scope: query.Of("c")}, []string{}},
		{"everybody's", query.StoresRequest{Scope: query.All()}, []string{"Dora", "Berta 100%", "Anna"}},
		{"with the deleted", query.StoresRequest{Scope: query.Of("a"), Deleted: true}, []string{"Carla", "Berta 100%", "Anna"}},
		{"only the deleted", query.StoresRequest{Scope: query.All(), Status: store.Deleted}, []string{"Carla"}},
		{"queued", query.StoresRequest{Scope: query.Of("a"), Status: store.Queued}, []string{"Berta 100%", "Anna"}},
		{"of an engine", query.StoresRequest{Scope: query.Of("a"), Engine: "woocommerce"}, []string{}},
		{"by part of a name", query.StoresRequest{Scope: query.Of("a"), Search: "NN"}, []string{"Anna"}},
		{"by id", query.StoresRequest{Scope: query.Of("a"), Search: string(berta)}, []string{"Berta 100%"}},
		{"by what would be a pattern", query.StoresRequest{Scope: query.All(), Search: "0%"}, []string{"Berta 100%"}},
		{"search stays within the tenant", query.StoresRequest{Scope: query.Of("b"), Search: "a"}, []string{"Dora"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, limit := range []int{1, 2, 200} {
				test.request.Limit, test.request.Seen = limit, seen
				if diff := cmp.Diff(test.want, b.list(t, test.request)); diff != "" {
					t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
				}
			}
		})
	}
}

// New stores while somebody turns pages neither repeat a store nor hide one.
func TestPagesStandStill(t *testing.T) {
	b := setup(t)
	b.project(t)
	var seen uint64
	for i := range 6 {
		seen = b.author.Create(t.Context(), "a", logtest.Store("a", i), fmt.Sprint(i)).Version
	}
	r := query.StoresRequest{Scope: query.Of("a"), Limit: 3, Seen: seen}
	first := b.page(t, r)
	r.Seen = b.author.Create(t.Context(), "a", logtest.Store("a", 9), "new").Version
	r.After = first.Next
	if diff := cmp.Diff([]string{"2", "1", "0"}, b.list(t, r)); diff != "" {
		t.Error(diff)
	}
}

func TestHistoryOutlivesItsStore(t *testing.T) {
	b := setup(t)
	b.project(t)
	id := logtest.Store("a", 1)
	var s store.State
	for s.Status != store.Deleted {
		s = b.author.Append(t.Context(), "a", id)
		b.author.Append(t.Context(), "b", logtest.Store("b", 1))
	}
	var want []query.Event
	for _, e := range b.author.All(t.Context()) {
		if e.Message.Store == id {
			e.Message.Time = e.Message.Time.Truncate(readmodel.Resolution)
			want = append(want, query.EventOf(e.Message, e.State))
		}
	}
	var got []query.Event
	r := query.EventsRequest{Scope: query.Of("a"), Store: id, Limit: 3, Seen: s.Version}
	for {
		reply := askUpTo(t, b.nc, query.Events.Subject, r, r.Seen, func(reply query.EventsReply) uint64 { return reply.Checkpoint })
		got = append(got, reply.Events...)
		if reply.Next == 0 {
			break
		}
		r.After = reply.Next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-log +answer):\n%s", diff)
	}
	// The last of it in one answer, from a place on.
	r.After, r.Newest = want[1].Seq, true
	newest := answered[query.EventsReply](t, b, query.Events.Subject, r)
	if diff := cmp.Diff(want[len(want)-r.Limit:], newest.Events); diff != "" || newest.Next != 0 {
		t.Errorf("(-log +newest), and then %d:\n%s", newest.Next, diff)
	}
	r.After = want[len(want)-2].Seq
	if diff := cmp.Diff(want[len(want)-1:], answered[query.EventsReply](t, b, query.Events.Subject, r).Events); diff != "" {
		t.Errorf("(-log +newest of one):\n%s", diff)
	}
}

func TestWaitsForWhatWasSeen(t *testing.T) {
	b := setup(t, func(s *Service) { s.waits = patience })
	after := b.author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna")
	r := query.StoresRequest{Scope: query.Of("a"), Limit: 10, Seen: after.Version}
	answered := make(chan query.StoresReply, 1)
	go func() {
		reply, code := ask[query.StoresReply](t, b.nc, query.Stores.Subject, r)
		// Where the projector takes longer than the answer may.
		for code == question.Unavailable {
			reply, code = ask[query.StoresReply](t, b.nc, query.Stores.Subject, r)
		}
		answered <- reply
	}()
	b.project(t)
	if reply := <-answered; len(reply.Stores) != 1 || reply.Checkpoint < after.Version {
		t.Errorf("answered %+v", reply)
	}
}

// Without a projector the wait ends, and the answer says how old it is. Those who wait hold up nobody.
func TestWaitIsBounded(t *testing.T) {
	b := setup(t, func(s *Service) { s.bound = func(_ context.Context, seq uint64) uint64 { return seq } })
	for deadline := time.Now().Add(patience); !b.waitsBeside(t); {
		if time.Now().After(deadline) {
			t.Fatal("whoever asks beside one that waits is never answered before it")
		}
	}
}

// waitsBeside lets one wait for what doesn't come and another ask, and says whether the other's answer came in time to
// tell that the wait held it up.
func (b *testBundle) waitsBeside(t *testing.T) (inTime bool) {
	t.Helper()
	r := query.StoresRequest{Scope: query.Of("a"), Limit: 10, Seen: 1000}
	waiting := make(chan query.StoresReply, 1)
	began := time.Now()
	go func() {
		reply, _ := ask[query.StoresReply](t, b.nc, query.Stores.Subject, r)
		waiting <- reply
	}()
	if _, code := ask[query.StoresReply](t, b.nc, query.Stores.Subject, query.StoresRequest{Limit: 1}); code != "" {
		t.Errorf("refused with %s", code)
	}
	inTime = time.Since(began) < seenTimeout
	if reply := <-waiting; reply.Checkpoint != 0 {
		t.Errorf("answered %+v", reply)
	}
	if took := time.Since(began); took < seenTimeout || took > seenTimeout+patience {
		t.Errorf("waited %s", took)
	}
	return inTime
}

func TestRefusals(t *testing.T) {
	b := setup(t)
	for name, test := range map[string]struct {
		subject string
		request any
		code    string
	}{
		"no JSON":            {query.Stores.Subject, []byte("{"), "400"},
		"no limit":           {query.Stores.Subject, query.StoresRequest{}, "400"},
		"too long a page":    {query.Stores.Subject, query.StoresRequest{Limit: 201}, "400"},
		"no cursor":          {query.Stores.Subject, query.StoresRequest{Limit: 1, After: "x y"}, "400"},
		"no order":           {query.Listing.Subject, query.StoresRequest{Limit: 1, Order: "random"}, "400"},
		"no text to count":   {query.Counts.Subject, query.StoresRequest{Plan: "\x00"}, "400"},
		"no store":           {query.Events.Subject, query.EventsRequest{Limit: 1, Store: "*"}, "400"},
		"a text that's none": {query.Stores.Subject, query.StoresRequest{Limit: 1, Search: "\x00"}, "400"},
		"beyond all events":  {query.Events.Subject, query.EventsRequest{Limit: 1, Store: "sabcdefghijk", After: math.MaxUint64}, "400"},
		"beyond all letters": {query.DeadLetters.Subject, query.DeadLettersRequest{Limit: 1, After: math.MaxUint64}, "400"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, code := ask[query.StoresReply](t, b.nc, test.subject, test.request); code != test.code {
				t.Errorf("code %q, want %q", code, test.code)
			}
		})
	}
}

func TestPostgresGone(t *testing.T) {
	b := setup(t)
	name := b.pool.Config().ConnConfig.Database
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections false", name),
		fmt.Sprintf("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'", name))
	r := query.StoresRequest{Limit: 1}
	if _, code := ask[query.StoresReply](t, b.nc, query.Stores.Subject, r); code != "503" {
		t.Errorf("code %q while Postgres is gone", code)
	}
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections true", name))
	if _, code := ask[query.StoresReply](t, b.nc, query.Stores.Subject, r); code != "" {
		t.Errorf("code %q when it is back", code)
	}
}

// usesFor has Postgres say how it answers what was asked.
func (b *testBundle) usesFor(t *testing.T, asked *recorder, index string) {
	t.Helper()
	var plan strings.Builder
	rows, err := b.pool.Query(t.Context(), "explain "+asked.sql, asked.args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if !strings.Contains(plan.String(), index) {
		t.Errorf("plan:\n%s", &plan)
	}
}

// recorder remembers what was asked.
type recorder struct {
	readmodel.Querier
	sql  string
	args []any
}

func (r *recorder) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return r.Querier.Query(ctx, sql, args...)
}
