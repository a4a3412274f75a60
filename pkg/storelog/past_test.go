package storelog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// moment is how a store was right behind a message, read then, and when the broker stored that.
type moment struct {
	state store.State
	time  time.Time
}

// lived are stores with what was read of each behind each of its messages.
type lived struct {
	ids  []store.ID
	seen map[store.ID][]moment
	// all are the moments of all stores, by their sequences.
	all []moment
}

// live writes messages of random stores, of two clusters, and reads each store behind its own.
func live(t *testing.T, log *storelog.Log, rnd *rand.Rand, stores, messages int) *lived {
	t.Helper()
	l := &lived{seen: map[store.ID][]moment{}, all: []moment{{}}}
	for n := range stores {
		l.ids = append(l.ids, store.DeriveID("tenant", fmt.Sprint(n)))
	}
	commands := []store.Type{store.RetryCommand, store.UpdateCommand, store.SuspendCommand, store.DeleteCommand}
	// Another writer knows no trail, and one of a release before leaves none.
	writers := []func(context.Context, store.State, store.Message) (store.State, error){log.Append, log.Append, log.Forgetful().Append, log.AppendWithoutTrail}
	events := []store.Type{store.AttemptStarted, store.StepCompleted, store.BecameReady, store.Renamed, store.BecameDegraded, store.Transferred, store.BecameDeleted}
	for range messages {
		which := l.ids[rnd.IntN(stores)]
		var before store.State
		if seen := l.seen[which]; len(seen) > 0 {
			before = seen[len(seen)-1].state
		}
		m := message(events[rnd.IntN(len(events))], before.Generation)
		switch {
		case !before.Exists():
			m = message(store.CreateCommand, 0)
			m.Facts.Cluster = []string{"", "eu"}[rnd.IntN(2)]
		case rnd.IntN(3) == 0:
			m.Type, m.Generation = commands[rnd.IntN(len(commands))], 0
		}
		m.Store = which
		appending := writers[rnd.IntN(len(writers))]
		if _, err := appending(t.Context(), before, m); err != nil {
			t.Fatal(err)
		}
		l.look(t, log, which)
	}
	return l
}

func (l *lived) look(t *testing.T, log *storelog.Log, which store.ID) {
	t.Helper()
	state, at, err := log.LastAt(t.Context(), which)
	if err != nil {
		t.Fatal(err)
	}
	l.seen[which] = append(l.seen[which], moment{state, at})
	l.all = append(l.all, moment{state, at})
}

// at is how the store was behind the message with a sequence.
func (l *lived) at(which store.ID, seq uint64) (then store.State) {
	for _, m := range l.seen[which] {
		if m.state.Version <= seq {
			then = m.state
		}
	}
	return then
}

// want holds what is read of a store's past against what was read of it then.
func (l *lived) want(t *testing.T, log *storelog.Log, which store.ID, p storelog.Point, seq uint64) {
	t.Helper()
	past, err := log.Past(t.Context(), which, p, anybody)
	if err != nil {
		t.Errorf("%s at %+v: %v", which, p, err)
		return
	}
	if diff := cmp.Diff(l.at(which, seq), past.Then); diff != "" || past.Upto != seq {
		t.Errorf("%s at %+v, for which stands %d, want %d:\n%s", which, p, past.Upto, seq, diff)
	}
	if diff := cmp.Diff(l.at(which, uint64(len(l.all))), past.Now); diff != "" {
		t.Errorf("%s now:\n%s", which, diff)
	}
}

func TestAStoreIsReadAsItWas(t *testing.T) {
	bustest.Each(t, func(t *testing.T, b bustest.Brokers) {
		rnd := rand.New(rand.NewPCG(16, 4))
		log := open(t, b.Conns[len(b.Conns)-1])
		l := live(t, log, rnd, 8, 100)
		for turn := 0; turn < 100 || !b.Resigned(9); turn++ {
			which, seq := l.ids[rnd.IntN(len(l.ids))], uint64(rnd.IntN(len(l.all)))
			l.want(t, log, which, storelog.Point{Seq: seq}, seq)
			if stored := l.all[seq].time; seq > 0 {
				l.want(t, log, which, storelog.Point{Time: stored}, seq)
				l.want(t, log, which, storelog.Point{Time: stored.Add(-1)}, seq-1)
			}
		}
	})
}

// It isn't known yet what the log will hold there, and said where it ends.
func TestThePastEndsWhereTheLogDoes(t *testing.T) {
	log := open(t, bustest.Start(t))
	empty := time.Now()
	if seq, err := log.Upto(t.Context(), storelog.Point{Time: empty}); err != nil || seq != 0 {
		t.Errorf("an empty log is at %d, %v", seq, err)
	}
	l := live(t, log, rand.New(rand.NewPCG(16, 5)), 3, 9)
	head, never := uint64(len(l.all)-1), store.DeriveID("tenant", "never")
	for _, which := range append(l.ids, never) {
		l.want(t, log, which, storelog.Point{Seq: head}, head)
		l.want(t, log, which, storelog.Point{Time: time.Now()}, head)
		l.want(t, log, which, storelog.Point{Time: empty}, 0)
		l.want(t, log, which, storelog.Point{Time: time.Date(-200, 1, 1, 0, 0, 0, 0, time.UTC)}, 0)
		for _, p := range []storelog.Point{
			{Seq: head + 1}, {Time: time.Now().Add(time.Hour)}, {Time: time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC)}, {Time: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		} {
			var future *storelog.FutureError
			if _, err := log.Past(t.Context(), which, p, anybody); !errors.As(err, &future) || future.Present.Head != head || future.Present.Time.IsZero() {
				t.Errorf("at %+v: %v", p, err)
			}
		}
	}
}

// Somebody has written past the fence, behind what no fence of the platform would say, and an operator has mended it: what was whole
// before, and is since, is there as it was.
func TestTheWayBackGoesOverWhatNobodyCouldRead(t *testing.T) {
	nc := bustest.Start(t)
	log := open(t, nc)
	l := live(t, log, rand.New(rand.NewPCG(16, 6)), 1, 5)
	create(t, log)
	l.look(t, log, id)
	for _, fence := range []func(event, head uint64) nats.Header{
		func(uint64, uint64) nats.Header { return nil },
		// That of one of its subjects.
		func(event, _ uint64) nats.Header {
			return nats.Header{"Nats-Expected-Last-Subject-Sequence": {fmt.Sprint(event)}}
		},
		// That of all stores.
		func(_, head uint64) nats.Header {
			return nats.Header{"Nats-Expected-Last-Subject-Sequence": {fmt.Sprint(head)}, "Nats-Expected-Last-Subject-Sequence-Subject": {storelog.AllSubjects}}
		},
	} {
		event := l.say(t, log, id, store.StepCompleted)
		l.say(t, log, id, store.UpdateCommand)
		head := l.say(t, log, l.ids[0], store.Renamed)
		end := scribbleWith(t, nc, log, "{", fence(event, head))
		l.all = append(l.all, moment{})
		if _, err := log.Past(t.Context(), id, storelog.Point{Seq: event}, anybody); !errors.Is(err, storelog.ErrUnreadable) {
			t.Errorf("whose it is nobody can say: %v", err)
		}
		if _, err := log.Mend(t.Context(), id, end, message(store.Discarded, 0)); err != nil {
			t.Fatal(err)
		}
		l.look(t, log, id)
		for seq := range uint64(len(l.all)) {
			if seq == 0 || l.all[seq].state.Exists() {
				l.want(t, log, id, storelog.Point{Seq: seq}, seq)
			} else if _, err := log.Past(t.Context(), id, storelog.Point{Seq: seq}, anybody); !errors.Is(err, storelog.ErrUnreadable) {
				t.Errorf("at %d, which nobody can read: %v", seq, err)
			}
		}
	}
}

// say appends to a store's history and returns the message's sequence.
func (l *lived) say(t *testing.T, log *storelog.Log, which store.ID, what store.Type) uint64 {
	t.Helper()
	m := message(what, 0)
	m.Store = which
	after, err := log.Append(t.Context(), l.at(which, uint64(len(l.all))), m)
	if err != nil {
		t.Fatal(err)
	}
	l.look(t, log, which)
	return after.Version
}

// What it costs hardly grows with what has been said of the store since, and not at all with what was said of others.
func TestThePastOfALongHistoryCostsAReadMoreThanThatOfAShortOne(t *testing.T) {
	nc := bustest.Start(t)
	log := open(t, nc)
	state := create(t, log)
	counted, err := nats.Connect(nc.ConnectedUrl(), bustest.Patient)
	if err != nil {
		t.Fatal(err)
	}
	defer counted.Close()
	reader, costs := open(t, counted), []uint64{}
	for _, length := range []int{5, 100, 1000} {
		for range length {
			if state, err = log.Append(t.Context(), state, message(store.StepCompleted, state.Generation)); err != nil {
				t.Fatal(err)
			}
		}
		least := uint64(1000)
		for range measurements {
			before := counted.Stats().InMsgs
			if past, err := reader.Past(t.Context(), id, storelog.Point{Seq: 3}, anybody); err != nil || past.Then.Version != 3 {
				t.Fatalf("%+v, %v", past.Then, err)
			}
			least = min(least, counted.Stats().InMsgs-before)
		}
		costs = append(costs, least)
	}
	if diff := cmp.Diff([]uint64{2, 3, 3}, costs); diff != "" {
		t.Errorf("messages that it took:\n%s", diff)
	}
}

// anybody may read it.
func anybody(store.State) error { return nil }
