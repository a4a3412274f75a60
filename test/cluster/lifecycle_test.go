package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

var steps = []string{"namespace", "isolation", "credentials", "release", "workloads", "http"}

func TestAStoreFromCreateToGone(t *testing.T) {
	b := setup(t)
	created := b.Create(t, "From create to gone")
	if created.Status != store.Queued {
		t.Fatalf("accepted as %s", created.Status)
	}
	feed := b.Follow(t, b.before(created), created.ID)
	seen := feed.UntilType(t, store.BecameReady)
	var completed []string
	for _, m := range seen {
		if m.Event.Type == store.StepCompleted {
			completed = append(completed, m.Event.Facts.Step)
		}
	}
	if diff := cmp.Diff(steps, completed); diff != "" {
		t.Fatalf("steps on the feed: %s", diff)
	}
	ready := *seen[len(seen)-1].Store
	if last := seen[len(seen)-1].Event; last.Facts.Via != "ingress" {
		t.Fatalf("the shop was asked via %q", last.Facts.Via)
	}

	status, page, err := b.Visit(t.Context(), ready, http.MethodGet, "/", nil, "", "")
	if err != nil || status != http.StatusOK || !bytes.Contains(page, []byte("From create to gone")) {
		t.Fatalf("the shop's page: %d %v %.200s", status, err, page)
	}
	order := b.Buy(t, ready)
	password := b.Password(t, ready.ID)
	if orders := b.Orders(t, ready, password); !slices.Contains(orders, order) {
		t.Fatalf("order %s isn't among %v", order, orders)
	}
	if status, _, err := b.Visit(t.Context(), ready, http.MethodGet, "/api/orders", nil, "admin", "guess"); err != nil || status != http.StatusUnauthorized {
		t.Fatalf("the order list opened to a guess: %d %v", status, err)
	}

	b.Delete(t, ready.ID)
	feed.UntilType(t, store.BecameDeleted)
	b.expectGone(ready.ID)
	if held := b.claims(ready.Tenant); slices.Contains(held, ready.ID) {
		t.Fatal("the claim is still held")
	}
	want := []store.Type{
		store.CreateCommand, store.AttemptStarted, store.StepCompleted, store.BecameReady,
		store.DeleteCommand, store.BecameDeleted,
	}
	waittest.Eventually(t, func() error {
		events, err := b.History(t.Context(), ready.ID)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, withoutWaits(milestones(events))); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
	if s := b.Get(t, ready.ID); s.Status != store.Deleted || s.URL != "" {
		t.Fatalf("after its deletion: %+v", s)
	}
}

// withoutWaits leaves out what a busy machine adds to a history. What is said of a store that stops working has tests of
// its own.
func withoutWaits(types []store.Type) []store.Type {
	told := []store.Type{store.Waited, store.RetryScheduled, store.Progressed, store.BecameDegraded, store.Recovered}
	return slices.DeleteFunc(types, func(t store.Type) bool { return slices.Contains(told, t) })
}

func (b *bench) claims(tenant string) []store.ID {
	b.Helper()
	kv, err := b.Log(b.T, "gateway").Bucket(b.Context(), storelog.BucketClaims)
	if err != nil {
		b.Fatal(err)
	}
	held, err := claim.NewBook(kv).Held(b.Context(), tenant)
	if err != nil {
		b.Fatal(err)
	}
	return held
}

// How many stores are worked on at one moment is the platform's; that all are there by then is the machine's, so others may
// have to be asked for.
func TestTenStoresAtOnce(t *testing.T) {
	b := setup(t)
	const count, atOnce, rounds = 10, 8, 3
	most := 0
	for round := 0; round < rounds && most < atOnce; round++ {
		most = max(most, b.together(fmt.Sprintf("One of ten, round %d", round), count))
	}
	if most < atOnce {
		t.Fatalf("at most %d of %d were worked on at one moment", most, count)
	}
}

// together asks for stores at once, waits until all are Ready, and says how many were worked on at one moment at most.
func (b *bench) together(name string, count int) (most int) {
	b.Helper()
	made, failed := make([]query.Store, count), make([]error, count)
	var asking sync.WaitGroup
	for i := range count {
		asking.Go(func() {
			wish := map[string]any{"name": fmt.Sprintf("%s, number %d", name, i), "engine": "sample"}
			_, failed[i] = b.Call(b.Context(), http.MethodPost, "/stores", wish, &made[i])
		})
	}
	asking.Wait()
	ids := map[store.ID]bool{}
	for _, s := range made {
		if s.ID != "" {
			ids[s.ID] = true
			b.Cleanup(func() { b.remove(s.ID) })
		}
	}
	if err := errors.Join(failed...); err != nil {
		b.Fatal(err)
	}
	working, ready := map[store.ID]bool{}, 0
	errAll := errors.New("all are ready")
	err := b.Log(b.T, "events").Tail(b.Context(), 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil || !ids[entry.Message.Store] {
			return err
		}
		switch entry.Message.Type {
		case store.AttemptStarted:
			working[entry.Message.Store] = true
			most = max(most, len(working))
		case store.BecameFailed:
			return fmt.Errorf("store %s failed: %+v", entry.Message.Store, entry.Message.Facts)
		case store.BecameReady:
			delete(working, entry.Message.Store)
			if ready++; ready == count {
				return errAll
			}
		}
		return nil
	})
	if !errors.Is(err, errAll) {
		b.Fatal(err)
	}
	return most
}

func TestTheSameKeyMakesOneStore(t *testing.T) {
	b := setup(t)
	first := b.Create(t, "Twice", "Idempotency-Key", "cluster-twice")
	b.Cleanup(func() { b.remove(first.ID) })
	again := b.Create(t, "Twice", "Idempotency-Key", "cluster-twice")
	if again.ID != first.ID || again.Generation != first.Generation {
		t.Fatalf("%s at %d, then %s at %d", first.ID, first.Generation, again.ID, again.Generation)
	}
	status, err := b.Call(t.Context(), http.MethodPost, "/stores", map[string]any{"name": "Other", "engine": "sample"}, nil, "Idempotency-Key", "cluster-twice")
	if status != http.StatusUnprocessableEntity {
		t.Fatalf("the same key with another body: %d %v", status, err)
	}
}

func TestACutClientComesBackWithoutHoleOrDuplicate(t *testing.T) {
	b := setup(t)
	s := b.Create(t, "Cut again and again")
	feed := b.Follow(t, b.before(s), s.ID)
	var seen []uint64
	deleted := false
	for {
		m, err := feed.Next()
		if err != nil {
			t.Fatalf("after %v: %v", seen, err)
		}
		seen = append(seen, m.Event.Seq)
		if m.Event.Type == store.BecameReady && !deleted {
			b.Delete(t, s.ID)
			deleted = true
		}
		if m.Event.Type == store.BecameDeleted {
			break
		}
		// The cut comes after every message, whether or not more were on their way.
		feed.Close()
		feed = b.Follow(t, feed.Cursor, s.ID)
	}
	b.expectGone(s.ID)
	waittest.Eventually(t, func() error {
		events, err := b.History(t.Context(), s.ID)
		if err != nil {
			return err
		}
		var history []uint64
		for _, e := range events {
			history = append(history, e.Seq)
		}
		if diff := cmp.Diff(history, seen); diff != "" {
			return fmt.Errorf("the log against what the client saw: %s", diff)
		}
		return nil
	})
}

// What was asked for before there was a cluster waited for it, visibly, and cost nothing. The record was made by
// whoever started the platform, as soon as the API answered.
func TestTheFirstStoreWaitedForTheCluster(t *testing.T) {
	b := setup(t)
	first := b.FirstStore(t)
	if first.Status != store.Queued || first.Reason != "ClusterNotReady" || first.Message == "" {
		t.Fatalf("asked for before there was a cluster: %+v", first)
	}
	b.Cleanup(func() { b.remove(first.ID) })
	seen := b.Follow(t, b.before(first), first.ID).UntilType(t, store.BecameReady)
	// Of those that came when there was a cluster, a busy machine may have ended one.
	began := slices.IndexFunc(seen, func(m feed.Message) bool { return m.Event.Type == store.AttemptStarted })
	before := seen[:max(began, 0)]
	spent := slices.ContainsFunc(before, func(m feed.Message) bool { return m.Event.Type == store.RetryScheduled })
	if began < 0 || spent || seen[began].Store.Attempt != 1 {
		t.Fatalf("attempts before there was a cluster: %v", platform.Types(seen))
	}
}
