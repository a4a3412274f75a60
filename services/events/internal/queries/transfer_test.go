package queries

import (
	"fmt"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// Whatever is remembered of it, its whole past too, is its new owner's, and its former owner's no more.
func TestATransferredStoreIsItsNewOwners(t *testing.T) {
	b := setup(t)
	b.project(t)
	id := logtest.Store("a", 1)
	before := b.fails(t, "a", id)
	b.filled(t)
	all := map[string]int{query.Stores.Subject: 1, query.Events.Subject: 2, query.DeadLetters.Subject: 1, query.Live.Subject: 1}
	count := func(tenant, subject string, seen uint64) int {
		const form = `{"tenant":%[1]q,"scope":{"tenant":%[1]q},"store":%[2]q,"limit":100,"cluster":"*","seen":%[3]d}`
		return b.listed(t, subject, fmt.Appendf(nil, form, tenant, id, seen), seen)
	}
	for subject, want := range all {
		if items := count("a", subject, before); items != want {
			t.Errorf("%s lists its first owner %d, want %d", subject, items, want)
		}
	}
	after, err := b.author.Log.Update(t.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{
			Type: store.Transferred, Tenant: "b", Actor: "admin", Generation: s.Generation, Time: time.Now(), Facts: store.Facts{From: s.Tenant},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.filled(t)
	all[query.Events.Subject]++
	for subject, want := range all {
		if items := count("b", subject, after.Version); items != want {
			t.Errorf("%s lists its owner %d, want %d", subject, items, want)
		}
		if items := count("a", subject, after.Version); items != 0 {
			t.Errorf("%s lists who had it %d", subject, items)
		}
	}
}
