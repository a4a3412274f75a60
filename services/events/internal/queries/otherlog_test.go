package queries

import (
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// A client may say to have seen any sequence. What the log doesn't hold nobody waits for: the wait would outlast the test.
func TestNobodyWaitsForWhatThereIsNot(t *testing.T) {
	b := setup(t, func(s *Service) { s.waits = time.Hour })
	b.project(t)
	after := b.author.Create(t.Context(), "a", logtest.Store("a", 1), "Anna")
	reply, code := ask[query.StoresReply](t, b.nc, query.Stores.Subject, query.StoresRequest{
		Scope: query.Of("a"), Limit: 10, Seen: 1 << 40, Log: b.author.Log.Epoch(),
	})
	if code != "" || reply.Checkpoint != after.Version || len(reply.Stores) != 1 {
		t.Errorf("answered %q %+v", code, reply)
	}
}

// Its stores and its sequences are another log's: what is told of them, as a place in this one, would be read as something else.
func TestTheReadModelOfAnotherLogIsRefused(t *testing.T) {
	b := setup(t, func(s *Service) { s.waits = time.Hour })
	if _, err := b.pool.Exec(t.Context(), "insert into checkpoint (epoch, seq) values ('another', 1000)"); err != nil {
		t.Fatal(err)
	}
	b.progress.Advance("another", 1000)
	here, all := b.author.Log.Epoch(), query.All()
	for subject, of := range map[string]func(log string, seen uint64) any{
		query.Stores.Subject: func(log string, seen uint64) any {
			return query.StoresRequest{Scope: all, Limit: 1, Log: log, Seen: seen}
		},
		query.Events.Subject: func(log string, seen uint64) any {
			return query.EventsRequest{Scope: all, Store: logtest.Store("a", 1), Limit: 1, Log: log, Seen: seen}
		},
		query.DeadLetters.Subject: func(log string, seen uint64) any {
			return query.DeadLettersRequest{Scope: all, Limit: 1, Log: log, Seen: seen}
		},
	} {
		for log, want := range map[string]string{here: question.OtherLog, "another": "", "": ""} {
			for _, seen := range []uint64{0, 7, 2000} {
				if _, code := ask[any](t, b.nc, subject, of(log, seen)); code != want {
					t.Errorf("%s of the log %q, having seen %d, is answered %q, want %q", subject, log, seen, code, want)
				}
			}
		}
	}
}
