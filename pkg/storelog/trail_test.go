package storelog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// history is of messages with rising sequences, and what the header of each says.
type history struct {
	seqs   []uint64
	trails map[uint64]storelog.Trail
}

// grown is a history so long, of which every so many messages were written by who knew no trail.
func grown(rnd *rand.Rand, length, lost int) history {
	h := history{trails: map[uint64]storelog.Trail{}}
	for seq := uint64(0); len(h.seqs) < length; {
		before := seq
		seq += 1 + rnd.Uint64N(1<<(rnd.Uint64N(40)))
		trail := h.trails[before]
		if lost > 0 && rnd.IntN(lost) == 0 {
			trail = storelog.Trail{}
		}
		h.trails[seq] = trail.Behind(before)
		h.seqs = append(h.seqs, seq)
	}
	return h
}

// reads goes back from the last message to the last one at upto or before, and counts how many are read on the way.
func (h history) reads(t *testing.T, upto uint64) int {
	t.Helper()
	at, count := h.seqs[len(h.seqs)-1], 0
	for at > upto {
		before := h.trails[at].Toward(upto)
		if before >= at {
			t.Fatalf("from %d to %d the way leads to %d", at, upto, before)
		}
		if at = before; at != 0 {
			count++
		}
	}
	i, found := slices.BinarySearch(h.seqs, upto)
	if !found {
		i--
	}
	want := uint64(0)
	if i >= 0 {
		want = h.seqs[i]
	}
	if at != want {
		t.Fatalf("the last one upto %d is %d, want %d", upto, at, want)
	}
	return count
}

func TestATrailLeadsToAnyMessageInFewReads(t *testing.T) {
	rnd := rand.New(rand.NewPCG(16, 7))
	for length, most := range map[int]int{1: 0, 2: 1, 63: 1, 64: 2, 4095: 2, 4096: 3, 20_000: 3} {
		h := grown(rnd, length, 0)
		for n := range 2000 {
			i := rnd.IntN(length)
			if n < 100 {
				i = min(n, length-1)
			}
			for _, upto := range []uint64{h.seqs[i] - 1, h.seqs[i], h.seqs[i] + 1} {
				if reads := h.reads(t, upto); reads > most {
					t.Fatalf("of %d messages it takes %d reads to the one upto %d, want %d at most", length, reads, upto, most)
				}
			}
		}
	}
}

func TestATrailThatWasLostIsGoneOnAt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(16, 8))
	for _, lost := range []int{1, 2, 50, 500} {
		h := grown(rnd, 5000, lost)
		for range 200 {
			h.reads(t, h.seqs[rnd.IntN(len(h.seqs))]-rnd.Uint64N(2))
		}
	}
}

// What isn't a trail makes nobody allocate or look without end.
func TestWhatIsNoTrailLeadsNowhere(t *testing.T) {
	for _, text := range []string{"", "!", "A", "AQ", "AX8", "//8D", "AgICAQEBAQ", "////////////AQ", "Af//////////fw"} {
		if next := storelog.ParseTrail(text).Toward(1); next > 1<<20 {
			t.Errorf("%q leads to %d", text, next)
		}
	}
}

// A release before trails has written all of it, or the middle: the way back is message by message there.
func TestTheWayBackWithoutTrailsIsShort(t *testing.T) {
	log := open(t, bustest.Start(t))
	state := create(t, log)
	first := state.Version
	tell := func(count int, appending func(store.State) (store.State, error)) {
		t.Helper()
		for range count {
			after, err := appending(state)
			if err != nil {
				t.Fatal(err)
			}
			state = after
		}
	}
	tell(2001, func(s store.State) (store.State, error) {
		return log.AppendWithoutTrail(t.Context(), s, message(store.StepCompleted, s.Generation))
	})
	end := state.Version
	tell(100, func(s store.State) (store.State, error) {
		return log.Append(t.Context(), s, message(store.StepCompleted, s.Generation))
	})
	for _, seq := range []uint64{end + 50, end, end - 1, first + 10} {
		if past, err := log.Past(t.Context(), id, storelog.Point{Seq: seq}, anybody); err != nil || past.Then.Version != seq {
			t.Errorf("at %d: %d, %v", seq, past.Then.Version, err)
		}
	}
	if _, err := log.Past(t.Context(), id, storelog.Point{Seq: first}, anybody); !errors.Is(err, storelog.ErrFar) {
		t.Errorf("two thousand messages back without a trail: %v", err)
	}
}

// Whoever finds a store's state elsewhere than in the log, or a log that somebody else has written to since, reads for the trail.
func TestATrailGoesOnWhoeverWrites(t *testing.T) {
	nc := bustest.Start(t)
	writers := []*storelog.Log{open(t, nc), open(t, nc)}
	state := create(t, writers[0])
	for n := range 40 {
		var err error
		if state, err = writers[n%2].Append(t.Context(), state, message(store.StepCompleted, state.Generation)); err != nil {
			t.Fatal(err)
		}
	}
	counted := nc.Stats().InMsgs
	past, err := writers[0].Past(t.Context(), id, storelog.Point{Seq: 3}, anybody)
	if err != nil || past.Then.Version != 3 {
		t.Fatal(past.Then.Version, err)
	}
	if took := nc.Stats().InMsgs - counted; took != 2 {
		t.Errorf("it took %d messages", took)
	}
}

// Nobody is shown another's store, whatever somebody else than the platform has written about what came before.
func TestATrailToAnotherStoreShowsNothingOfIt(t *testing.T) {
	nc := bustest.Start(t)
	log := open(t, nc)
	created := create(t, log)
	others := message(store.CreateCommand, 0)
	others.Store = "sotherstores"
	other, err := log.Append(t.Context(), store.State{}, others)
	if err != nil {
		t.Fatal(err)
	}
	told, err := log.Append(t.Context(), created, message(store.StepCompleted, created.Generation))
	if err != nil {
		t.Fatal(err)
	}
	at := func(seq, want uint64, fails error) {
		t.Helper()
		past, err := log.Past(t.Context(), id, storelog.Point{Seq: seq}, anybody)
		if past.Then.Version != want || !errors.Is(err, fails) || past.Then.ID != id && fails == nil {
			t.Errorf("at %d: %d of store %q, %v", seq, past.Then.Version, past.Then.ID, err)
		}
	}
	forge := func(trail storelog.Trail) {
		t.Helper()
		end := scribbleWith(t, nc, log, "{", nats.Header{
			"Nats-Expected-Last-Subject-Sequence": {fmt.Sprint(told.Version)}, "Nats-Expected-Last-Subject-Sequence-Subject": {"store." + string(id) + ".>"},
			"ce-trail": {trail.String()},
		})
		if told, err = log.Mend(t.Context(), id, end, message(store.Discarded, 0)); err != nil {
			t.Fatal(err)
		}
	}
	first := told.Version
	forge(storelog.Trail{}.Behind(other.Version)) // which isn't where its fence says
	at(first, first, nil)
	at(other.Version, created.Version, nil)
	forge(storelog.Trail{}.Behind(other.Version).Behind(told.Version))
	at(told.Version, told.Version, nil)
	at(other.Version, 0, storelog.ErrUnreadable)
}
