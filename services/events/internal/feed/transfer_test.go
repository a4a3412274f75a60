package feed

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// transfer gives a store to another tenant.
func (b *testBundle) transfer(t *testing.T, id store.ID, to string) {
	t.Helper()
	_, err := b.author.Log.Update(t.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{
			Type: store.Transferred, Tenant: to, Actor: "admin", Generation: s.Generation, Time: time.Now(), Facts: store.Facts{From: s.Tenant},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// told reads so many messages and returns what each tells, and its text.
func (r *reader) told(count int) (said []string, texts []string) {
	r.tb.Helper()
	for range count {
		m, text, err := r.next()
		if err != nil {
			r.tb.Fatalf("behind %q: %v", said, err)
		}
		what := string(m.Type)
		switch m.Type {
		case feed.Event:
			what += " " + string(m.Event.Type) + " of " + m.Store.Tenant + "'s " + m.Store.Name
		case feed.Left:
			what += " " + string(m.Left)
			if m.Event != nil || m.Store != nil || m.Cursor == "" {
				r.tb.Errorf("a former owner is told %s", text)
			}
		}
		said, texts = append(said, what), append(texts, text)
	}
	return said, texts
}

// Both hear of it, in their own words: who gets it what it is, who had it that it is gone and nothing more, ever. However a client
// comes by the messages, they are the same.
func TestATransferIsToldToBothOwners(t *testing.T) {
	for _, way := range []struct {
		name      string
		ring      int
		projected bool
	}{{"ring", 1000, false}, {"Postgres", 2, true}, {"stream", 2, false}} {
		t.Run(way.name, func(t *testing.T) {
			b := setup(t, func(h *Hub) { h.ring = newRing(way.ring) })
			halt := b.project(t)
			given, other := logtest.Store("a", 1), logtest.Store("a", 2)
			b.author.Create(t.Context(), "c", logtest.Store("c", 1), "Cocoa")
			b.awaitProjected(t)
			b.awaitTold(t)
			clients := map[string]struct {
				ticket feed.Ticket
				params []string
				want   []string
			}{
				"who had it":              {tenant("a"), nil, []string{"event create of a's Tea", "left " + string(given), "event create of a's Coffee"}},
				"who had it, of it alone": {tenant("a"), []string{"store", string(given)}, []string{"event create of a's Tea", "left " + string(given)}},
				"who has it":              {tenant("b"), nil, []string{"event transferred of b's Tea", "event delete of b's Tea"}},
				"an operator": {feed.Ticket{Scope: query.All()}, nil, []string{
					"event create of a's Tea", "event transferred of b's Tea", "event delete of b's Tea", "event create of a's Coffee", "event create of c's Mocha",
				}},
				"a stranger": {tenant("c"), nil, []string{"event create of c's Mocha"}},
			}
			live, begun := map[string]*reader{}, ""
			for name, c := range clients {
				live[name] = b.dial(t, c.ticket, c.params...)
				begun = live[name].greeted().Cursor
			}
			if !way.projected {
				halt()
			}
			b.author.Create(t.Context(), "a", given, "Tea")
			b.transfer(t, given, "b")
			_, err := b.author.Log.Update(t.Context(), given, func(store.State) (*store.Message, error) {
				return &store.Message{Type: store.DeleteCommand, Actor: "b", Time: time.Now()}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			b.author.Create(t.Context(), "a", other, "Coffee")
			b.author.Create(t.Context(), "c", logtest.Store("c", 2), "Mocha")
			if way.projected {
				b.awaitProjected(t)
			}
			for name, c := range clients {
				said, texts := live[name].told(len(c.want))
				if diff := cmp.Diff(c.want, said); diff != "" {
					t.Errorf("%s is told (-want +got):\n%s", name, diff)
				}
				again := b.dial(t, c.ticket, append(c.params, "since", begun)...)
				again.greeted()
				if _, replayed := again.told(len(c.want)); !cmp.Equal(texts, replayed) {
					t.Errorf("%s is told otherwise (-live +replayed):\n%s", name, cmp.Diff(texts, replayed))
				}
			}
		})
	}
}
