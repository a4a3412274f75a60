package sweep

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// shows is a cluster that shows these namespaces.
type shows []cluster.Sighting

func (s shows) Namespaces(context.Context) ([]cluster.Sighting, error) { return s, nil }

// later appends what a release after this one says of a store, and lets this one show.
func (b *bundle) later(id store.ID, state string) {
	b.t.Helper()
	msg := nats.NewMsg(strings.Replace(storelog.AllSubjects, ">", string(id)+".event", 1))
	for name, value := range map[string]string{
		"ce-id": "later-" + string(id), "ce-type": "storeplatform.store.polish.v1", "ce-time": "2026-11-01T12:00:00Z",
		"ce-readableby": fmt.Sprint(store.Schema),
	} {
		msg.Header[name] = []string{value}
	}
	msg.Data = fmt.Appendf(nil, `{"facts":{},"state":{"schema":%d,"id":%q,"tenant":%q,%s}}`, store.Schema+1, id, tenant, state)
	if _, err := b.nc.RequestMsg(msg, patience); err != nil {
		b.t.Fatal(err)
	}
	if s, err := b.log.Last(b.t.Context(), id); err != nil || s.Schema != store.Schema+1 {
		b.t.Fatalf("it can't be shown: schema %d, %v", s.Schema, err)
	}
}

func TestWhatANewerVersionHasMovedOnIsReportedAndLeftAlone(t *testing.T) {
	t.Parallel()
	b := onBroker(t, "sweep", "sweep")
	own, expired := store.DeriveID(tenant, "own"), store.DeriveID(tenant, "expired")
	stray, stalled := store.DeriveID(tenant, "stray"), store.DeriveID(tenant, "stalled")
	past := time.Now().Add(-time.Hour)
	for _, id := range []store.ID{own, expired, stray, stalled} {
		b.create(id, past)
	}
	unclaimed := store.DeriveID(tenant, "unclaimed")
	b.say(unclaimed, ready...)
	b.later(expired, fmt.Sprintf(`"verb":"create","status":"Ready","standing":"up","expiresAt":%q`, past.UTC().Format(time.RFC3339)))
	b.later(stray, `"verb":"delete","status":"Deleted","standing":"gone"`)
	b.later(stalled, `"verb":"polish","status":"Ready","standing":"up","generation":1,"open":[1]`)
	report := b.sweepIn(shows{
		{Name: stray.Namespace(), Store: stray, UID: "1"}, {Name: unclaimed.Namespace(), Store: unclaimed, UID: "2"},
	})
	wantFindings(t, report, "unreadable 3", "expired 1", "claim_missing 1")
	wantSubmitted(t, report, 1)
	b.wantCommand(own, store.DeleteCommand, "Expired")
	b.wantSilence(expired, stray, stalled)
}

// What becomes unreadable while a sweep runs costs no other store its sweep.
func TestAStoreThatBecomesUnreadableEndsNoRound(t *testing.T) {
	t.Parallel()
	b := onBroker(t, "sweep", "sweep")
	own, expired, missing := store.DeriveID(tenant, "own"), store.DeriveID(tenant, "expired"), store.DeriveID(tenant, "missing")
	for _, id := range []store.ID{own, expired} {
		b.create(id, time.Now().Add(-time.Hour))
	}
	b.say(missing, ready...)
	newer := fmt.Sprintf(`{"state":{"schema":%d}}`, store.Schema+1)
	where := &between{Cluster: shows{}, act: func() { b.scribble(expired, newer); b.scribble(missing, "{") }}
	report := b.sweepIn(where)
	wantFindings(t, report, "unreadable 2", "expired 2")
	wantSubmitted(t, report, 1)
	b.wantCommand(own, store.DeleteCommand, "Expired")
	b.wantSilence(expired, missing)
}
