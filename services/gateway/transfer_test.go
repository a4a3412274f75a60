package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// agency is how a tenant is called that has one.
const agency = "t-4kq7wmzc3e"

// keyed is a gateway with an admin key, behind a proxy that the test plays.
func keyed(c *Config) { trusting(c); c.AdminKey = "sesame" }

func (b *testBundle) transfer(id store.ID, to string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, "/stores/"+string(id)+"/transfer", fmt.Sprintf(`{"tenant":%q}`, to), append(header, asOperator...)...)
}

func (b *testBundle) transferAll(from, to, cursor string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, "/stores/transfer", fmt.Sprintf(`{"from":%q,"tenant":%q,"cursor":%q}`, from, to, cursor), asOperator...)
}

func (b *testBundle) transferred(id store.ID, to string) query.Store {
	b.t.Helper()
	a := b.transfer(id, to)
	if a.status != http.StatusOK {
		b.t.Fatalf("the transfer is answered %d %s", a.status, a.body)
	}
	return decoded[query.Store](b.t, a)
}

func TestAStoreBecomesAnotherTenants(t *testing.T) {
	b := setup(t, keyed)
	giver, taker := asStranger, []string{"X-Forwarded-For", "203.0.113.9"}
	from, to := b.named(stranger), b.named("203.0.113.9")
	s := b.ready(`{"name":"Tea"}`, append(giver, "Idempotency-Key", "k")...)
	path := "/stores/" + string(s.ID)

	got := b.transferred(s.ID, to)
	if got.Tenant != to || got.Status != store.Ready || got.URL != s.URL || got.Generation != s.Generation || got.Operation != "" {
		t.Errorf("transferred it is %+v", got)
	}
	if facts := b.lastFacts(b.head()); b.lastType() != store.Transferred || facts.From != from || b.head() != got.Version {
		t.Errorf("the log says %s %+v", b.lastType(), facts)
	}
	read := b.get(path, taker...)
	if tag := fmt.Sprintf(`"%d"`, got.Version); read.status != http.StatusOK || read.header.Get("ETag") != tag {
		t.Errorf("its owner reads %d %s, ETag %s", read.status, read.body, read.header.Get("ETag"))
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		wantProblem(t, b.do(method, path, "", giver...), http.StatusNotFound, problem.NotFound)
	}
	wantProblem(t, b.patch(s.ID, `{"name":"Mine"}`, giver...), http.StatusNotFound, problem.NotFound)
	for _, below := range []string{"/events", "/links", "/credentials", "/engine"} {
		wantProblem(t, b.get(path+below, giver...), http.StatusNotFound, problem.NotFound)
	}
	// The key that made it makes nothing else, and hands it out no longer.
	again := b.do(http.MethodPost, "/stores", `{"name":"Tea"}`, append(giver, "Idempotency-Key", "k")...)
	wantProblem(t, again, http.StatusUnprocessableEntity, problem.IdempotencyKeyReused)
	if b.held(from) != 0 || b.held(to) != 1 {
		t.Errorf("who had it claims %d stores, who has it %d", b.held(from), b.held(to))
	}
	noted := storelog.AuditEntry{
		What: storelog.StoreTransferred, Tenant: from, Store: s.ID, Actor: "admin", From: "ip:loopback", Before: from, After: to,
	}
	others := noted
	others.Tenant = to
	if looks := b.looks(); !slices.Equal(looks, []storelog.AuditEntry{noted, others}) {
		t.Errorf("noted are %+v", looks)
	}
	if repeated := b.transferred(s.ID, to); repeated.Version != got.Version || len(b.looks()) != 2 || b.held(to) != 1 {
		t.Errorf("repeated it was said again: %+v", repeated)
	}
	// Neither is to list it as it was.
	asked := make(chan query.StoresRequest, 1)
	b.answers(query.Stores.Subject, func(data []byte) any {
		asked <- parsed[query.StoresRequest](t, data)
		return query.StoresReply{}
	})
	for _, who := range [][]string{giver, taker, asOperator} {
		b.get("/stores", who...)
		if q := received(t, asked); q.Seen != got.Version {
			t.Errorf("the list of %v waits for %d, want %d", who, q.Seen, got.Version)
		}
	}
}

// What is being done about it nobody does for somebody: it goes on.
func TestAStoreIsTransferredWhileItIsMade(t *testing.T) {
	b := setup(t, keyed)
	s := b.create(`{}`, asStranger...)
	got := b.transferred(s.ID, agency)
	if got.Tenant != agency || got.Operation != store.Create || got.Generation != s.Generation {
		t.Errorf("%+v", got)
	}
	if ready := b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://x.localhost", Tenant: s.Tenant}); ready.Status != store.Ready {
		t.Errorf("%+v", ready)
	}
}

// Who operates by sitting at the machine sees no stores of others, and gives them away all the same.
func TestWhoSitsAtTheMachineTransfersWhatItDoesNotSee(t *testing.T) {
	b := setup(t, trusting)
	s := b.ready(`{}`, asStranger...)
	wantProblem(t, b.get("/stores/"+string(s.ID)), http.StatusNotFound, problem.NotFound)
	if got := b.transferred(s.ID, storelog.LoopbackTenant); got.Tenant != storelog.LoopbackTenant {
		t.Errorf("%+v", got)
	}
	if a := b.get("/stores/" + string(s.ID)); a.status != http.StatusOK {
		t.Errorf("its owner is answered %d", a.status)
	}
}

func TestWhatCannotBeTransferredIsLeftAsItWas(t *testing.T) {
	b := setup(t, keyed)
	s, leaving, gone := b.ready(`{}`, asStranger...), b.ready(`{}`, asStranger...), b.ready(`{}`, asStranger...)
	for _, id := range []store.ID{leaving.ID, gone.ID} {
		b.do(http.MethodDelete, "/stores/"+string(id), "", asStranger...)
	}
	b.happen(gone.ID, store.BecameDeleted, store.Facts{})
	before := b.written(t)

	// Nobody else learns from it whether there is such a store.
	for _, id := range []store.ID{s.ID, gone.ID, "saaaaaaaaaaa"} {
		a := b.do(http.MethodPost, "/stores/"+string(id)+"/transfer", `{"tenant":"`+agency+`"}`, asStranger...)
		wantProblem(t, a, http.StatusUnauthorized, problem.AdminKeyRequired)
	}
	all := b.do(http.MethodPost, "/stores/transfer", `{"from":"`+b.named(stranger)+`","tenant":"`+agency+`"}`, asStranger...)
	wantProblem(t, all, http.StatusUnauthorized, problem.AdminKeyRequired)
	wantProblem(t, b.transfer("saaaaaaaaaaa", agency), http.StatusNotFound, problem.NotFound)
	wantProblem(t, b.transfer("nostore", agency), http.StatusNotFound, problem.NotFound)
	wantProblem(t, b.transfer(gone.ID, agency), http.StatusConflict, problem.StoreDeleted)
	if p := wantProblem(t, b.transfer(leaving.ID, agency), http.StatusConflict, problem.ConflictInFlight); p.Retryable || p.Operation != "delete" {
		t.Errorf("problem %+v", p)
	}
	for _, name := range []string{"", "x", "t-", "t-4KQ7WMZC3E", "t-4kq7wmzc3e5", "ip:203.0.113.7", "ip:", "ip:LOOPBACK", "admin", "ip:" + agency} {
		if p := wantProblem(t, b.transfer(s.ID, name), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "tenant" {
			t.Errorf("%q: names field %q", name, p.Field)
		}
		if p := wantProblem(t, b.transferAll(name, agency, ""), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "from" {
			t.Errorf("%q: names field %q", name, p.Field)
		}
	}
	if p := wantProblem(t, b.transferAll(agency, agency, ""), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "tenant" {
		t.Errorf("names field %q", p.Field)
	}
	if after := b.written(t); !maps.Equal(before, after) {
		t.Errorf("what was refused was written: streams ended at %v, and end at %v", before, after)
	}
}

func TestATransferNeedsAPlaceInTheQuotaAndTheLog(t *testing.T) {
	b := setup(t, keyed, func(c *Config) { c.MaxStores = 1 })
	from := b.named(stranger)
	first := b.ready(`{}`, asStranger...)
	b.transferred(first.ID, agency)
	second := b.ready(`{}`, asStranger...)
	end, noted := b.head(), len(b.looks())
	wantProblem(t, b.transfer(second.ID, agency), http.StatusForbidden, problem.QuotaExceeded)
	if b.head() != end || len(b.looks()) != noted || b.held(from) != 1 || b.held(agency) != 1 {
		t.Errorf("refused, %d claims and %d", b.held(from), b.held(agency))
	}
	const other = "t-aaaaaaaaaa"
	b.resize(1)
	wantProblem(t, b.transfer(second.ID, other), http.StatusServiceUnavailable, problem.LogFull)
	if b.held(from) != 1 || b.held(other) != 0 {
		t.Errorf("not said, %d claims and %d", b.held(from), b.held(other))
	}
	b.resize(1 << 20)
	if b.transferred(second.ID, other); b.held(from) != 0 || b.held(other) != 1 {
		t.Errorf("said, %d claims and %d", b.held(from), b.held(other))
	}
}

// Operators disagree, through two gateways: the store is somebody's in the end, whose claim there is and nobody else's, without any
// sweep.
func TestOfManyTransfersTheLastOneHasTheClaim(t *testing.T) {
	b := setup(t, keyed)
	gateways := []*testBundle{b, b.second(keyed)}
	owners := []string{"t-aaaaaaaaaa", "t-bbbbbbbbbb", "t-cccccccccc"}
	s := b.ready(`{}`, asStranger...)
	end := b.head()
	var wait sync.WaitGroup
	for i := range 24 {
		wait.Go(func() {
			a := gateways[i%2].transfer(s.ID, owners[i%3])
			if a.status != http.StatusOK {
				wantProblem(t, a, http.StatusConflict, problem.ConflictChanged)
			}
		})
	}
	wait.Wait()
	if b.head()-end < 3 {
		t.Errorf("only %d were said", b.head()-end)
	}
	owner := decoded[query.Store](t, b.get("/stores/"+string(s.ID), asOperator...)).Tenant
	for _, tenant := range append(owners, b.named(stranger)) {
		want := 0
		if tenant == owner {
			want = 1
		}
		if held := b.held(tenant); held != want {
			t.Errorf("%s claims %d stores, want %d; %s owns it", tenant, held, want, owner)
		}
	}
}

// listed answers for the events service with these stores, as a list that may be behind.
func (b *testBundle) listed(next string, stores ...query.Store) <-chan query.StoresRequest {
	asked := make(chan query.StoresRequest, 8)
	b.answers(query.Stores.Subject, func(data []byte) any {
		asked <- parsed[query.StoresRequest](b.t, data)
		return query.StoresReply{Stores: stores, Next: next}
	})
	return asked
}

func TestATenantsStoresAreAdopted(t *testing.T) {
	b := setup(t, keyed, func(c *Config) { c.MaxStores = 4 })
	from := b.named(stranger)
	var stores []query.Store
	for range 4 {
		stores = append(stores, b.create(`{}`, asStranger...))
	}
	b.do(http.MethodDelete, "/stores/"+string(stores[1].ID), "", asStranger...)
	// One place is taken, so one too many comes.
	own := b.create(`{}`)
	b.transferred(own.ID, agency)
	b.transferred(b.create(`{}`).ID, agency)
	asked := b.listed("later", stores...)

	got := decoded[api.StoresTransferred](t, b.transferAll(from, agency, "before"))
	if q := received(t, asked); q.Scope != query.Of(from) || q.After != "before" || q.Limit != 50 || q.Deleted {
		t.Errorf("asked for %+v", q)
	}
	want := api.StoresTransferred{Transferred: []store.ID{stores[0].ID, stores[2].ID}, Next: "later", Refused: []api.Kept{
		{Store: stores[1].ID, Code: problem.ConflictInFlight}, {Store: stores[3].ID, Code: problem.QuotaExceeded},
	}}
	for i := range got.Refused {
		if got.Refused[i].Detail == "" || got.Refused[i].Retryable {
			t.Errorf("refused: %+v", got.Refused[i])
		}
		got.Refused[i].Detail = ""
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("answered %+v, want %+v", got, want)
	}
	if b.held(from) != 2 || b.held(agency) != 4 {
		t.Errorf("%d claims are left and %d taken", b.held(from), b.held(agency))
	}
	// The list may be behind: what is where it is to be is so, and who has got one of them meanwhile keeps it, which is nobody's refusal.
	b.transferred(stores[0].ID, "t-bbbbbbbbbb")
	end := b.head()
	again := decoded[api.StoresTransferred](t, b.transferAll(from, agency, ""))
	refused := slices.Collect(func(yield func(store.ID) bool) {
		for _, k := range again.Refused {
			yield(k.Store)
		}
	})
	if !slices.Equal(again.Transferred, []store.ID{stores[2].ID, stores[3].ID}) || !slices.Equal(refused, []store.ID{stores[1].ID}) || b.head() != end+1 {
		t.Errorf("repeated: %+v", again)
	}
}

// Where it is the platform that can't, it isn't asked once more for each store.
func TestAnAdoptionEndsWhereThePlatformCannot(t *testing.T) {
	b := setup(t, trusting, metered)
	var stores []query.Store
	for range 3 {
		stores = append(stores, b.create(`{}`, asStranger...))
	}
	s := b.create(`{}`)
	for n := range 3 {
		b.changed(s.ID, fmt.Sprintf(`{"name":"Name %d"}`, n), http.StatusOK)
	}
	left := stores
	b.answers(query.Stores.Subject, func([]byte) any { return query.StoresReply{Stores: left} })
	got := decoded[api.StoresTransferred](t, b.transferAll(b.named(stranger), agency, ""))
	if len(got.Transferred) != 1 || len(got.Refused) != 2 || got.Refused[1].Code != problem.TooManyCommands || !got.Refused[1].Retryable {
		t.Errorf("with one command left: %+v", got)
	}
	left = stores[1:]
	wantProblem(t, b.transferAll(b.named(stranger), agency, ""), http.StatusTooManyRequests, problem.TooManyCommands)
}
