package feed

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/pgtest"
)

// Without Postgres a client that was away gets what it has missed all the same, and goes on live.
func TestWhatWasMissedIsToldWithoutPostgres(t *testing.T) {
	b := setup(t, func(h *Hub) { h.ring = newRing(4) })
	b.project(t)
	b.author.Write(t.Context(), 60, 2, 3)
	b.awaitProjected(t)
	b.awaitTold(t)
	name := b.pool.Config().ConnConfig.Database
	pgtest.Admin(t, fmt.Sprintf("alter database %s with allow_connections false", name),
		fmt.Sprintf("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'", name))
	mine := logtest.Tenant(0)
	m := &member{}
	c := b.dial(t, tenant(mine), "since", feed.Cursor{Epoch: b.author.Log.Epoch()}.String())
	missed := len(b.eventsOf(t, mine))
	m.read(c, missed)
	b.author.WriteFor(t.Context(), 5, mine, 3)
	want := b.eventsOf(t, mine)
	for range want[missed:] {
		m.list = append(m.list, *c.want(feed.Event).Event)
	}
	if diff := cmp.Diff(want, m.list); diff != "" {
		t.Errorf("(-log +client):\n%s", diff)
	}
}
