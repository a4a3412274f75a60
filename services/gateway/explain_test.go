package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/explain"
)

// remembers answers for histories from the log itself, and hands over what it was asked.
func (b *testBundle) remembers() <-chan query.EventsRequest {
	b.t.Helper()
	asked := make(chan query.EventsRequest, 8)
	b.answers(query.Events.Subject, func(data []byte) any {
		q := parsed[query.EventsRequest](b.t, data)
		asked <- q
		var found []query.Event
		for seq := q.After + 1; seq <= b.head(); seq++ {
			raw, err := b.log.Message(b.t.Context(), seq)
			if err != nil {
				b.t.Error(err)
				continue
			}
			entry, err := raw.Entry()
			if err != nil {
				b.t.Error(err)
			} else if entry.Message.Store == q.Store {
				found = append(found, query.EventOf(entry.Message, entry.State))
			}
		}
		return query.EventsReply{Events: found[max(0, len(found)-q.Limit):]}
	})
	return asked
}

func (b *testBundle) explained(id store.ID) explain.Explanation {
	b.t.Helper()
	a := b.get("/stores/" + string(id) + "/explain")
	if a.status != http.StatusOK {
		b.t.Fatalf("answered %d %s", a.status, a.body)
	}
	return decoded[explain.Explanation](b.t, a)
}

const unpulled = "pod/store-1 container shop: Back-off pulling image"

// meets has the attempt that was made of a store end with an image that can't be had.
func (b *testBundle) meets(id store.ID) store.State {
	b.t.Helper()
	b.happen(id, store.AttemptStarted, store.Facts{Attempt: 1})
	b.happen(id, store.StepCompleted, store.Facts{Step: "namespace"})
	due := time.Now().Add(time.Minute)
	return b.happen(id, store.RetryScheduled, store.Facts{
		Attempt: 1, Step: "workloads", Reason: "ImagePullBackOff", Message: "It can't be fetched.", Detail: unpulled, NotBefore: &due,
	})
}

func TestAnExplanationIsOneChain(t *testing.T) {
	b := setup(t)
	asked := b.remembers()
	s := b.create(`{}`)
	other := b.create(`{}`)
	is := b.meets(s.ID)
	picture := query.MonitoringReply{
		At:      time.Now(),
		Wrong:   &query.Wrong{Reason: "ImagePullBackOff", Message: "It can't be fetched now.", Object: "pod/store-1", Detail: unpulled + " sample:1", For: "operator"},
		Pods:    []query.Pod{{Name: "store-1", Phase: "Pending", Since: time.Now().Add(time.Second), Containers: []query.Container{{Name: "shop", Reason: "ImagePullBackOff", Message: "Back-off"}}}},
		Release: &query.Release{Revision: 3, Status: "deployed", At: time.Now().Add(2 * time.Second)},
		Events:  []query.ClusterEvent{{At: time.Now().Add(3 * time.Second), Object: "pod/store-1", Reason: "Failed", Message: "manifest unknown", Count: 4}},
	}
	b.answers(query.Monitoring.Subject, func(data []byte) any {
		if q := parsed[query.MonitoringRequest](t, data); q.Store != s.ID {
			t.Errorf("asked how %s is", q.Store)
		}
		return picture
	})
	e := b.explained(s.ID)
	if q := received(t, asked); q.After != s.Generation-1 || !q.Newest || q.Limit > 200 || q.Seen != is.Version || q.Scope != query.Of("ip:loopback") {
		t.Errorf("asked for the history %+v", q)
	}
	entry, _ := reason.Of("ImagePullBackOff")
	if e.Store != s.ID || e.Status != store.Provisioning || e.Reason != entry.Name || e.Next != entry.Next || e.For != reason.Operator ||
		e.Runbook != "/docs/reasons#imagepullbackoff" || e.Object != "pod/store-1" || e.Detail != picture.Wrong.Detail || len(e.Missing) != 0 {
		t.Errorf("explained by %+v", e)
	}
	for _, part := range []string{"attempt 1 of 5", is.NotBefore.UTC().Format(time.RFC3339), "It can't be fetched now."} {
		if !strings.Contains(e.Sentence, part) {
			t.Errorf("%q doesn't say %q", e.Sentence, part)
		}
	}
	var kinds []explain.Kind
	for i, l := range e.Chain {
		kinds = append(kinds, l.Kind)
		if i > 0 && l.At.Before(e.Chain[i-1].At) {
			t.Errorf("%+v stands behind %+v", l, e.Chain[i-1])
		}
		if l.Seq == other.Generation {
			t.Errorf("another store's: %+v", l)
		}
	}
	want := []explain.Kind{explain.OfCommand, explain.OfAttempt, explain.OfStep, explain.OfAttempt, explain.OfPod, explain.OfPod, explain.OfHelm, explain.OfEvent}
	if !slices.Equal(kinds, want) {
		t.Errorf("the chain is of %v, want %v", kinds, want)
	}
}

// Who doesn't answer is missing from the answer, which comes all the same: what the log has of the store is enough for a sentence.
func TestAnExplanationDoesWithoutWhoDoesNotAnswer(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	b.meets(s.ID)
	judge := func(missing ...explain.Part) explain.Explanation {
		t.Helper()
		e := b.explained(s.ID)
		if !slices.Equal(e.Missing, missing) || e.Reason != "ImagePullBackOff" || e.Object != "pod/store-1" || !strings.Contains(e.Sentence, "It can't be fetched.") {
			t.Errorf("explained by %+v, want %v missing", e, missing)
		}
		return e
	}
	alone := judge(explain.History, explain.Cluster)
	if len(alone.Chain) != 3 || alone.Chain[0].Kind != explain.OfCommand || alone.Chain[1].Title != "namespace" || alone.Chain[2].Title != "ImagePullBackOff" {
		t.Errorf("the chain is %+v", alone.Chain)
	}
	b.answers(query.Monitoring.Subject, func([]byte) any { return query.MonitoringReply{} })
	judge(explain.History)
	b.remembers()
	if e := judge(); len(e.Chain) != 4 {
		t.Errorf("the chain is %+v", e.Chain)
	}
}

// Neither waits for the other: each answers here only when the other was asked, too.
func TestAnExplanationAsksAllAtOnce(t *testing.T) {
	b := setup(t)
	s := b.create(`{}`)
	history, cluster := make(chan struct{}, 1), make(chan struct{}, 1)
	await := func(own, others chan struct{}) bool {
		own <- struct{}{}
		select {
		case <-others:
			return true
		case <-time.After(patience):
			return false
		}
	}
	b.answers(query.Events.Subject, func([]byte) any {
		if !await(history, cluster) {
			t.Error("the cluster isn't asked before the history has come")
		}
		return query.EventsReply{Events: []query.Event{{Seq: s.Generation, Store: s.ID, Type: store.CreateCommand, Generation: s.Generation}}}
	})
	b.answers(query.Monitoring.Subject, func([]byte) any {
		if !await(cluster, history) {
			t.Error("the history isn't asked for before the cluster has answered")
		}
		return query.MonitoringReply{At: time.Now()}
	})
	if e := b.explained(s.ID); len(e.Missing) != 0 || len(e.Chain) != 1 {
		t.Errorf("explained by %+v", e)
	}
}

func TestAQueuedStoreSaysWhatItWaitsFor(t *testing.T) {
	b := setup(t)
	b.cluster(platform.Cluster{Part: "etcd", Message: "building etcd"})
	b.await("the gateway knows", func() bool {
		return decoded[struct{ Cluster platform.Cluster }](t, b.get("/readyz")).Cluster.Part == "etcd"
	})
	id := b.create(`{}`).ID
	wants := func(reason, words string) {
		t.Helper()
		if e := b.explained(id); e.Status != store.Queued || e.Reason != reason || !strings.Contains(e.Sentence, words) || e.Next == "" {
			t.Errorf("explained by %+v, want %q", e, words)
		}
	}
	wants("ClusterNotReady", "building etcd")
	b.cluster(platform.Cluster{Ready: true})
	b.await("the gateway knows", func() bool { return b.explained(id).Reason == "" })
	wants("", "waits for a worker")
	for reason, words := range map[string]string{
		"EngineNotCarried": "Waiting for a provisioner that carries version 1.0.0.", "ImagesBuilding": "Building the images of Sample.",
	} {
		b.happen(id, store.Waited, store.Facts{Reason: reason, Message: words})
		wants(reason, words)
	}
}

// The answer's page is there, whatever the reason: a pack's own has none.
func TestARunbookIsServed(t *testing.T) {
	b := setup(t)
	for reason, section := range map[string]string{"OutOfStock": "", "NoStorageClass": `id="nostorageclass"`} {
		s := b.create(`{}`)
		b.happen(s.ID, store.BecameFailed, store.Facts{Reason: reason, Message: "It can't be."})
		e := b.explained(s.ID)
		page, _, _ := strings.Cut(e.Runbook, "#")
		if a := b.get(page); a.status != http.StatusOK || !strings.Contains(string(a.body), section) {
			t.Errorf("%s leads to %q, which is answered %d", reason, e.Runbook, a.status)
		}
		if e.Status != store.Failed || e.For == "" || !strings.Contains(e.Next, "`retry`") {
			t.Errorf("%s: %s asks for %q of %q", reason, e.Status, e.Next, e.For)
		}
	}
}

// An attempt that is under way says nothing yet. What the cluster and Helm say stands for it.
func TestAnAttemptUnderWayIsExplainedByTheCluster(t *testing.T) {
	b := setup(t)
	b.remembers()
	var picture query.MonitoringReply
	b.answers(query.Monitoring.Subject, func([]byte) any { return picture })
	s := b.create(`{}`)
	b.happen(s.ID, store.AttemptStarted, store.Facts{Attempt: 1})
	b.happen(s.ID, store.StepCompleted, store.Facts{Step: "namespace"})
	if e := b.explained(s.ID); e.Reason != "" || !strings.Contains(e.Sentence, "attempt 1 of 5, at the step isolation") {
		t.Errorf("explained by %+v", e)
	}
	picture.Release = &query.Release{Revision: 2, Status: "pending-upgrade", Description: "Preparing upgrade", At: time.Now()}
	if e := b.explained(s.ID); e.Reason != "ReleasePending" || e.Object != "release/store.v2" || !strings.Contains(e.Detail, picture.Release.Description) {
		t.Errorf("explained by %+v", e)
	}
	picture.Wrong = &query.Wrong{Reason: "Unschedulable", Message: "No room.", Object: "pod/store-1", Detail: "pod/store-1: 0/1 nodes are available", For: "operator"}
	if e := b.explained(s.ID); e.Reason != "Unschedulable" || e.Object != "pod/store-1" || e.For != reason.Operator || !strings.Contains(e.Sentence, "No room.") {
		t.Errorf("explained by %+v", e)
	}
	// What an attempt has ended with is why the store waits, whatever is seen in the meantime.
	due := time.Now().Add(time.Minute)
	b.happen(s.ID, store.RetryScheduled, store.Facts{Attempt: 1, Step: "http", Reason: "NotAnswering", Message: "It doesn't answer.", Detail: "service/store: GET / answered 404", NotBefore: &due})
	if e := b.explained(s.ID); e.Reason != "NotAnswering" || e.Object != "service/store" {
		t.Errorf("explained by %+v", e)
	}
}
