package storelog_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// scribble puts a body into the store's history past the one function that may, and returns its sequence.
func scribble(t *testing.T, nc *nats.Conn, log *storelog.Log, body string) uint64 {
	t.Helper()
	return scribbleWith(t, nc, log, body, nil)
}

// scribbleWith is scribble with more headers.
func scribbleWith(t *testing.T, nc *nats.Conn, log *storelog.Log, body string, header nats.Header) uint64 {
	t.Helper()
	msg := nats.NewMsg(strings.Replace(storelog.AllSubjects, ">", string(id)+".event", 1))
	maps.Copy(msg.Header, header)
	msg.Header["ce-type"] = []string{"storeplatform.store.waited.v1"}
	msg.Header["ce-time"] = []string{time.Now().Format(time.RFC3339Nano)}
	msg.Data = []byte(body)
	if _, err := nc.RequestMsg(msg, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestAnUnreadableEndIsGoneOnBehind(t *testing.T) {
	for name, body := range map[string]string{"no JSON": "{", "no state": `{"facts":{}}`} {
		t.Run(name, func(t *testing.T) {
			nc := bustest.Start(t)
			log := open(t, nc)
			created := create(t, log)
			end := scribble(t, nc, log, body)
			if _, err := log.Last(t.Context(), id); !errors.Is(err, storelog.ErrUnreadable) {
				t.Fatalf("read %v, want that it can't be", err)
			}
			after, err := log.Mend(t.Context(), id, end, message(store.Discarded, 0))
			if err != nil {
				t.Fatal(err)
			}
			if after.Version != end+1 || after.Generation != created.Generation || after.Spec.Name != "Tea" {
				t.Fatalf("goes on as %+v from %+v", after, created)
			}
			// In use again: for everybody, by the usual way.
			if _, err := log.Append(t.Context(), after, message(store.DeleteCommand, 0)); err != nil {
				t.Fatal(err)
			}
			if _, err := log.Mend(t.Context(), id, end, message(store.Discarded, 0)); !errors.Is(err, storelog.ErrConflict) {
				t.Fatalf("mended what is whole: %v", err)
			}
		})
	}
}

func TestAHistoryThatBeginsUnreadablyIsAStoreOfNobody(t *testing.T) {
	nc := bustest.Start(t)
	log := open(t, nc)
	end := scribble(t, nc, log, "{")
	after, err := log.Mend(t.Context(), id, end, message(store.Discarded, 0))
	if err != nil || after.ID != id || after.Status != "" {
		t.Fatalf("%+v, %v", after, err)
	}
	if again, err := log.Last(t.Context(), id); err != nil || again.Version != after.Version {
		t.Fatalf("%+v, %v", again, err)
	}
}

func TestOnlyTheEndIsMended(t *testing.T) {
	nc := bustest.Start(t)
	log := open(t, nc)
	create(t, log)
	first := scribble(t, nc, log, "{")
	last := scribble(t, nc, log, "{")
	for _, seq := range []uint64{first, last + 5} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := log.Mend(ctx, id, seq, message(store.Discarded, 0))
		cancel()
		if !errors.Is(err, storelog.ErrConflict) {
			t.Errorf("mended behind %d of %d: %v", seq, last, err)
		}
	}
}

func TestWhatANewerVersionWroteIsNotMended(t *testing.T) {
	newer := fmt.Sprintf(`{"facts":{},"state":{"schema":%d,"id":%q}}`, store.Schema+1, id)
	for name, bodies := range map[string][]string{"the end": {newer}, "before it": {newer, "{"}} {
		t.Run(name, func(t *testing.T) {
			nc := bustest.Start(t)
			log := open(t, nc)
			create(t, log)
			var end uint64
			for _, body := range bodies {
				end = scribble(t, nc, log, body)
			}
			if _, err := log.Mend(t.Context(), id, end, message(store.Discarded, 0)); !errors.Is(err, storelog.ErrNewerSchema) {
				t.Fatalf("mended: %v", err)
			}
			if head, _ := log.Head(t.Context()); head != end {
				t.Fatal("something was appended")
			}
		})
	}
}

func TestAMessageIsReadByItsNumber(t *testing.T) {
	log := open(t, bustest.Start(t))
	s := create(t, log)
	raw, err := log.Message(t.Context(), s.Version)
	if err != nil || raw.Seq != s.Version || raw.Time.IsZero() {
		t.Fatalf("%+v, %v", raw, err)
	}
	if entry, err := raw.Entry(); err != nil || entry.Message.Store != id {
		t.Fatalf("%+v, %v", entry, err)
	}
	for _, seq := range []uint64{0, s.Version + 1} {
		if _, err := log.Message(t.Context(), seq); !errors.Is(err, storelog.ErrNoMessage) {
			t.Errorf("message %d: %v", seq, err)
		}
	}
}
