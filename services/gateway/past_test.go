package gateway

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// seen is what GET answered of a store right behind a message.
type seen struct {
	id   store.ID
	body string
}

// stored is when the broker stored a message.
func (b *testBundle) stored(seq uint64) time.Time {
	b.t.Helper()
	raw, err := b.log.Message(b.t.Context(), seq)
	if err != nil {
		b.t.Fatal(err)
	}
	return raw.Time
}

// live has the log written by random commands and events and keeps what an operator is answered behind each message, by its sequence.
func (b *testBundle) live(rnd *rand.Rand, stores, messages int) (ids []store.ID, all []seen) {
	b.t.Helper()
	all = make([]seen, 1)
	look := func(id store.ID) {
		all = append(all, seen{id, string(b.get("/stores/"+string(id), asOperator...).body)})
		if head := b.head(); head != uint64(len(all)-1) {
			b.t.Fatalf("the log is at %d, %d was seen", head, len(all)-1)
		}
	}
	for range stores {
		ids = append(ids, b.create(`{}`, asStranger...).ID)
		look(ids[len(ids)-1])
	}
	events := []store.Type{store.AttemptStarted, store.StepCompleted, store.BecameReady, store.BecameDegraded, store.Recovered, store.Renamed, store.Transferred, store.BecameFailed,
		store.RetryCommand, store.UpdateCommand, store.DeleteCommand, store.BecameDeleted}
	for range messages {
		id := ids[rnd.IntN(stores)]
		b.happen(id, events[rnd.IntN(len(events))], store.Facts{Step: "http", Name: fmt.Sprint("Tea ", rnd.IntN(10)), Reason: "Random", Detail: "by \x00 chance"})
		look(id)
	}
	return ids, all
}

// wantPast holds what is answered of a store at a point against what was answered then, to a byte.
func (b *testBundle) wantPast(id store.ID, all []seen, seq uint64, at, said string) {
	b.t.Helper()
	then := ""
	for _, s := range all[:seq+1] {
		if s.id == id {
			then = s.body
		}
	}
	a := b.get("/stores/"+string(id)+"?at="+url.QueryEscape(at), asOperator...)
	if then == "" {
		wantProblem(b.t, a, http.StatusNotFound, problem.NotFound)
		return
	}
	want := strings.TrimSuffix(strings.TrimSpace(then), "}") + `,"at":` + said + "}"
	if a.status != http.StatusOK || strings.TrimSpace(string(a.body)) != want || len(a.header.Values("ETag")) != 0 {
		b.t.Errorf("at %s it is answered %d, ETag %q\n%s\nwant\n%s", at, a.status, a.header.Get("ETag"), a.body, want)
	}
}

func TestAStoreIsAnsweredAsItWas(t *testing.T) {
	b, rnd := setup(t, keyed), rand.New(rand.NewPCG(16, 4))
	ids, all := b.live(rnd, 4, 60)
	for range 60 {
		id, seq := ids[rnd.IntN(len(ids))], uint64(rnd.IntN(len(all)))
		b.wantPast(id, all, seq, fmt.Sprint(seq), fmt.Sprintf(`{"seq":%d}`, seq))
		if seq == 0 {
			continue
		}
		for before, at := range []time.Time{b.stored(seq), b.stored(seq).Add(-1)} {
			text := at.UTC().Format(time.RFC3339Nano)
			b.wantPast(id, all, seq-uint64(before), at.In(time.FixedZone("", 7200)).Format(time.RFC3339Nano),
				fmt.Sprintf(`{"seq":%d,"time":%q}`, seq-uint64(before), text))
		}
	}
}

// A store's past goes with it, and stays when it goes.
func TestAPastIsItsPresentOwners(t *testing.T) {
	b := setup(t, keyed)
	giver, taker := asStranger, []string{"X-Forwarded-For", "203.0.113.9"}
	s := b.ready(`{"name":"Tea"}`, giver...)
	path := fmt.Sprintf("/stores/%s?at=%d", s.ID, s.Version)
	wantProblem(t, b.get(path, taker...), http.StatusNotFound, problem.NotFound)
	b.transferred(s.ID, b.named("203.0.113.9"))
	b.do(http.MethodDelete, "/stores/"+string(s.ID), "", taker...)
	b.happen(s.ID, store.BecameDeleted, store.Facts{})
	for name, who := range map[string][]string{"who has it": taker, "an operator": asOperator} {
		got := decoded[query.Store](t, b.get(path, who...))
		if got.At == nil || got.At.Seq != s.Version || got.Version != s.Version || got.Tenant != s.Tenant || got.Status != store.Ready {
			t.Errorf("%s reads %+v", name, got)
		}
	}
	wantProblem(t, b.get(path, giver...), http.StatusNotFound, problem.NotFound)
}

func TestThereIsNoPastBeforeTheFirstMessageAndBehindTheLast(t *testing.T) {
	b := setup(t)
	first := b.create(`{}`)
	s := b.create(`{}`)
	path := "/stores/" + string(s.ID) + "?at="
	for _, at := range []string{"0", fmt.Sprint(first.Version), "0001-01-01T00:00:00Z", "1969-07-20T20:17:40Z", b.stored(first.Version).Format(time.RFC3339Nano)} {
		wantProblem(t, b.get(path+at), http.StatusNotFound, problem.NotFound)
	}
	wantProblem(t, b.get("/stores/sabcdefghijk?at=1"), http.StatusNotFound, problem.NotFound)
	for _, at := range []string{fmt.Sprint(b.head() + 1), "9007199254740991", "9999-12-31T23:59:59Z", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)} {
		if p := wantProblem(t, b.get(path+at), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "at" || !strings.Contains(p.Detail, fmt.Sprintf("ends at %d,", b.head())) {
			t.Errorf("at %s is refused with %+v", at, p)
		}
	}
	for _, at := range []string{"yesterday", "-1", "1.5", "9007199254740992", "2026-11-03", "2026-11-03T09:00:00", strings.Repeat("1", 100)} {
		if p := wantProblem(t, b.get(path+at), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "at" {
			t.Errorf("at %s is refused at %s", at, p.Field)
		}
	}
}

// The log says which sequence a time stands for, and the read model how stores were up to it.
func TestAListIsAskedForAsItWas(t *testing.T) {
	b := setup(t, keyed)
	first := b.create(`{"name":"Tea"}`, asStranger...)
	last := b.create(`{}`, asStranger...)
	between := b.stored(last.Version).Add(-1).UTC()
	wantProblem(t, b.get("/stores?at=1", asStranger...), http.StatusServiceUnavailable, problem.ProjectionUnavailable)
	asked := make(chan query.PastRequest, 1)
	b.answers(query.Past.Subject, func(data []byte) any {
		r := parsed[query.PastRequest](t, data)
		if r.Wanted.After == "x" {
			return nats.Header{micro.ErrorCodeHeader: []string{question.Invalid}}
		}
		asked <- r
		return query.PastReply{Stores: []query.Store{first}, Next: "more"}
	})
	wanted := query.StoresRequest{
		Scope: query.Of(b.named(stranger)), Log: b.log.Epoch(), Status: store.Deleted, Engine: "sample", Search: "te", Deleted: true, After: "c", Limit: 7, Seen: last.Version,
	}
	const filters = "/stores?status=Deleted&engine=sample&q=te&cursor=c&limit=7&at="
	for at, said := range map[string]string{
		fmt.Sprint(first.Version):        fmt.Sprintf(`{"seq":%d}`, first.Version),
		between.Format(time.RFC3339Nano): fmt.Sprintf(`{"seq":%d,"time":%q}`, first.Version, between.Format(time.RFC3339Nano)),
	} {
		a := b.get(filters+at, asStranger...)
		list := decoded[struct {
			api.StoreList
			At json.RawMessage `json:"at"`
		}](t, a)
		if a.status != http.StatusOK || !reflect.DeepEqual(list.Stores, []query.Store{first}) || list.Next != "more" || string(list.At) != said ||
			list.Feed != fmt.Sprintf("%s-%d", b.log.Epoch(), first.Version) {
			t.Errorf("at %s it is answered %d %s", at, a.status, a.body)
		}
		if r := received(t, asked); r.Upto != first.Version || !reflect.DeepEqual(r.Wanted, wanted) {
			t.Errorf("at %s is asked for %+v", at, r)
		}
	}
	wantProblem(t, b.get("/stores?at=1&cursor=x", asStranger...), http.StatusBadRequest, problem.InvalidCursor)
	for _, at := range []string{"yesterday", fmt.Sprint(b.head() + 1), "9999-12-31T23:59:59Z"} {
		if p := wantProblem(t, b.get("/stores?at="+at, asStranger...), http.StatusUnprocessableEntity, problem.InvalidField); p.Field != "at" {
			t.Errorf("at %s is refused at %s", at, p.Field)
		}
	}
	b.get("/stores?at=1", asOperator...)
	if r := received(t, asked); !r.Wanted.Scope.SeesAll() {
		t.Errorf("the operator asks for %+v", r)
	}
	for scope, who := range map[query.Scope][]string{query.All(): asOperator, query.Of(b.named(stranger)): asStranger} {
		b.get("/stores?at=1&tenant=t-another", who...)
		if r := received(t, asked); r.Tenant != "t-another" || r.Wanted.Scope != scope {
			t.Errorf("of %+v those that were another's are asked for by %+v", scope, r)
		}
	}
}
