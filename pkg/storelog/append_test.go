package storelog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestAppendThenLast(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		log := logs[0]
		written := create(t, log)
		read, err := other(logs).Last(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written, read); diff != "" {
			t.Fatal(diff)
		}
		if read.Generation != read.Version || !read.InFlight() {
			t.Fatalf("a command's generation is its own sequence: %+v", read)
		}
	})
}

func TestAppendIsRefusedToWhoeverSawLess(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		log := logs[0]
		seen := create(t, log)
		if _, err := log.Append(t.Context(), seen, message(store.DeleteCommand, 0)); err != nil {
			t.Fatal(err)
		}
		// The fence covers all three subjects: an event is refused because of a command.
		_, err := log.Append(t.Context(), seen, message(store.BecameReady, seen.Generation))
		if !errors.Is(err, storelog.ErrConflict) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestAppendOfTheSameMessageTwiceIsStoredOnce(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		log := logs[0]
		m := message(store.CreateCommand, 0)
		m.ID = "the-same"
		first, err := log.Append(t.Context(), store.State{}, m)
		if err != nil {
			t.Fatal(err)
		}
		// As after a time-out whose message arrived: the writer finds its own id and takes it for stored.
		second, err := log.Append(t.Context(), store.State{}, m)
		if err != nil || second.Version != first.Version {
			t.Fatalf("version %d after %d, error %v", second.Version, first.Version, err)
		}
	})
}

func TestUpdateDecidesAgainAfterAConflict(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		log := logs[0]
		create(t, log)
		calls := 0
		after, err := log.Update(t.Context(), id, func(s store.State) (*store.Message, error) {
			calls++
			if calls == 1 {
				if _, err := log.Append(t.Context(), s, message(store.DeleteCommand, 0)); err != nil {
					t.Fatal(err)
				}
			}
			m := message(store.CredentialsViewed, s.Generation)
			return &m, nil
		})
		if err != nil || calls != 2 || after.Status != store.Deleting {
			t.Fatalf("%d calls, %+v, %v", calls, after, err)
		}
	})
}

func TestAppendSaysWhenTheLogIsFull(t *testing.T) {
	s := bustest.StartServer(t, &server.Options{JetStreamMaxStore: 1 << 20})
	nc := bustest.Connect(t, s)
	if err := storelog.Ensure(t.Context(), nc, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	log := open(t, nc)
	state := create(t, log)
	m := message(store.CredentialsViewed, state.Generation)
	m.Facts.Detail = string(make([]byte, 64<<10))
	var err error
	for range 64 {
		var next store.State
		if next, err = log.Append(t.Context(), state, m); err != nil {
			break
		}
		state = next
	}
	if !errors.Is(err, storelog.ErrLogFull) {
		t.Fatalf("got %v", err)
	}
	if read, err := log.Last(t.Context(), id); err != nil || read.Version != state.Version {
		t.Fatalf("reads go on: version %d, want %d, %v", read.Version, state.Version, err)
	}
}

// The rule of the whole platform: for any history, the state in the last message is the fold of the history.
func TestLastMessageCarriesTheFoldOfTheHistory(t *testing.T) {
	each(t, func(t *testing.T, logs []*storelog.Log) {
		states, n := map[store.ID]store.State{}, 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			store1 := store.DeriveID("tenant", fmt.Sprint(n))
			var state store.State
			for i := range rapid.IntRange(1, 25).Draw(rt, "length") {
				m := message(rapid.SampledFrom(allTypes).Draw(rt, "type"), 0)
				if i == 0 {
					m = message(store.CreateCommand, 0) // a history that begins otherwise has no store
				}
				m.Store, m.Facts.Step = store1, fmt.Sprint("step", i%3)
				if !m.Type.IsCommand() {
					m.Generation = state.Generation
				}
				next, err := logs[i%len(logs)].Append(t.Context(), state, m)
				if err != nil {
					rt.Fatal(err)
				}
				state = next
			}
			states[store1] = state
		})
		for id, fold := range foldOf(t, logs[0]) {
			last, err := other(logs).Last(t.Context(), id)
			if diff := cmp.Diff(fold, last); diff != "" || err != nil {
				t.Errorf("store %s is read otherwise than its history folds: %v\n%s", id, err, diff)
			}
			if diff := cmp.Diff(fold, states[id]); diff != "" {
				t.Errorf("store %s was answered otherwise than its history folds\n%s", id, diff)
			}
		}
	})
}

var allTypes = []store.Type{
	store.CreateCommand, store.RetryCommand, store.MendCommand, store.DeleteCommand, store.Waited, store.AttemptStarted,
	store.StepCompleted, store.RetryScheduled, store.BecameDegraded, store.Recovered, store.BecameReady, store.BecameFailed, store.Superseded, store.BecameDeleted,
}

var errEnd = errors.New("end of the history")

// foldOf folds the whole log, each store's state at its own version.
func foldOf(t *testing.T, log *storelog.Log) map[store.ID]store.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	head, err := log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	folds := map[store.ID]store.State{}
	err = log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			return err
		}
		m := entry.Message
		folds[m.Store] = store.Evolve(folds[m.Store], m)
		if raw.Seq >= head {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	return folds
}

// What a store's last message says travels in each that comes after it.
func TestNoMessageIsLargeForWhatWasSaidBefore(t *testing.T) {
	log := open(t, bustest.Start(t))
	long := strings.Repeat("x", 100<<10)
	failed := message(store.BecameFailed, create(t, log).Generation)
	failed.Facts = store.Facts{Step: long, Via: long, Reason: long, Message: long, Detail: long}
	looked := message(store.CredentialsViewed, failed.Generation)
	for _, m := range []store.Message{failed, looked} {
		after, err := log.Update(t.Context(), id, func(store.State) (*store.Message, error) { return &m, nil })
		if err != nil {
			t.Fatal(err)
		}
		raw, err := log.Message(t.Context(), after.Version)
		if err != nil {
			t.Fatal(err)
		}
		// The texts that it says, those of the state, and those of the failure that it keeps.
		if len(raw.Data) > 13*store.MaxText {
			t.Errorf("%s has %d bytes", m.Type, len(raw.Data))
		}
		if last, err := log.Last(t.Context(), id); err != nil || !cmp.Equal(after, last) {
			t.Errorf("the writer was told %+v, the log says %+v, %v", after, last, err)
		}
	}
}
