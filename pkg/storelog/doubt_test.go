package storelog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// What was acknowledged is in the log, once, in the order of each store, and nothing else is; whoever reads after the
// acknowledgement, by whichever broker, sees it; and a reader of the whole log misses none and has none twice.
func TestWhatIsAcknowledgedIsThereOnceAndAtOnce(t *testing.T) {
	const stores, each = 16, 80
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		var logs []*storelog.Log
		for _, nc := range b.Conns {
			logs = append(logs, open(t, nc))
		}
		told := follow(t, logs[0], stores*each)
		var writing sync.WaitGroup
		for i := range stores {
			writing.Go(func() { writeAndLook(t, logs[i%len(logs)], logs[(i+1)%len(logs)], i, each) })
		}
		writing.Wait()
		var got map[store.ID][]string
		select {
		case got = <-told:
		case <-time.After(time.Minute):
			t.Fatal("the reader didn't see the end")
		}
		for i := range stores {
			if ids := got[storeNumber(i)]; fmt.Sprint(ids) != fmt.Sprint(idsOf(each)) {
				t.Errorf("store %d has %v", i, ids)
			}
		}
	})
}

func storeNumber(i int) store.ID { return store.DeriveID("many", fmt.Sprint(i)) }

func idsOf(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("message ", i)
	}
	return ids
}

func writeAndLook(t *testing.T, writer, reader *storelog.Log, i, n int) {
	var state store.State
	for _, messageID := range idsOf(n) {
		m := message(store.CredentialsViewed, state.Generation)
		if state.Version == 0 {
			m = message(store.CreateCommand, 0)
		}
		m.ID, m.Store = messageID, storeNumber(i)
		next, err := writer.Append(t.Context(), state, m)
		if err != nil {
			t.Errorf("append: %v", err)
			return
		}
		state = next
		if seen, err := reader.Last(t.Context(), m.Store); err != nil || seen.Version != state.Version {
			t.Errorf("version %d is read after %d was acknowledged; %v", seen.Version, state.Version, err)
			return
		}
	}
}

// follow reads n messages and answers the ids of each store's.
func follow(t *testing.T, log *storelog.Log, n int) <-chan map[store.ID][]string {
	told := make(chan map[store.ID][]string, 1)
	go func() {
		got, last := map[store.ID][]string{}, uint64(0)
		err := log.Tail(t.Context(), 0, func(raw storelog.Raw) error {
			if raw.Seq != last+1 {
				t.Errorf("message %d is told after %d", raw.Seq, last)
			}
			last = raw.Seq
			entry, err := raw.Entry()
			if err != nil {
				return err
			}
			got[entry.Message.Store] = append(got[entry.Message.Store], entry.Message.ID)
			if raw.Seq == uint64(n) {
				return errEnd
			}
			return nil
		})
		if !errors.Is(err, errEnd) && t.Context().Err() == nil {
			t.Errorf("tail: %v", err)
		}
		told <- got
	}()
	return told
}

// The answer is lost, and before the writer can look another appends behind its message: "is the last one mine?" would
// say no, and the writer would do what it did once more.
func TestAMessageIsFoundThoughOthersCameBehindIt(t *testing.T) {
	nc := bustest.Start(t)
	line := bustest.NewLine(t, nc.ConnectedUrl())
	deaf, log := open(t, line.Conn), open(t, nc)
	before := create(t, log)
	published := bustest.Listen(t, nc, storelog.AllSubjects)
	line.Hold()
	type result struct {
		state store.State
		err   error
	}
	done := make(chan result, 1)
	go func() {
		state, err := deaf.Append(t.Context(), before, message(store.CredentialsViewed, before.Generation))
		done <- result{state, err}
	}()
	next(t, published)
	// The broker hands a message on while it still stores it.
	stored := before
	for stored.Version == before.Version {
		var err error
		if stored, err = log.Last(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(t.Context(), stored, message(store.CredentialsViewed, stored.Generation)); err != nil {
		t.Fatal(err)
	}
	// Until its first try has run out of patience, and it asks whether its message was stored.
	asked := bustest.Listen(t, nc, "$JS.API.STREAM.MSG.GET."+storelog.Stream)
	next(t, asked)
	line.Release()
	if r := <-done; r.err != nil || r.state.Version != stored.Version {
		t.Fatalf("version %d, %v", r.state.Version, r.err)
	}
	if head, err := log.Head(t.Context()); err != nil || head != stored.Version+1 {
		t.Fatalf("the log ends at %d, %v", head, err)
	}
}

func next(t *testing.T, sub *nats.Subscription) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := sub.NextMsgWithContext(ctx); err != nil {
		t.Fatal(err)
	}
}

// The refusal that is heard was not the first: of the try before nobody knows, and who gives something back for a refusal
// must be told.
func TestARefusalBehindALostAnswerIsInDoubt(t *testing.T) {
	nc := bustest.Start(t)
	log := open(t, nc)
	before := create(t, log)
	full(t, log)
	if _, err := log.Append(t.Context(), before, message(store.CredentialsViewed, before.Generation)); !errors.Is(err, storelog.ErrLogFull) ||
		errors.Is(err, storelog.ErrInDoubt) {
		t.Fatalf("the full log says %v", err)
	}
	line := bustest.NewLine(t, nc.ConnectedUrl())
	deaf := open(t, line.Conn)
	before, err := deaf.Last(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	published := bustest.Listen(t, nc, storelog.AllSubjects)
	asked := bustest.Listen(t, nc, "$JS.API.STREAM.MSG.GET."+storelog.Stream)
	line.Hold()
	done := make(chan error, 1)
	go func() {
		_, err := deaf.Append(t.Context(), before, message(store.CredentialsViewed, before.Generation))
		done <- err
	}()
	next(t, published)
	next(t, asked)
	line.Release()
	if err := <-done; !errors.Is(err, storelog.ErrLogFull) || !errors.Is(err, storelog.ErrInDoubt) {
		t.Errorf("got %v", err)
	}
}

// full leaves the log no room.
func full(t *testing.T, log *storelog.Log) {
	t.Helper()
	stream, err := log.JetStream().Stream(t.Context(), storelog.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxBytes = int64(stream.CachedInfo().State.Bytes) + 1
	if _, err := log.JetStream().UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}
