package queries

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/projection"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// pastFilters are lists that are looked at while a history is written. The zero one is the usual list.
var pastFilters = []query.StoresRequest{
	{Deleted: true}, {}, {Status: store.Ready}, {Status: store.Deleted}, {Status: store.Queued, Search: "Söhne 1"}, {Engine: "sample", Search: "7"}, {Engine: "none"},
	{Statuses: []store.Status{store.Ready, store.Deleted}, Search: "sohne"}, {Plan: "small"}, {Name: "SOHNE 1"},
	{Statuses: []store.Status{store.Failed, store.Queued}, Plan: "small", Search: "sohne"},
}

// lived is what lists held behind each message, each store as it was written in an answer.
type lived struct {
	b *testBundle
	// all are by filter and sequence.
	all [][][]string
	// owner is whose each store is in the end.
	owner map[store.ID]string
}

// live lets a random history happen and looks at everybody's lists behind each of its messages.
func live(t *testing.T, b *testBundle, messages, tenants, stores int) *lived {
	t.Helper()
	l := &lived{b: b, all: make([][][]string, len(pastFilters))}
	b.author.Transfers = tenants
	for seq := range uint64(messages + 1) {
		if seq > 0 {
			b.author.Write(t.Context(), 1, tenants, stores)
		}
		for i, r := range pastFilters {
			r.Scope, r.Limit, r.Seen = query.All(), maxPage, seq
			l.all[i] = append(l.all[i], written(t, b.page(t, r).Stores))
		}
	}
	l.owner = map[store.ID]string{}
	for _, s := range logtest.Fold(b.author.All(t.Context())) {
		l.owner[s.ID] = s.Tenant
	}
	return l
}

func written(t *testing.T, stores []query.Store) []string {
	t.Helper()
	texts := make([]string, len(stores))
	for i, s := range stores {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(data)
	}
	return texts
}

// want holds a list of the past, by pages of some length, against what was listed then, less what has become others' since, of one tenant
// of then where one is named.
func (l *lived) want(t *testing.T, seq uint64, filter int, scope query.Scope, tenant string, limit int) {
	t.Helper()
	want := []string{}
	for _, text := range l.all[filter][seq] {
		var s query.Store
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if scope.Sees(l.owner[s.ID]) && (tenant == "" || s.Tenant == tenant) {
			want = append(want, text)
		}
	}
	r := query.PastRequest{Upto: seq, Tenant: tenant, Wanted: pastFilters[filter]}
	r.Wanted.Scope, r.Wanted.Limit, r.Wanted.Log = scope, limit, l.b.author.Log.Epoch()
	got := []string{}
	for {
		reply := answered[query.PastReply](t, l.b, query.Past.Subject, r)
		if got = append(got, written(t, reply.Stores)...); reply.Next == "" {
			break
		}
		r.Wanted.After = reply.Next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%+v of %+v and then %q up to %d, by %d (-then +past):\n%s", pastFilters[filter], scope, tenant, seq, limit, diff)
	}
}

// Of random histories, in which stores are also given away and deleted, and after all has been made anew.
func TestAPastListIsWhatWasListedThen(t *testing.T) {
	const messages, tenants = 100, 3
	b := setup(t)
	b.project(t)
	l := live(t, b, messages, tenants, 6)
	rnd := rand.New(rand.NewPCG(16, 4))
	scopes := []query.Scope{query.All(), query.Of(logtest.Tenant(0)), query.Of(logtest.Tenant(1)), query.Of(logtest.Tenant(2)), {}}
	judge := func() {
		for range 80 {
			tenant := scopes[rnd.IntN(len(scopes))].Tenant()
			l.want(t, uint64(rnd.IntN(messages+1)), rnd.IntN(len(pastFilters)), scopes[rnd.IntN(len(scopes))], tenant, 1+rnd.IntN(7))
		}
		l.want(t, messages, 0, query.All(), "", maxPage)
	}
	judge()
	if err := projection.Rebuild(t.Context(), b.nc, b.pool, func(uint64, uint64) {}); err != nil {
		t.Fatal(err)
	}
	judge()
	if given := slices.ContainsFunc(b.author.All(t.Context()), func(e storelog.Entry) bool { return e.Message.Type == store.Transferred }); !given {
		t.Error("no store was given away; the test shows nothing of that")
	}
	if len(slices.Compact(slices.Sorted(maps.Values(l.owner)))) != tenants {
		t.Errorf("not each tenant has a store in the end: %v", l.owner)
	}
}

// What isn't projected yet was not so then.
func TestAPastThatIsNotProjectedIsNoAnswer(t *testing.T) {
	b := setup(t, func(s *Service) { s.waits = time.Second / 2 })
	seq := b.author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna").Version
	r := query.PastRequest{Upto: seq, Wanted: query.StoresRequest{Scope: query.All(), Limit: 1}}
	if _, code := ask[query.PastReply](t, b.nc, query.Past.Subject, r); code != question.Unavailable {
		t.Errorf("before anything is projected code %q", code)
	}
	for name, wrong := range map[string]query.StoresRequest{"no limit": {}, "no cursor": {Limit: 1, After: "x y"}, "a text that's none": {Limit: 1, Search: "\x00"}} {
		if _, code := ask[query.PastReply](t, b.nc, query.Past.Subject, query.PastRequest{Upto: seq, Wanted: wrong}); code != question.Invalid {
			t.Errorf("%s: code %q", name, code)
		}
	}
}

// Few among many are found page by page, each of which ends.
func TestAPageOfThePastEnds(t *testing.T) {
	b := setup(t)
	const stores = 5_500
	for _, sql := range []string{
		`insert into stores (id, opened, version, tenant, name, engine, status, state)
			select 's' || n, n, 100000 + n, 'a', 'n', 'e', 'Ready', '{"status":"Ready"}' from generate_series(1, %d) n`,
		`insert into events (seq, store, tenant, type, at, actor, generation, facts, state)
			select n, 's' || n, 'a', 'create', now(), 'a', n, '{}', json_build_object('id', 's' || n, 'status', case when n = 1 then 'Failed' else 'Ready' end)
			from generate_series(1, %d) n`,
		`insert into checkpoint (epoch, seq) values ('', 200000 + %d)`,
		`analyze stores, events -- %d`,
	} {
		if _, err := b.pool.Exec(t.Context(), fmt.Sprintf(sql, stores)); err != nil {
			t.Fatal(err)
		}
	}
	r := query.PastRequest{Upto: stores, Wanted: query.StoresRequest{Scope: query.Of("a"), Status: store.Failed, Limit: 1}}
	for _, want := range []int{0, 1} {
		reply := answered[query.PastReply](t, b, query.Past.Subject, r)
		if len(reply.Stores) != want || (reply.Next == "") != (want == 1) {
			t.Fatalf("the page holds %d stores, and next is %q", len(reply.Stores), reply.Next)
		}
		r.Wanted.After = reply.Next
	}
	asked := &recorder{Querier: b.pool}
	list := readmodel.List{Scope: query.Of("a"), Deleted: true, Limit: 50}
	if _, _, err := (readmodel.Past{List: list, Upto: stores}).Page(t.Context(), readmodel.Moment{Querier: asked, Seq: stores}); err != nil {
		t.Fatal(err)
	}
	b.usesFor(t, asked, "events_by_store")
}
