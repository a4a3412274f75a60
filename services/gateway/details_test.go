package gateway

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestListAsksForOwnStoresAsFiltered(t *testing.T) {
	b := setup(t, func(c *Config) { c.AdminKey = "sesame" })
	asked := make(chan query.StoresRequest, 8)
	var reply query.StoresReply
	b.answers(query.Stores.Subject, func(data []byte) any {
		var q query.StoresRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return reply
	})
	s := b.create(`{}`)
	reply = query.StoresReply{Stores: []query.Store{s}, Next: "abc", Checkpoint: s.Version}

	list := decoded[struct {
		Stores     []query.Store
		Next, Feed string
	}](t, b.get("/stores?status=Ready&engine=sample&q=tea&cursor=xyz&limit=7"))
	if len(list.Stores) != 1 || list.Next != "abc" || list.Feed != (feed.Cursor{Epoch: b.log.Epoch(), Seq: s.Version}).String() {
		t.Errorf("list %+v", list)
	}
	want := query.StoresRequest{
		Log: b.log.Epoch(), Scope: query.Of("ip:loopback"), Status: store.Ready, Engine: "sample", Search: "tea", After: "xyz", Limit: 7, Seen: s.Version,
	}
	if q := received(t, asked); !reflect.DeepEqual(q, want) {
		t.Errorf("asked for %+v, want %+v", q, want)
	}
	b.get("/stores?seen=900&deleted=true", "X-Api-Key", "sesame")
	if q := received(t, asked); q.Scope != query.All() || q.Seen != 900 || !q.Deleted || q.Limit != 50 {
		t.Errorf("the admin asked for %+v", q)
	}
	b.get("/stores?status=Deleted")
	if q := received(t, asked); !q.Deleted {
		t.Errorf("a filter on Deleted asked for %+v", q)
	}
}

func TestListsCanBeHadOfEveryStatus(t *testing.T) {
	b := setup(t)
	asked := make(chan query.StoresRequest, 1)
	b.answers(query.Stores.Subject, func(data []byte) any {
		var q query.StoresRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return query.StoresReply{}
	})
	for _, status := range store.Statuses {
		if a := b.get("/stores?status=" + string(status)); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", status, a.status, a.body)
		} else if q := received(t, asked); q.Status != status {
			t.Errorf("%s: asked for %+v", status, q)
		}
	}
}

// The owner's next list is to show it as much as that of whoever did it.
func TestWhatAnAdminDidIsInTheirNextList(t *testing.T) {
	b := setup(t, trusting, func(c *Config) { c.AdminKey = "sesame" })
	asked := make(chan query.StoresRequest, 1)
	b.answers(query.Stores.Subject, func(data []byte) any {
		var q query.StoresRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return query.StoresReply{}
	})
	owner, admin := []string{"X-Forwarded-For", "203.0.113.7"}, []string{"X-Forwarded-For", "203.0.113.9", "X-Api-Key", "sesame"}
	path := "/stores/" + string(b.failed(owner...).ID)
	listed := func(did string) {
		t.Helper()
		for _, who := range [][]string{owner, admin} {
			b.get("/stores", who...)
			if q := received(t, asked); q.Seen != b.head() {
				t.Errorf("after the admin's %s %s lists as of %d, the log ends at %d", did, who[1], q.Seen, b.head())
			}
		}
	}
	b.do(http.MethodPost, path+"/retry", "", admin...)
	listed("retry")
	b.do(http.MethodDelete, path, "", admin...)
	listed("delete")
}

func TestListShowsTheClusterAsItIsNow(t *testing.T) {
	b := setup(t)
	b.cluster(platform.Cluster{Part: "etcd", Message: "building etcd"})
	b.await("the gateway knows", func() bool {
		return decoded[struct{ Cluster platform.Cluster }](t, b.get("/readyz")).Cluster.Part == "etcd"
	})
	waits := query.Store{ID: "sabcdefghijk", Status: store.Queued, Cause: query.Cause{Reason: "ClusterNotReady", Message: "old news"}, Steps: []string{}}
	b.answers(query.Stores.Subject, func([]byte) any { return query.StoresReply{Stores: []query.Store{waits}} })
	list := decoded[struct{ Stores []query.Store }](t, b.get("/stores"))
	if len(list.Stores) != 1 || list.Stores[0].Message != "Waiting for the cluster: building etcd" {
		t.Errorf("list %+v", list)
	}
}

// An events service of the release before tells of an operation by words of the store's own.
func TestAListOfAnOlderReadModelSaysWhatIsDone(t *testing.T) {
	b := setup(t)
	const old = `{"stores":[
		{"id":"sabcdefghijk","status":"Provisioning","operation":"retry","steps":["namespace"],"attempt":2,"reason":"ClusterBusy","generation":7,"version":9},
		{"id":"sbcdefghijkl","status":"Failed","steps":["namespace"],"attempt":5,"reason":"Quota","generation":8,"version":10},
		{"id":"scdefghijklm","status":"Deleted","steps":["namespace","claims"],"generation":11,"version":12},
		{"id":"sdefghijklmn","status":"Ready","steps":["namespace"],"generation":13,"version":14},
		{"id":"sefghijklmno","status":"Degraded","steps":["namespace"],"generation":15,"version":16}]}`
	b.answers(query.Stores.Subject, func([]byte) any { return json.RawMessage(old) })
	var got []query.Operation
	for _, s := range decoded[struct{ Stores []query.Store }](t, b.get("/stores")).Stores {
		got = append(got, s.LastOperation)
	}
	want := []query.Operation{
		{Verb: store.Retry, Of: store.Create, Generation: 7, Root: 7, Attempt: 2, Steps: []string{"namespace"}, Cause: query.Cause{Reason: "ClusterBusy"}},
		{Generation: 8, Root: 8, Attempt: 5, Steps: []string{"namespace"}, Outcome: store.Unsuccessful},
		{Verb: store.Delete, Generation: 11, Root: 11, Steps: []string{"namespace", "claims"}, Outcome: store.Succeeded},
		{Generation: 13, Root: 13, Steps: []string{"namespace"}, Outcome: store.Succeeded},
		{Steps: []string{}}, // a mend of it may have failed
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestHistoryIsReadAsFarAsTheStoreIs(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	asked := make(chan query.EventsRequest, 1)
	b.answers(query.Events.Subject, func(data []byte) any {
		var q query.EventsRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return query.EventsReply{Events: []query.Event{{Seq: s.Version, Store: s.ID, Type: store.CreateCommand}}}
	})
	list := decoded[struct{ Events []query.Event }](t, b.get("/stores/"+string(s.ID)+"/events?after=0&limit=9"))
	if len(list.Events) != 1 || list.Events[0].Seq != s.Version {
		t.Errorf("events %+v", list)
	}
	if q := received(t, asked); q.Scope != query.Of("ip:loopback") || q.Store != s.ID || q.Seen != s.Version || q.Limit != 9 {
		t.Errorf("asked for %+v", q)
	}
}

func TestLinksComeWithReady(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	path := "/stores/" + string(s.ID) + "/links"
	wantProblem(t, b.get(path), http.StatusConflict, problem.NotReady)
	b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://store-x.localhost:8088/"})
	type link struct{ Name, Title, URL string }
	list := decoded[struct{ Links []link }](t, b.get(path))
	if len(list.Links) != 2 || list.Links[1] != (link{"admin", "Orders", "http://store-x.localhost:8088/admin"}) {
		t.Errorf("links %+v", list)
	}
}

// The catalog moves on, and a store stays what it was made of.
func TestLinksAreThoseOfTheStoresVersion(t *testing.T) {
	b := setup(t)
	made := b.create(`{}`)
	next := samplePack()
	next.Version, next.Links = "1.1.0", append(next.Links, engine.Link{Name: "news", Title: "News", Path: "/news"})
	b.publish(samplePack(), next)
	b.await("1.1.0 is on offer", func() bool { return b.offered() == "1.1.0" })
	later := b.create(`{}`)
	if later.EngineVersion != "1.1.0" || made.EngineVersion != "1.0.0" {
		t.Errorf("made of %q before and %q after", made.EngineVersion, later.EngineVersion)
	}
	links := func(id store.ID) int {
		b.happen(id, store.BecameReady, store.Facts{URL: "http://store-x.localhost:8088/"})
		return len(decoded[struct{ Links []any }](t, b.get("/stores/"+string(id)+"/links")).Links)
	}
	if before, after := links(made.ID), links(later.ID); before != 2 || after != 3 {
		t.Errorf("%d links of version 1.0.0 and %d of 1.1.0", before, after)
	}
	// The engine leaves the offer, and the pages of its stores are known on.
	b.publish()
	b.await("nothing is on offer", func() bool { return b.offered() == "" })
	if n := len(decoded[struct{ Links []any }](t, b.get("/stores/"+string(later.ID)+"/links")).Links); n != 3 {
		t.Errorf("%d links of an engine that isn't offered any more", n)
	}
}

// offered is the version of the one engine on offer.
func (b *testBundle) offered() string {
	b.t.Helper()
	engines := decoded[struct{ Engines []struct{ Version string } }](b.t, b.get("/engines")).Engines
	if len(engines) == 0 {
		return ""
	}
	return engines[0].Version
}

func TestALookAtPasswordsIsNotedFirst(t *testing.T) {
	b := setup(t, func(c *Config) { c.AdminKey = "sesame" })
	s := b.create(`{}`)
	path, key := "/stores/"+string(s.ID)+"/credentials", []string{"X-Api-Key", "sesame"}
	wantProblem(t, b.get(path), http.StatusUnauthorized, problem.AdminKeyRequired)
	wantProblem(t, b.get(path, key...), http.StatusConflict, problem.NotReady)
	ready := query.View(b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://x.localhost"}))
	wantProblem(t, b.get(path, key...), http.StatusServiceUnavailable, problem.CredentialsMissing)

	b.answers(query.Credentials.Subject, func([]byte) any {
		return query.CredentialsReply{Credentials: []query.Credential{{Name: "admin", Title: "Orders", Password: "hunter2"}}}
	})
	a := b.get(path, key...)
	list := decoded[struct{ Credentials []query.Credential }](t, a)
	if len(list.Credentials) != 1 || list.Credentials[0].Password != "hunter2" {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("passwords may be cached")
	}
	if head := b.head(); head != ready.Version {
		t.Errorf("the log ends at %d, and did at %d: a look is nothing for ever", head, ready.Version)
	}
	want := storelog.AuditEntry{
		What: storelog.CredentialsViewed, Tenant: "ip:loopback", Store: s.ID, Actor: "admin", From: "ip:loopback",
	}
	if looks := b.looks(); len(looks) != 1 || looks[0] != want {
		t.Errorf("noted are %+v, want %+v alone", looks, want)
	}
}

// looks are what the audit holds, but for when.
func (b *testBundle) looks() []storelog.AuditEntry {
	b.t.Helper()
	js, err := jetstream.New(b.conn)
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := js.Stream(b.t.Context(), storelog.AuditStream)
	if err != nil {
		b.t.Fatal(err)
	}
	var looks []storelog.AuditEntry
	for seq := range stream.CachedInfo().State.LastSeq {
		raw, err := stream.GetMsg(b.t.Context(), seq+1)
		var look storelog.AuditEntry
		if err == nil {
			err = json.Unmarshal(raw.Data, &look)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		look.At = time.Time{}
		looks = append(looks, look)
	}
	return looks
}

// What has become of the store while its provisioner was asked says whether asking again brings anything.
func TestPasswordsThatNobodyCanHaveAreNotToBeAskedForAgain(t *testing.T) {
	b := setup(t)
	id := b.ready(`{}`).ID
	path := "/stores/" + string(id) + "/credentials"
	asked, refusals, answers := make(chan struct{}), make(chan nats.Header), make(chan answer)
	b.answers(query.Credentials.Subject, func([]byte) any { asked <- struct{}{}; return <-refusals })
	for _, c := range []struct {
		refusal   string
		meanwhile func()
		status    int
		code      problem.Code
		again     bool
	}{
		{question.Gone, nil, http.StatusConflict, problem.CredentialsGone, false},
		{question.Unavailable, nil, http.StatusServiceUnavailable, problem.CredentialsMissing, true},
		{question.NotReady, func() {
			b.accepted(id, "suspend")
			b.happen(id, store.BecameSuspended, store.Facts{})
		}, http.StatusConflict, problem.NotReady, false},
	} {
		go func() { answers <- b.get(path) }()
		received(t, asked)
		if c.meanwhile != nil {
			c.meanwhile()
		}
		refusals <- nats.Header{micro.ErrorCodeHeader: {c.refusal}, micro.ErrorHeader: {"No."}}
		if p := wantProblem(t, received(t, answers), c.status, c.code); p.Retryable != c.again {
			t.Errorf("refused with %s: retryable is %t: %s", c.refusal, p.Retryable, p.Detail)
		}
	}
}

// A look that can't be noted is none.
func TestWithoutANoteNobodyIsShownPasswords(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	b.happen(s.ID, store.BecameReady, store.Facts{URL: "http://x.localhost"})
	b.answers(query.Credentials.Subject, func([]byte) any {
		return query.CredentialsReply{Credentials: []query.Credential{{Name: "admin", Title: "Orders", Password: "hunter2"}}}
	})
	js, err := jetstream.New(b.conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), storelog.AuditStream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxMsgSize = 1
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	a := b.get("/stores/" + string(s.ID) + "/credentials")
	if a.status < http.StatusInternalServerError || strings.Contains(string(a.body), "hunter2") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}

func TestTheCatalogIsOnOffer(t *testing.T) {
	b := setup(t)
	engines := decoded[struct {
		Engines []map[string]any
	}](t, b.get("/engines")).Engines
	if len(engines) != 1 || engines[0]["name"] != "sample" || engines[0]["default"] != true {
		t.Fatalf("engines %v", engines)
	}
	for _, inner := range []string{"images", "probe", "workloads", "credentials"} {
		if _, shown := engines[0][inner]; shown {
			t.Errorf("merchants are shown %s", inner)
		}
	}
	plans := decoded[struct{ Plans []map[string]any }](t, b.get("/plans?engine=sample")).Plans
	if len(plans) != 2 || plans[0]["engine"] != "sample" {
		t.Errorf("plans %v", plans)
	}
}
