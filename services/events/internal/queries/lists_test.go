package queries

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// filters are every one alone, and some together, as they may be asked for.
func filters() map[string]query.StoresRequest {
	all := map[string]query.StoresRequest{
		"all": {}, "with the deleted": {Deleted: true}, "an engine": {Engine: "sample"}, "no engine": {Engine: "woocommerce"}, "a plan": {Plan: "small"},
		"no plan": {Plan: "large"}, "a name": {Name: "BLUMEN & SOHNE 7"}, "part of a name": {Search: "söhne 1"}, "two characters": {Search: "7"},
		"several":            {Statuses: []store.Status{store.Ready, store.Degraded, store.Deleted, store.Ready}, Deleted: true},
		"several and a plan": {Statuses: []store.Status{store.Queued, store.Failed}, Plan: "small", Search: "sohne"},
		"an id":              {Search: string(logtest.Store(logtest.Tenant(1), 3))}, "what would be a pattern": {Search: "_"}, "an accent": {Search: "\u0301"},
	}
	for _, status := range store.Statuses {
		all[string(status)] = query.StoresRequest{Status: status, Deleted: status == store.Deleted}
	}
	return all
}

// matches says by the store alone whether it is listed.
func matches(r query.StoresRequest, s store.State) bool {
	name := readmodel.Folded(s.Spec.Name)
	switch among := r.Among(); {
	case !r.Scope.Sees(s.Tenant), len(among) > 0 && !slices.Contains(among, s.Status), len(among) == 0 && !r.Deleted && s.Status == store.Deleted:
		return false
	case r.Engine != "" && r.Engine != s.Spec.Engine, r.Plan != "" && r.Plan != s.Spec.Plan, r.Name != "" && readmodel.Folded(r.Name) != name:
		return false
	}
	part := readmodel.Folded(r.Search)
	return strings.Contains(name, part) || strings.Contains(string(s.ID), part)
}

// Whatever is asked for in whatever order, by pages of any size, is each store that it fits, once and in its place, and is counted so.
func TestListsOfEveryFilterInEveryOrder(t *testing.T) {
	b := setup(t)
	b.project(t)
	b.author.Write(t.Context(), 600, 3, 25)
	folded := logtest.Fold(b.author.All(t.Context()))
	seen, err := b.author.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range filters() {
		for _, scope := range []query.Scope{query.All(), query.Of(logtest.Tenant(1)), {}} {
			r.Scope, r.Seen = scope, seen
			var want []store.State
			counts := map[store.Status]int64{}
			for _, s := range folded {
				if matches(r, s) {
					want = append(want, s)
					counts[s.Status]++
				}
			}
			reply := askUpTo(t, b.nc, query.Counts.Subject, r, seen, func(reply query.CountsReply) uint64 { return reply.Checkpoint })
			if !maps.Equal(reply.ByStatus, counts) {
				t.Errorf("%s of %+v: counted %v, there are %v", name, scope, reply.ByStatus, counts)
			}
			for order, ids := range inOrders(want) {
				r.Order = order
				if got := b.turn(t, r); !slices.Equal(got, ids) {
					t.Errorf("%s of %+v, %s: %v, want %v", name, scope, order, got, ids)
				}
			}
		}
	}
}

func inOrders(stores []store.State) map[query.Order][]store.ID {
	ids := func() (all []store.ID) {
		for _, s := range stores {
			all = append(all, s.ID)
		}
		return all
	}
	orders := map[query.Order][]store.ID{query.Oldest: ids()}
	slices.Reverse(stores)
	orders[query.Newest], orders[""] = ids(), ids()
	slices.Reverse(stores)
	slices.SortStableFunc(stores, func(a, b store.State) int {
		return cmp.Compare(readmodel.Sorted(a.Spec.Name), readmodel.Sorted(b.Spec.Name))
	})
	orders[query.ByName] = ids()
	return orders
}

// turn turns all pages of a list.
func (b *testBundle) turn(t *testing.T, r query.StoresRequest) (ids []store.ID) {
	t.Helper()
	for r.Limit = 1; ; r.Limit = 7 {
		reply := askUpTo(t, b.nc, r.Question().Subject, r, r.Seen, func(reply query.StoresReply) uint64 { return reply.Checkpoint })
		for _, s := range reply.Stores {
			ids = append(ids, s.ID)
		}
		if r.After = reply.Next; r.After == "" {
			return ids
		}
	}
}

// A cursor of one list would lead astray in another.
func TestACursorIsOfItsListAlone(t *testing.T) {
	b := setup(t)
	b.project(t)
	var seen uint64
	for n := range 3 {
		seen = b.author.Create(t.Context(), "a", logtest.Store("a", n), fmt.Sprint("Anna ", n)).Version
	}
	byName := query.StoresRequest{Scope: query.All(), Order: query.ByName, Statuses: []store.Status{store.Queued, store.Failed}, Limit: 1, Seen: seen}
	byName.After = b.page(t, byName).Next
	if byName.After == "" {
		t.Fatal("all is on one page")
	}
	same := byName
	same.Statuses, same.Limit, same.Seen = []store.Status{store.Failed, store.Queued, store.Failed}, 2, 0
	if got := b.page(t, same); len(got.Stores) != 2 || got.Next != "" {
		t.Errorf("behind the first of three there are %d", len(got.Stores))
	}
	for what, change := range map[string]func(*query.StoresRequest){
		"another order": func(r *query.StoresRequest) { r.Order = query.Oldest }, "no order": func(r *query.StoresRequest) { r.Order, r.Statuses = "", nil },
		"others' stores": func(r *query.StoresRequest) { r.Scope = query.Of("a") }, "another filter": func(r *query.StoresRequest) { r.Plan = "small" },
		"a number":   func(r *query.StoresRequest) { r.After = "7" },
		"a fraction": func(r *query.StoresRequest) { r.After = r.After[:len(r.After)/2] },
	} {
		other := byName
		change(&other)
		if _, code := ask[query.StoresReply](t, b.nc, other.Question().Subject, other); code != "400" {
			t.Errorf("%s is answered with %q", what, code)
		}
	}
}

// What the tables of before don't know can't be had of them: it would be a list of what nobody asked for.
func TestUntilTheNewestTablesAreFilledListsAreOfWhatThoseOfBeforeKnow(t *testing.T) {
	b := setup(t)
	for name, r := range filters() {
		r.Scope, r.Limit = query.All(), 5
		want := ""
		if !r.Plain() {
			want = "503"
		}
		if _, code := ask[query.StoresReply](t, b.nc, r.Question().Subject, r); code != want {
			t.Errorf("%s is answered with %q, want %q", name, code, want)
		}
	}
	if _, code := ask[query.CountsReply](t, b.nc, query.Counts.Subject, query.StoresRequest{Scope: query.All()}); code != "503" {
		t.Errorf("counts are answered with %q", code)
	}
}

// A page costs what it shows, in a large installation too: each filter goes by an index in the order of its page.
func TestEachFilterUsesItsIndex(t *testing.T) {
	b := setup(t)
	b.exec(t, `insert into listed select 's' || n, n, 'tenant-' || n % 500, case when n % 400 = 0 then 'Failed' when n % 3 = 0 then 'Deleted' else 'Ready' end,
		case when n % 300 = 0 then 'rare' else 'e' end, case when n % 300 = 0 then 'rare' else 'p' end, 'name ' || n, 'name ' || n from generate_series(1, 20000) n`,
		`insert into listed_grams select id, array[right(text, 3), substr(text, length(text) - 3, 3), substr(text, length(text) - 4, 3)] from listed`,
		`insert into stores_4 (id, opened, version, tenant, name, engine, status, standing, state)
		select id, opened, opened, tenant, sorted, engine, status, 'up', '{}' from listed`,
		`insert into listed_counts select side, engine, plan, status, count(*) from listed, unnest(array['', tenant]) side group by 1, 2, 3, 4`,
		"insert into stores select id, opened, version, tenant, name, engine, status, state from stores_4", "analyze")
	spot := readmodel.Spot{Opened: 15000, Sorted: "name 15000"}
	for index, l := range map[string]readmodel.List{
		"listed_undeleted": {}, "listed_by_opened": {Deleted: true}, "listed_by_tenant": {Scope: query.Of("tenant-7")},
		"listed_by_status": {Statuses: []store.Status{store.Failed, store.Degraded}}, "listed_by_engine": {Engine: "rare"}, "listed_by_plan": {Plan: "rare"},
		"listed_by_name": {Order: query.ByName}, "listed_by_grams": {Search: "789"}, "listed_by_tenant_name": {Scope: query.Of("tenant-7"), Order: query.ByName},
	} {
		if l.Scope.SeesNothing() {
			l.Scope = query.All()
		}
		l.Behind, l.Limit = spot, 50
		b.usesIndex(t, true, l, index)
	}
	b.usesIndex(t, false, readmodel.List{Scope: query.Of("tenant-7"), Behind: spot, Limit: 50}, "stores_by_tenant")
	// The first page, too, of what isn't among the first; among a tenant's few there is nothing else to look for.
	b.usesIndex(t, true, readmodel.List{Scope: query.All(), Search: "789", Limit: 50}, "listed_by_grams")
	b.usesIndex(t, true, readmodel.List{Scope: query.Of("tenant-7"), Search: "07", Limit: 50}, "listed_counts")
	for text, grams := range map[string]bool{"789": true, "name": false} {
		b.countsByGrams(t, readmodel.List{Scope: query.All(), Search: text}, grams)
		b.countsByGrams(t, readmodel.List{Scope: query.Of("tenant-7"), Search: text}, false)
	}
}

// countsByGrams holds how a list is counted, and that it is so many.
func (b *testBundle) countsByGrams(t *testing.T, l readmodel.List, grams bool) {
	t.Helper()
	asked := &recorder{Querier: b.pool}
	counts, err := readmodel.CountStores(t.Context(), readmodel.Moment{Querier: asked, Filled: true}, l)
	if err != nil {
		t.Fatal(err)
	}
	var got, want int64
	for _, n := range counts {
		got += n
	}
	err = b.pool.QueryRow(t.Context(), "select count(*) from listed where status <> 'Deleted' and strpos(text, $1) > 0 and (tenant = $2 or $3)",
		l.Search, l.Scope.Tenant(), l.Scope.SeesAll()).Scan(&want)
	if by := strings.Contains(asked.sql, "listed_grams"); err != nil || got != want || by != grams {
		t.Errorf("%+v: counted %d, by grams %t, want %d (%v), by grams %t", l, got, by, want, err, grams)
	}
}

func (b *testBundle) usesIndex(t *testing.T, filled bool, l readmodel.List, index string) {
	t.Helper()
	asked := &recorder{Querier: b.pool}
	if _, _, err := readmodel.Stores(t.Context(), readmodel.Moment{Querier: asked, Filled: filled}, l); err != nil {
		t.Fatal(err)
	}
	b.usesFor(t, asked, index)
}

func (b *testBundle) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := b.pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}
