package queries

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// filled waits for the newest tables, which are filled beside the projection: until then what lives isn't told.
func (b *testBundle) filled(t *testing.T) {
	t.Helper()
	waittest.Eventually(t, func() error {
		return readmodel.At(t.Context(), b.pool, "", func(m readmodel.Moment) error {
			if !m.Filled {
				return readmodel.ErrFilling
			}
			return nil
		})
	})
}

// living asks for all pages and wants each to be of the log and as far as was seen.
func (b *testBundle) living(t *testing.T, r query.LiveRequest) []store.ID {
	t.Helper()
	b.filled(t)
	all := []store.ID{}
	for {
		reply := askUpTo(t, b.nc, query.Live.Subject, r, r.Seen, func(reply query.LiveReply) uint64 { return reply.Checkpoint })
		if reply.Epoch != b.author.Log.Epoch() {
			t.Fatalf("of the log %s", reply.Epoch)
		}
		all = append(all, reply.Stores...)
		if reply.Next == "" {
			return all
		}
		r.After = reply.Next
	}
}

// lives gives a store of tenant a this history behind its create.
func (b *testBundle) lives(t *testing.T, id store.ID, history ...store.Type) store.State {
	t.Helper()
	s := b.author.Create(t.Context(), "a", id, "Anna")
	for _, next := range history {
		m := store.Message{Type: next, Store: id, Actor: "test", Time: time.Now(), Generation: s.Generation}
		var err error
		if s, err = b.author.Log.Append(t.Context(), s, m); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Whatever histories came of it: what the question lists is what the log says isn't finished.
func TestWhatLivesIsWhatTheLogSaysIsNotFinished(t *testing.T) {
	b := setup(t)
	b.project(t)
	b.author.Write(t.Context(), 300, 3, 8)
	// The create was overtaken, and nobody has said so yet.
	overtaken := logtest.Store("a", 1)
	b.lives(t, overtaken, store.DeleteCommand, store.BecameDeleted)
	b.lives(t, logtest.Store("a", 2), store.BecameReady, store.DeleteCommand, store.BecameDeleted)
	want := map[string][]store.ID{"": {}, "eu": {}, query.AnyCluster: {}, "us": {}}
	finished := 0
	for _, s := range logtest.Fold(b.author.All(t.Context())) {
		if s.Finished() {
			finished++
			continue
		}
		want[s.Cluster] = append(want[s.Cluster], s.ID)
		want[query.AnyCluster] = append(want[query.AnyCluster], s.ID)
	}
	if finished == 0 || !slices.Contains(want[query.AnyCluster], overtaken) {
		t.Fatalf("%d are finished: the test shows nothing", finished)
	}
	head, err := b.author.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for cluster, ids := range want {
		slices.Sort(ids)
		r := query.LiveRequest{Scope: query.All(), Cluster: cluster, Seen: head}
		if diff := cmp.Diff(ids, b.living(t, r)); diff != "" {
			t.Errorf("of cluster %q (-log +answer):\n%s", cluster, diff)
		}
	}
}

// A message that can't be kept may be the last word of a store that is finished in Postgres: it is the log's to say.
func TestWhatWasSetAsideLives(t *testing.T) {
	b := setup(t)
	b.project(t)
	gone := logtest.Store("a", 3)
	s := b.lives(t, gone, store.BecameReady, store.DeleteCommand, store.BecameDeleted)
	r := query.LiveRequest{Scope: query.All(), Cluster: query.AnyCluster, Seen: s.Version}
	if ids := b.living(t, r); len(ids) != 0 {
		t.Fatalf("a store that is gone lives: %v", ids)
	}
	msg := nats.NewMsg(logtest.EventSubject(gone))
	msg.Data = []byte("{")
	if _, err := b.nc.RequestMsg(msg, patience); err != nil {
		t.Fatal(err)
	}
	r.Seen++
	if ids := b.living(t, r); !slices.Equal(ids, []store.ID{gone}) {
		t.Errorf("lives %v, want %s", ids, gone)
	}
	// Nobody can say whose it is.
	r.Scope = query.Of("a")
	if ids := b.living(t, r); len(ids) != 0 {
		t.Errorf("a tenant is told of %v", ids)
	}
}

// Many that are gone cost nothing: they aren't in the index. And what is many comes in pages that the broker carries.
func TestAHundredThatLiveAmongTensOfThousandsThatDoNot(t *testing.T) {
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `insert into stores_4 (id, opened, version, tenant, name, engine, status, standing, state, finished)
		select 's' || to_char(n, 'FM00000000000'), n, n, 'a', 'n', 'e', 'Deleted', 'gone', '{}', n % 400 <> 0 from generate_series(1, 40000) n; analyze stores_4`); err != nil {
		t.Fatal(err)
	}
	asked := &recorder{Querier: b.pool}
	ids, more, err := readmodel.Live{Scope: query.All(), Cluster: query.AnyCluster, Limit: maxIDs}.List(t.Context(), readmodel.Moment{Querier: asked, Filled: true})
	if err != nil || more || len(ids) != 100 {
		t.Fatalf("%d live, more %v, %v", len(ids), more, err)
	}
	b.usesFor(t, asked, "stores_4_unfinished")
	if _, _, err := (readmodel.Live{Scope: query.All(), Limit: 1}).List(t.Context(), readmodel.Moment{Querier: b.pool}); err == nil {
		t.Error("tables that aren't filled are believed")
	}
}

func TestWhatLivesComesInPagesThatTheBrokerCarries(t *testing.T) {
	b := setup(t)
	b.project(t)
	seen := b.author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna").Version
	b.living(t, query.LiveRequest{Scope: query.All(), Cluster: query.AnyCluster, Seen: seen})
	const many = maxIDs + 1000
	if _, err := b.pool.Exec(t.Context(), `insert into stores_4 (id, opened, version, tenant, name, engine, status, standing, state)
		select 's' || to_char(n, 'FM00000000000'), n, n, 'a', 'n', 'e', 'Ready', 'up', '{}' from generate_series(1, $1::int) n`, many); err != nil {
		t.Fatal(err)
	}
	r := query.LiveRequest{Scope: query.All(), Cluster: query.AnyCluster}
	ids := leaf(t, func() ([]store.ID, bool) {
		reply, code := ask[query.LiveReply](t, b.nc, query.Live.Subject, r)
		if code != "" {
			t.Fatalf("refused with %s", code)
		}
		r.After = reply.Next
		return reply.Stores, reply.Next != ""
	})
	if len(ids) != many+1 || !slices.IsSorted(ids) {
		t.Errorf("%d ids in all pages", len(ids))
	}
}

// The broker lets the service listen where package query says that it is asked, and nowhere else.
func TestWhatMayBeAskedIsAnswered(t *testing.T) {
	var subjects []string
	for _, e := range newService(nil, nil, nil, nil, nil).endpoints() {
		subjects = append(subjects, e.Subject)
	}
	if diff := cmp.Diff(query.Subjects(query.Remembering), subjects); diff != "" {
		t.Error(diff)
	}
	if r := refuse(fmt.Errorf("list: %w", readmodel.ErrFilling)); r.Code != question.Unavailable {
		t.Errorf("tables that are being filled refuse with %s", r.Code)
	}
}
