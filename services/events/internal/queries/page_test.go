package queries

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// failures is a read model in which stores have failed, and one many times, all for the same long cause. Each character of
// it takes six in an answer.
func (b *testBundle) failures(t *testing.T, many, long int) (failedOften store.ID) {
	t.Helper()
	failedOften = logtest.Store("a", 0)
	cause := begins + strings.Repeat("<", long)
	_, err := b.pool.Exec(t.Context(), `insert into stores select 's' || n, n, n, 'a', n, 'sample', 'Failed',
		json_build_object('status', 'Failed', 'generation', n, 'spec', json_build_object('name', n::text), 'detail', $1::text)
		from generate_series(1, $2::int) n`, cause, many)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.pool.Exec(t.Context(), `insert into events select n, $3, 'a', 'failed', now(), 'provisioner', 1,
		json_build_object('detail', $1::text), '{}' from generate_series(1, $2::int) n`, cause, many, string(failedOften))
	if err != nil {
		t.Fatal(err)
	}
	return failedOften
}

const begins = "it began so"

// leaf turns pages until there is none and returns what all of them hold.
func leaf[T any](t *testing.T, turn func() (items []T, more bool)) []T {
	t.Helper()
	var all []T
	for page := 1; ; page++ {
		items, more := turn()
		if all = append(all, items...); !more {
			if page == 1 {
				t.Error("it all was in one page; the test shows nothing")
			}
			return all
		}
		if len(items) == 0 {
			t.Fatalf("page %d is empty and not the last", page)
		}
	}
}

func TestPagesThatTheBrokerWouldNotCarryAreShorter(t *testing.T) {
	for name, c := range map[string]struct{ many, long int }{
		"causes that were written before they were bounded": {30, 100 << 10},
		"causes of characters that take room in an answer":  {maxPage, store.MaxText - len(begins)},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.wantPages(t, b.failures(t, c.many, c.long), c.many)
		})
	}
}

// wantPages wants all pages together to be the whole, each item in its place and bounded.
func (b *testBundle) wantPages(t *testing.T, failedOften store.ID, many int) {
	t.Helper()
	var got []string
	want := make([]string, many)
	tell := func(seq uint64, cause string) {
		if !strings.HasPrefix(cause, begins) || len(cause) > store.MaxText {
			t.Errorf("%d says %d bytes: %.20s", seq, len(cause), cause)
		}
		got = append(got, fmt.Sprint(seq))
	}
	for i := range want {
		want[i] = fmt.Sprint(i + 1)
	}
	events := query.EventsRequest{Scope: query.All(), Store: failedOften, Limit: maxPage}
	for _, e := range leaf(t, func() ([]query.Event, bool) {
		reply := answered[query.EventsReply](t, b, query.Events.Subject, events)
		events.After = reply.Next
		return reply.Events, reply.Next != 0
	}) {
		tell(e.Seq, e.Facts.Detail)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a history:\n%s", diff)
	}
	got = nil
	events.After, events.Newest = 0, true
	for _, e := range answered[query.EventsReply](t, b, query.Events.Subject, events).Events {
		tell(e.Seq, e.Facts.Detail)
	}
	if diff := cmp.Diff(want[many-len(got):], got); diff != "" || len(got) == many {
		t.Errorf("the newest of a history:\n%s", diff)
	}
	got = nil
	letters := query.DeadLettersRequest{Scope: query.All(), Limit: maxPage}
	for _, l := range leaf(t, func() ([]query.DeadLetter, bool) {
		reply := answered[query.DeadLettersReply](t, b, query.DeadLetters.Subject, letters)
		letters.After = reply.Next
		return reply.DeadLetters, reply.Next != 0
	}) {
		tell(l.Seq, l.Detail)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters:\n%s", diff)
	}
	got = nil
	stores := query.StoresRequest{Scope: query.All(), Limit: maxPage}
	for _, s := range leaf(t, func() ([]query.Store, bool) {
		reply := answered[query.StoresReply](t, b, query.Stores.Subject, stores)
		stores.After = reply.Next
		return reply.Stores, reply.Next != ""
	}) {
		tell(s.Version, s.Detail)
	}
	slices.Reverse(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a list of stores:\n%s", diff)
	}
}

func answered[T any](t *testing.T, b *testBundle, subject string, request any) T {
	t.Helper()
	reply, code := ask[T](t, b.nc, subject, request)
	if code != "" {
		t.Fatalf("refused with %s", code)
	}
	return reply
}
