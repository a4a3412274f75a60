package queries

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// Every endpoint is asked, so that a new one is here by itself: it answers these questions, or its author says why not.
func TestAScopeThatSeesNobodyIsShownNothing(t *testing.T) {
	var asked []question.Endpoint
	b := setup(t, func(s *Service) { asked = s.endpoints() })
	b.project(t)
	id := logtest.Store("a", 1)
	seen := b.fails(t, "a", id)
	b.filled(t)
	for _, endpoint := range asked {
		subject := endpoint.Subject
		// No release asks these without a scope, and their answers are no stores: TestActsAreThoseThatWereAskedFor, TestUsageIsWhatACountByHandComesTo and
		// TestWhoMayNotKnowAPlaceIsToldNone.
		if slices.Contains([]string{query.Audit.Subject, query.UsageOf.Subject, query.Places.Subject}, subject) {
			continue
		}
		question := func(who string) []byte {
			now := fmt.Sprintf(`%s,"store":%q,"limit":100,"cluster":"*","seen":%d`, who, id, seen)
			return fmt.Appendf(nil, `{%s,"upto":%d,"wanted":{%s}}`, now, seen, now)
		}
		for _, who := range []string{
			`"tenant":"","scope":{"all":true}`, `"tenant":"a","scope":{"tenant":"a"}`,
			// An older gateway's, which looks itself at whose a store is before it asks for a history.
			`"tenant":""`,
		} {
			if items := b.listed(t, subject, question(who), seen); items == 0 {
				t.Errorf("%s with %s is empty: the test shows nothing", subject, who)
			}
		}
		for _, who := range []string{
			`"tenant":"","scope":{}`, `"tenant":"a","scope":{}`, `"tenant":"","scope":null`, `"tenant":"a","scope":{"team":"x"}`,
			`"tenant":"b","scope":{"tenant":"b"}`, `"tenant":"b"`,
		} {
			if items := b.listed(t, subject, question(who), seen); items != 0 {
				t.Errorf("%s with %s lists %d", subject, who, items)
			}
		}
	}
}

// fails makes a store that has a history and a dead letter.
func (b *testBundle) fails(t *testing.T, tenant string, id store.ID) (version uint64) {
	t.Helper()
	created := b.author.Create(t.Context(), tenant, id, "Anna")
	after, err := b.author.Log.Append(context.WithoutCancel(t.Context()), created, store.Message{
		Type: store.BecameFailed, Store: id, Actor: "provisioner", Generation: created.Generation, Time: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return after.Version
}

// listed is how many items all the lists of an answer have, whatever they are called.
func (b *testBundle) listed(t *testing.T, subject string, question []byte, seen uint64) (items int) {
	t.Helper()
	reply := askUpTo(t, b.nc, subject, question, seen, func(reply map[string]json.RawMessage) uint64 {
		var checkpoint uint64
		if err := json.Unmarshal(reply["checkpoint"], &checkpoint); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		return checkpoint
	})
	for _, value := range reply {
		var list []json.RawMessage
		var counts map[string]int
		switch {
		case json.Unmarshal(value, &list) == nil:
			items += len(list)
		case json.Unmarshal(value, &counts) == nil:
			items += len(counts)
		}
	}
	return items
}
