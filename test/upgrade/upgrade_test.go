package upgrade

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/release"
)

// The states in a release's messages are what this tree makes of its histories; what it added to a state since then, an
// old message doesn't have.
func TestEveryMessageOfAReleaseDecodesAndItsStateIsTheFold(t *testing.T) {
	eachRelease(t, func(t *testing.T, o *opened) {
		entries, err := o.Entries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(o.answered.Feed) {
			t.Errorf("the log has %d messages, had %d", len(entries), len(o.answered.Feed))
		}
		folded := map[store.ID]store.State{}
		for _, e := range entries {
			s := store.Evolve(folded[e.Message.Store], e.Message)
			folded[e.Message.Store] = s
			if diff := cmp.Diff(query.View(e.State), query.View(s)); diff != "" {
				t.Errorf("message %d, %s (-in the message +folded):\n%s", e.Message.Seq, e.Message.Type, diff)
			}
		}
	})
}

func TestAReleasesReadModelAnswersAsItDid(t *testing.T) {
	eachRelease(t, func(t *testing.T, o *opened) {
		if err := o.LoadReadModel(t.Context(), o.recording); err != nil {
			t.Fatal(err)
		}
		before, err := o.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(before["events"]) != len(o.answered.Feed) {
			t.Fatalf("the recorded read model has %d events", len(before["events"]))
		}
		o.serve(t, 20, false)
		o.sameAnswers(t)
		after, err := o.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for table, rows := range before {
			for _, l := range lost(table, rows, after[table]) {
				t.Error(l)
			}
		}
	})
}

func TestAReleasesLogIsProjectedToTheSameAnswers(t *testing.T) {
	eachRelease(t, func(t *testing.T, o *opened) {
		o.serve(t, 20, false)
		o.sameAnswers(t)
	})
}

func TestCursorsOfAReleaseGoOn(t *testing.T) {
	eachRelease(t, func(t *testing.T, o *opened) {
		o.serve(t, 20, true)
		for i, m := range o.answered.Feed {
			// A few are as good as all: the last, from where only what is new comes, is asked below.
			if i%20 != 0 {
				continue
			}
			told, err := o.Feed(t.Context(), cursorOf(m), len(o.answered.Feed)-i-1)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lost("feed behind "+cursorOf(m), o.answered.Feed[i+1:], told) {
				t.Error(l)
			}
		}
		made := o.create(t, o.answered.Creates[0].Address, "a new key", http.StatusAccepted)
		told, err := o.Feed(t.Context(), cursorOf(o.answered.Feed[len(o.answered.Feed)-1]), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lost("feed", []any{map[string]any{"event": map[string]any{"store": made["id"], "type": "create"}}}, told) {
			t.Error(l)
		}
	})
}

func cursorOf(m any) string {
	cursor, _ := m.(map[string]any)["cursor"].(string)
	return cursor
}

func TestAReleasesStoresObeyNewCommands(t *testing.T) {
	eachRelease(t, func(t *testing.T, o *opened) {
		live, address := o.claimed(t)
		o.serve(t, live, true)
		o.repeatCreates(t)
		// Each store that isn't gone holds its claim.
		o.create(t, address, "one too many", http.StatusConflict, http.StatusForbidden, http.StatusTooManyRequests, http.StatusUnprocessableEntity)
		retried := o.inStatus(t, address, store.Failed)
		o.command(t, http.MethodPost, retried, "/retry")
		gone := o.inStatus(t, address, store.Ready)
		o.command(t, http.MethodDelete, gone, "")

		workers, err := o.Work(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer workers.Stop()
		// What the release left in flight is among them, and what it had claimed for the deleted store is free again.
		for id := range o.answered.Stores {
			want := store.Ready
			switch was := o.statusThen(id); {
			case was == store.Deleting, was == store.Deleted, id == gone:
				want = store.Deleted
			case was == store.Failed && id != retried:
				want = store.Failed
			case was == store.Degraded && !o.inFlightThen(id):
				// There is no keeper here.
				want = store.Degraded
			}
			o.await(t, id, want)
		}
		made := o.create(t, address, "room again", http.StatusAccepted)
		id, _ := made["id"].(string)
		o.await(t, store.ID(id), store.Ready)
	})
}

// claimed finds the tenant with the most stores, and how many claims it holds.
func (o *opened) claimed(t *testing.T) (count int, address string) {
	t.Helper()
	held := map[string]int{}
	for _, c := range o.answered.Creates {
		if o.statusThen(c.Store) != store.Deleted {
			held[c.Address]++
		}
		if held[c.Address] > count {
			count, address = held[c.Address], c.Address
		}
	}
	return count, address
}

func (o *opened) statusThen(id store.ID) store.Status {
	s, _ := o.answered.Stores[id].(map[string]any)
	status, _ := s["status"].(string)
	return store.Status(status)
}

func (o *opened) inFlightThen(id store.ID) bool {
	s, _ := o.answered.Stores[id].(map[string]any)
	return s["operation"] != nil
}

// inStatus finds a store of the tenant that the release left in this status.
func (o *opened) inStatus(t *testing.T, address string, status store.Status) store.ID {
	t.Helper()
	for _, c := range o.answered.Creates {
		if c.Address == address && o.statusThen(c.Store) == status {
			return c.Store
		}
	}
	t.Fatalf("the release left no store %s", status)
	return ""
}

func (o *opened) addressOf(id store.ID) string {
	for _, c := range o.answered.Creates {
		if c.Store == id {
			return c.Address
		}
	}
	return release.Admin
}

// repeatCreates finds every store by the request that made it, and none by another under its key.
func (o *opened) repeatCreates(t *testing.T) {
	t.Helper()
	for _, c := range o.answered.Creates {
		status, answer, err := o.Call(t.Context(), c.Address, http.MethodPost, "/stores", c.Body, c.Key)
		if err != nil || status != http.StatusAccepted {
			t.Errorf("repeat the create of %s: %d %v %v", c.Store, status, answer, err)
			continue
		}
		for _, l := range lost("repeated "+c.Key, o.answered.Stores[c.Store], answer) {
			t.Error(l)
		}
		other := strings.Replace(string(c.Body), `"name":"`, `"name":"Not `, 1)
		if status, answer, err = o.Call(t.Context(), c.Address, http.MethodPost, "/stores", []byte(other), c.Key); err != nil ||
			status != http.StatusUnprocessableEntity {
			t.Errorf("another create under the key of %s: %d %v %v", c.Store, status, answer, err)
		}
	}
}

func (o *opened) create(t *testing.T, address, key string, allowed ...int) map[string]any {
	t.Helper()
	status, answer, err := o.Call(t.Context(), address, http.MethodPost, "/stores", []byte(`{"name":"New","engine":"sample"}`), key)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := answer.(map[string]any)
	for _, a := range allowed {
		if status == a {
			return body
		}
	}
	t.Fatalf("create with key %q: %d %v", key, status, answer)
	return nil
}

func (o *opened) command(t *testing.T, method string, id store.ID, suffix string) {
	t.Helper()
	status, answer, err := o.Call(t.Context(), o.addressOf(id), method, "/stores/"+string(id)+suffix, nil, "")
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("%s %s%s: %d %v %v", method, id, suffix, status, answer, err)
	}
}

// await waits until the log says so.
func (o *opened) await(t *testing.T, id store.ID, want store.Status) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, answer, err := o.Call(ctx, release.Admin, http.MethodGet, "/stores/"+string(id), nil, "")
		s, _ := answer.(map[string]any)
		if err == nil && s["status"] == string(want) && s["operation"] == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("wait for %s to be %s: it is %v, %w", id, want, answer, ctx.Err()))
		case <-tick.C:
		}
	}
}
