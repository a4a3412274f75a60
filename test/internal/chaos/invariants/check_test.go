package invariants

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

const (
	tenant = "ip:10.0.0.1"
	epoch  = "epoch"
	// pool is where the installation wants its stores, settings what their states say of that.
	pool, settings = "shops", "digest"
)

var (
	began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// ready is Ready in the end, gone is Deleted, failed has Failed. asleep is Suspended, after everything else was asked of it.
	ready, gone, failed = store.DeriveID(tenant, "a"), store.DeriveID(tenant, "b"), store.DeriveID(tenant, "c")
	asleep              = store.DeriveID(tenant, "e")
)

// scene makes evidence of a platform that kept every promise.
type scene struct {
	*Evidence
	states map[store.ID]store.State
}

func sound() *Evidence {
	s := scene{states: map[store.ID]store.State{}, Evidence: &Evidence{
		Epoch: epoch, Claims: map[store.ID][]string{ready: {tenant}, failed: {tenant}, asleep: {tenant}},
		Model: Model{Epoch: epoch, Stores: map[store.ID]Row{}},
	}}
	s.feed(record.Hello, store.Message{}, feed.Cursor{Epoch: epoch})
	for key, id := range map[string]store.ID{"a": ready, "b": gone, "c": failed, "e": asleep} {
		s.add(id, store.CreateCommand, store.Facts{Spec: specOf(key, "small", "EUR")})
		s.asked(id, record.Request{Verb: "create", Key: key})
		s.add(id, store.AttemptStarted, store.Facts{Attempt: 1})
	}
	s.add(ready, store.BecameReady, store.Facts{URL: "http://shop", Settings: settings})
	s.add(failed, store.BecameFailed, store.Facts{Reason: "NamespaceForeign"})
	s.add(gone, store.DeleteCommand, store.Facts{})
	s.asked(gone, record.Request{Verb: "delete"})
	s.addOf(gone, s.states[gone].Open[0], store.Superseded, store.Facts{})
	s.add(gone, store.BecameDeleted, store.Facts{})
	s.everyVerb()
	s.feed(record.Left, store.Message{}, feed.Cursor{Epoch: epoch, Seq: s.head()})
	s.Model.Checkpoint = s.head()
	space, sleeping := ready.Namespace(), asleep.Namespace()
	s.Cluster = Cluster{
		Namespaces: []Namespace{{Name: space, UID: "1", Store: ready}, {Name: sleeping, UID: "3", Store: asleep}},
		Releases: map[string][]Release{
			space:    {{Name: "v1", Status: "deployed", Values: valuesWith("small", "EUR", true)}, {Name: "v0", Status: "superseded"}},
			sleeping: {{Name: "v1", Status: "deployed", Values: valuesWith("large", "USD", false)}},
		},
		Credentials: map[string]int{space: 1, sleeping: 1},
		Workloads: map[string][]Workload{
			space: {{"store", 1, 1}, {page, 0, 0}}, sleeping: {{"store", 0, 0}, {page, 1, 1}},
		},
		Pools: map[string][]string{space: {pool, pool}, sleeping: {pool, pool}}, Pool: pool,
	}
	s.Secrets = []record.Secret{{Kind: "ADDED", Namespace: space, Digest: "1"}, {Kind: "ADDED", Namespace: sleeping, Digest: "3"}}
	s.Spaces = []record.Space{
		{Kind: "ADDED", Name: space, UID: "1"}, {Kind: "ADDED", Name: sleeping, UID: "3"}, {Kind: "ADDED", Name: gone.Namespace(), UID: "2"}, {Kind: "DELETED", Name: gone.Namespace(), UID: "2"},
	}
	return s.Evidence
}

func specOf(name, plan, currency string) *store.Spec {
	return &store.Spec{Name: name, Engine: "sample", Plan: plan, Options: map[string]any{"currency": currency}}
}

func valuesWith(plan, currency string, running bool) (v Values) {
	v.Plan.Name, v.Options, v.Running = plan, map[string]any{"currency": currency}, &running
	return v
}

// everyVerb is what is asked of the store that sleeps in the end: a change that is called off and one that fails among it.
func (s scene) everyVerb() {
	s.add(asleep, store.BecameReady, store.Facts{URL: "http://asleep"})
	up := store.Facts{URL: "http://asleep", Settings: settings}
	s.add(asleep, store.RefreshCommand, store.Facts{})
	s.add(asleep, store.BecameReady, up)
	s.add(asleep, store.Renamed, store.Facts{Name: "f"})
	s.asked(asleep, record.Request{Verb: "change", HTTP: http.StatusOK, Wish: map[string]any{"name": "f"}})
	ends := began.Add(72 * time.Hour)
	s.add(asleep, store.LifetimeChanged, store.Facts{ExpiresAt: &ends})
	s.asked(asleep, record.Request{Verb: "change", HTTP: http.StatusOK, Wish: map[string]any{"ttl": "72h"}})
	s.add(asleep, store.UpdateCommand, store.Facts{Spec: specOf("f", "small", "USD")})
	s.asked(asleep, record.Request{Verb: "change", Wish: map[string]any{"options": map[string]any{"currency": "USD"}}})
	s.add(asleep, store.BecameReady, up)
	s.add(asleep, store.UpdateCommand, store.Facts{Spec: specOf("f", "large", "USD")})
	s.asked(asleep, record.Request{Verb: "change", Wish: map[string]any{"plan": "large"}})
	s.add(asleep, store.BecameFailed, store.Facts{Reason: store.ReasonCancelled, Message: "It was called off."})
	s.asked(asleep, record.Request{Verb: "cancel"})
	s.add(asleep, store.MendCommand, store.Facts{Reason: "DriftFound"})
	s.add(asleep, store.BecameReady, up)
	s.add(asleep, store.RetryCommand, store.Facts{})
	s.asked(asleep, record.Request{Verb: "retry"})
	s.add(asleep, store.BecameReady, up)
	s.add(asleep, store.BecameDegraded, store.Facts{Reason: "NotAnswering"})
	s.add(asleep, store.Recovered, store.Facts{})
	s.add(asleep, store.SuspendCommand, store.Facts{})
	s.asked(asleep, record.Request{Verb: "suspend"})
	s.add(asleep, store.BecameSuspended, up)
	s.add(asleep, store.ResumeCommand, store.Facts{})
	s.asked(asleep, record.Request{Verb: "resume"})
	s.add(asleep, store.BecameFailed, store.Facts{Reason: "TimedOut"})
}

// asked notes that a client was answered with the store as it is.
func (s scene) asked(id store.ID, r record.Request) {
	is := s.states[id]
	r.Asked, r.Time, r.Client, r.Tenant = began.Add(time.Duration(is.Version)*time.Millisecond), began, "client", tenant
	r.Store, r.Generation, r.Version, r.ETag = id, is.Generation, is.Version, is.Changed
	r.Status, r.Name, r.ExpiresAt = is.Status, is.Spec.Name, is.ExpiresAt
	r.HTTP = cmp.Or(r.HTTP, http.StatusAccepted)
	s.Requests = append(s.Requests, r)
}

// answered is the index of the last answer to a verb.
func (e *Evidence) answered(verb string) int {
	for i, r := range slices.Backward(e.Requests) {
		if r.Verb == verb {
			return i
		}
	}
	return -1
}

func (e *Evidence) head() uint64 { return uint64(len(e.Log)) }

func (s scene) add(id store.ID, t store.Type, facts store.Facts) {
	s.addOf(id, s.states[id].Generation, t, facts)
}

// addOf appends a message, projects it and tells of it.
func (s scene) addOf(id store.ID, generation uint64, t store.Type, facts store.Facts) {
	m := store.Message{
		Type: t, Store: id, Tenant: tenant, Actor: "test", Generation: generation, Seq: s.head() + 1, Facts: facts,
		Time: began.Add(time.Duration(s.head()) * time.Second),
	}
	if t.IsCommand() {
		m.Generation = 0
	}
	state := store.Evolve(s.states[id], m)
	s.states[id] = state
	s.Log = append(s.Log, storelog.Entry{Message: m, State: state})
	s.Model.Events = append(s.Model.Events, EventRow{
		Seq: m.Seq, Generation: m.Generation, Store: id, Tenant: tenant, Actor: "test", Type: t, State: state,
	})
	row := Row{Opened: m.Seq, Version: m.Seq, Tenant: tenant, Name: state.Spec.Name, Status: state.Status, State: state}
	if before, known := s.Model.Stores[id]; known {
		row.Opened = before.Opened
	}
	s.Model.Stores[id] = row
	s.feed(record.Event, m, feed.Cursor{Epoch: epoch, Seq: m.Seq})
}

func (s scene) feed(kind record.FeedKind, m store.Message, cursor feed.Cursor) {
	line := record.Feed{Client: "listener", Tenant: tenant, Kind: kind, Cursor: cursor.String(), Seq: m.Seq, Type: m.Type, Store: m.Store, Generation: m.Generation}
	if m.Type.IsCommand() {
		line.Generation = m.Seq
	}
	s.Feeds = append(s.Feeds, line)
}

// last is the index of the last message of a type.
func (e *Evidence) last(t store.Type) int {
	for i, entry := range slices.Backward(e.Log) {
		if entry.Message.Type == t {
			return i
		}
	}
	return -1
}

func TestWhatKeepsEveryPromisePasses(t *testing.T) {
	r := Check(sound(), Options{StrictClaims: true})
	if want := "0 lost, 0 doubled, 0 resurrected, 0 orphans, 0 holes"; r.Verdict() != want {
		var text strings.Builder
		r.Print(&text)
		t.Fatalf("%s", text.String())
	}
}

// Each damage alone must be found, and under its own name.
func TestDamageIsFound(t *testing.T) {
	forge := func(e *Evidence, id store.ID, kind store.Type, generation uint64) {
		s := scene{Evidence: e, states: map[store.ID]store.State{}}
		for _, entry := range e.Log {
			s.states[entry.Message.Store] = entry.State
		}
		s.addOf(id, generation, kind, store.Facts{})
	}
	for name, damage := range map[string]struct {
		kind Kind
		do   func(*Evidence)
	}{
		"a terminal event is missing": {Lost, func(e *Evidence) {
			i := e.last(store.BecameReady)
			e.Log[i].Message.Type = store.Waited
		}},
		"a command ended twice": {Doubled, func(e *Evidence) {
			forge(e, ready, store.BecameReady, e.Log[e.last(store.BecameReady)].Message.Generation)
		}},
		"a message is missing": {Lost, func(e *Evidence) { e.Log = slices.Delete(e.Log, 3, 4) }},
		"a message can't be read": {Lost, func(e *Evidence) {
			e.Unreadable = append(e.Unreadable, 7)
		}},
		"a carried state isn't the fold": {Lost, func(e *Evidence) { e.Log[2].State.Attempt++ }},
		"a store is created again":       {Resurrected, func(e *Evidence) { forge(e, gone, store.CreateCommand, 0) }},
		"an accepted create isn't in the log": {Lost, func(e *Evidence) {
			e.Requests = append(e.Requests, record.Request{Verb: "create", Key: "d", Tenant: tenant, HTTP: http.StatusAccepted, Store: store.DeriveID(tenant, "d"), Generation: 5})
		}},
		"a key made two stores": {Doubled, func(e *Evidence) { e.Requests = append(e.Requests, e.Requests[0]); e.Requests[0].Store = ready + "x" }},
		"a store that nobody asked for": {Doubled, func(e *Evidence) {
			e.Requests = slices.DeleteFunc(e.Requests, func(r record.Request) bool { return r.Store == ready })
		}},
		"a client was told that its store isn't there": {Lost, func(e *Evidence) {
			e.Requests = append(e.Requests, record.Request{Client: "client", Verb: "get", Store: ready, HTTP: http.StatusNotFound, Asked: began.Add(time.Minute)})
		}},
		"a client was shown the past": {Lost, func(e *Evidence) {
			e.Requests = append(e.Requests, record.Request{Client: "client", Verb: "get", Store: gone, HTTP: http.StatusOK, Version: 1, Asked: began.Add(time.Minute)})
		}},
		"a changed row of a store": {Lost, func(e *Evidence) {
			row := e.Model.Stores[ready]
			row.State.URL = "http://other"
			e.Model.Stores[ready] = row
		}},
		"a missing row of a store":   {Lost, func(e *Evidence) { delete(e.Model.Stores, failed) }},
		"a changed row of a message": {Lost, func(e *Evidence) { e.Model.Events[1].Type = store.Waited }},
		"a missing row of a message": {Lost, func(e *Evidence) { e.Model.Events = e.Model.Events[1:] }},
		"a row too many":             {Doubled, func(e *Evidence) { e.Model.Events = append(e.Model.Events, EventRow{Seq: 99}) }},
		"a checkpoint behind":        {Lost, func(e *Evidence) { e.Model.Checkpoint-- }},
		"a message set aside":        {Lost, func(e *Evidence) { e.Model.SetAside = []uint64{2} }},
		"a second namespace": {Doubled, func(e *Evidence) {
			e.Cluster.Namespaces = append(e.Cluster.Namespaces, Namespace{Name: "store-second", Store: ready})
		}},
		"a namespace of a deleted store": {Orphan, func(e *Evidence) {
			e.Cluster.Namespaces = append(e.Cluster.Namespaces, Namespace{Name: gone.Namespace(), Store: gone})
		}},
		"a namespace of no store": {Orphan, func(e *Evidence) {
			id := store.DeriveID(tenant, "z")
			e.Cluster.Namespaces = append(e.Cluster.Namespaces, Namespace{Name: id.Namespace(), Store: id})
		}},
		"a Ready store without a namespace": {Lost, func(e *Evidence) { e.Cluster.Namespaces = nil }},
		"a Ready store without a release":   {Lost, func(e *Evidence) { e.Cluster.Releases = nil }},
		"two deployed releases":             {Doubled, func(e *Evidence) { e.Cluster.Releases[ready.Namespace()][1].Status = "deployed" }},
		"a Ready store without its Secret":  {Lost, func(e *Evidence) { e.Cluster.Credentials = nil }},
		"two workloads": {Doubled, func(e *Evidence) {
			space := ready.Namespace()
			e.Cluster.Workloads[space] = append(e.Cluster.Workloads[space], Workload{"other", 1, 1})
		}},
		"a namespace that came back": {Resurrected, func(e *Evidence) {
			e.Spaces = append(e.Spaces, record.Space{Kind: "ADDED", Name: gone.Namespace(), UID: "3"})
		}},
		"a namespace made twice": {Doubled, func(e *Evidence) {
			e.Spaces = append(e.Spaces, record.Space{Kind: "ADDED", Name: ready.Namespace(), UID: "3"})
		}},
		"a namespace removed unasked": {Lost, func(e *Evidence) {
			e.Spaces = append(e.Spaces, record.Space{Kind: "DELETED", Name: ready.Namespace(), UID: "1"})
		}},
		"a live store without a claim": {Lost, func(e *Evidence) { delete(e.Claims, ready) }},
		"a claim of a deleted store":   {Orphan, func(e *Evidence) { e.Claims[gone] = []string{tenant} }},
		"another's claim":              {Orphan, func(e *Evidence) { e.Claims[ready] = append(e.Claims[ready], "ip:10.0.0.2") }},
		"a claim of no store":          {Orphan, func(e *Evidence) { e.Claims[store.DeriveID(tenant, "z")] = []string{tenant} }},
		"a hole in a feed":             {Hole, func(e *Evidence) { e.Feeds = slices.Delete(e.Feeds, 4, 5) }},
		"a message told twice":         {Hole, func(e *Evidence) { e.Feeds = slices.Insert(e.Feeds, 4, e.Feeds[4]) }},
		"messages told out of order":   {Hole, func(e *Evidence) { e.Feeds[3], e.Feeds[4] = e.Feeds[4], e.Feeds[3] }},
		"another message told":         {Hole, func(e *Evidence) { e.Feeds[4].Type = store.Waited }},
		"the end was never told":       {Hole, func(e *Evidence) { e.Feeds = slices.Delete(e.Feeds, len(e.Feeds)-2, len(e.Feeds)-1) }},
		"a reset without need": {Hole, func(e *Evidence) {
			e.Feeds = append(e.Feeds, record.Feed{Client: "listener", Tenant: tenant, Kind: record.Reset, Error: "epoch"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := sound()
			damage.do(e)
			r := Check(e, Options{StrictClaims: true})
			if !slices.ContainsFunc(r.Offences, func(o Offence) bool { return o.Kind == damage.kind }) {
				t.Fatalf("%s; want some %s: %+v", r.Verdict(), damage.kind, r.Offences)
			}
			r.Print(io.Discard)
		})
	}
}

func TestAClaimWithoutAStoreIsPendingUntilTheSweep(t *testing.T) {
	e := sound()
	e.Claims[store.DeriveID(tenant, "z")] = []string{tenant}
	if r := Check(e, Options{}); r.PendingClaims != 1 || len(r.Offences) != 0 {
		t.Fatalf("%d pending, %+v", r.PendingClaims, r.Offences)
	}
}

// A store that changes hands is its former owner's no more, whom nobody owes it; a claim that the transfer's gateway left there when it
// was killed waits for a sweep.
func TestATransferredStoreIsItsNewOwners(t *testing.T) {
	const other = "ip:10.0.0.2"
	s := sound()
	row := s.Model.Stores[ready]
	m := store.Message{
		Type: store.Transferred, Store: ready, Tenant: other, Actor: "test", Generation: row.State.Generation, Seq: s.head() + 1, Time: began,
		Facts: store.Facts{From: tenant},
	}
	state := store.Evolve(row.State, m)
	s.Log = append(s.Log, storelog.Entry{Message: m, State: state})
	s.Model.Events = append(s.Model.Events, EventRow{
		Seq: m.Seq, Generation: m.Generation, Store: ready, Tenant: other, Actor: "test", Type: m.Type, State: state,
	})
	row.Tenant, row.State, row.Version = other, state, m.Seq
	s.Model.Stores[ready], s.Model.Checkpoint = row, m.Seq
	s.Claims[ready] = []string{other}
	s.Requests = append(s.Requests, record.Request{
		Verb: "look", Client: "client", Tenant: tenant, Store: ready, HTTP: http.StatusNotFound, Asked: began.Add(time.Hour), Time: began.Add(time.Hour),
	})
	if r := Check(s, Options{StrictClaims: true}); len(r.Offences) != 0 {
		t.Errorf("%+v", r.Offences)
	}
	s.Claims[ready] = []string{tenant, other}
	if r := Check(s, Options{}); r.PendingClaims != 1 || len(r.Offences) != 0 {
		t.Errorf("before a sweep: %d pending, %+v", r.PendingClaims, r.Offences)
	}
	if r := Check(s, Options{StrictClaims: true}); len(r.Offences) != 1 || r.Offences[0].Kind != Orphan {
		t.Errorf("after one: %+v", r.Offences)
	}
	s.Claims[ready] = []string{tenant}
	if r := Check(s, Options{}); len(r.Offences) != 1 || r.Offences[0].Kind != Lost {
		t.Errorf("claimed by its former owner alone: %+v", r.Offences)
	}
}
