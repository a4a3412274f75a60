package cluster_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

const (
	// inLine are more stores than there are slots (test/internal/tiers), before are those that the log has seen made.
	inLine, before = 28, 8
	// sampled is of how many the time is held against what was told of it.
	sampled = 20
	// next is how many of the crowd may be begun behind another tenant's create and before it: what a worker has taken up already.
	next = 3
)

// waiter is one of the stores, as it is told of while it waits and is made.
type waiter struct {
	query.Store
	// as is whoever has asked for it, and may see it.
	as *platform.Platform
	// place is what was told last, zero once it was begun; told is the first time that was, and when.
	place  int
	told   *query.ETA
	toldAt time.Time
	// begun and ready are of its history.
	begun uint64
	ready time.Time
}

// One who asks for many stores doesn't keep another from theirs; who waits is told a place that only falls, and when it is likely over.
// It comes first, while nobody else makes anything: who is worked on least is next.
func TestTheLineIsFairAndTellsWhatComesTrue(t *testing.T) {
	b := inTurn(t)
	many := *b.Platform
	many.API = "http://" + platform.FromElsewhere(t, strings.TrimPrefix(b.API, "http://"))
	b.watch(b.create(&many, before))
	others := b.create(&many, inLine)
	own := b.create(b.Platform, 1)[0]
	all := append(others, own)
	b.watch(all)
	waited := 0
	for _, w := range others {
		if w.Generation < own.Generation && w.begun > own.Generation && w.begun < own.begun {
			waited++
		}
	}
	if waited > next {
		t.Errorf("%d of the others' stores were begun behind its create and before it", waited)
	}
	if !slices.ContainsFunc(others, func(w *waiter) bool { return w.begun > own.begun }) {
		t.Errorf("nobody was begun behind it: with more slots than %d there is no line", inLine)
	}
	b.holdsTimes(others)
}

// create asks for so many stores at once.
func (b *bench) create(as *platform.Platform, count int) (all []*waiter) {
	b.Helper()
	for i := range count {
		s := as.Create(b.T, fmt.Sprintf("In line %d", i))
		b.Cleanup(func() {
			if _, err := as.Call(context.WithoutCancel(b.T.Context()), http.MethodDelete, "/stores/"+string(s.ID), nil, nil); err != nil {
				b.Logf("clean up: %v", err)
			}
		})
		all = append(all, &waiter{Store: s, as: as})
	}
	return all
}

// watch asks for the stores until all of them are Ready, and then reads when each was begun.
func (b *bench) watch(all []*waiter) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
		left := 0
		for _, w := range all {
			if w.Status != store.Ready {
				b.look(w)
				left++
			}
		}
		if left > 0 {
			return fmt.Errorf("%d stores aren't Ready", left)
		}
		return nil
	})
	for _, w := range all {
		history, err := w.as.History(b.T.Context(), w.ID)
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range history {
			switch e.Type {
			case store.AttemptStarted:
				w.begun = e.Seq
			case store.BecameReady:
				w.ready = e.Time
			}
		}
	}
}

// look asks for one, whose place may only fall.
func (b *bench) look(w *waiter) {
	b.Helper()
	at := time.Now()
	var now query.Store
	if status, err := w.as.Call(b.T.Context(), http.MethodGet, "/stores/"+string(w.ID), nil, &now); err != nil || status != http.StatusOK {
		b.Fatalf("read a store that waits: %d %v", status, err)
	}
	w.Status = now.Status
	if now.Line == nil {
		return
	}
	if w.place > 0 && now.Line.Place > w.place || w.place == 0 && now.Line.Place > 0 && now.Attempt > 0 {
		b.Errorf("%s had place %d, and then %d", w.ID, w.place, now.Line.Place)
	}
	w.place = now.Line.Place
	if w.told == nil && now.Line.ETA != nil {
		w.told, w.toldAt = now.Line.ETA, at
	}
}

// holdsTimes holds what was told of the newest stores against when they were Ready: half of them took no longer than twice as long, and no
// less than half as long.
func (b *bench) holdsTimes(all []*waiter) {
	b.Helper()
	var ratios []float64
	for _, w := range all[len(all)-sampled:] {
		if w.told == nil {
			b.Errorf("of %s nobody said when it would be over", w.ID)
			continue
		}
		took := w.ready.Sub(w.toldAt).Seconds()
		ratios = append(ratios, took/w.told.P50)
		b.Logf("took %.1f s of %.1f s told", took, w.told.P50)
	}
	slices.Sort(ratios)
	if half := ratios[len(ratios)/2]; half < 0.5 || half > 2 {
		b.Errorf("the time was %.2f of what was told, in the middle; all: %.2f", half, ratios)
	}
}
