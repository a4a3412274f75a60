package places

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/turn"
	"github.com/store-platform/store-platform/services/events/internal/logtest"
)

// teller tells a memory of histories that it makes up, each message at a time of the broker's.
type teller struct {
	t testing.TB
	*Places
	states map[store.ID]store.State
	seq    uint64
	at     time.Time
}

func newTeller(t testing.TB) *teller {
	p := New()
	p.apart = 0 // what was told is seen at once
	p.Begin("epoch")
	p.Read(t.Context(), nil, 0)
	return &teller{t: t, Places: p, states: map[store.ID]store.State{}, at: time.Now().Add(-time.Hour)}
}

func (l *teller) tell(id store.ID, tenant string, what store.Type, facts store.Facts) {
	l.seq++
	before := l.states[id]
	m := store.Message{Type: what, Store: id, Tenant: tenant, Seq: l.seq, Facts: facts, Time: l.at, Generation: before.Generation}
	l.states[id] = store.Evolve(before, m)
	l.Hear(l.at, storelog.Entry{Message: m, State: l.states[id]})
}

func (l *teller) ask(tenant string, n int) store.ID {
	id := logtest.Store(tenant, n)
	l.tell(id, tenant, store.CreateCommand, store.Facts{Spec: &store.Spec{Engine: "sample", Version: "1", Plan: "small"}})
	return id
}

// make takes a store from its first attempt to its end, so long for each step.
func (l *teller) make(id store.ID, took ...time.Duration) {
	tenant := l.states[id].Tenant
	l.tell(id, tenant, store.AttemptStarted, store.Facts{Attempt: 1})
	for i, d := range took {
		l.at = l.at.Add(d)
		if i < len(took)-1 {
			l.tell(id, tenant, store.StepCompleted, store.Facts{Step: fmt.Sprint("step", i)})
		}
	}
	l.tell(id, tenant, store.BecameReady, store.Facts{URL: "http://shop"})
}

func (l *teller) where(id store.ID) query.Line {
	l.t.Helper()
	return l.whereAre([]store.ID{id})[id]
}

// whereAre asks by pages.
func (l *teller) whereAre(stores []store.ID) map[store.ID]query.Line {
	l.t.Helper()
	lines := map[store.ID]query.Line{}
	for page := range slices.Chunk(stores, most) {
		reply, err := l.Answer(l.t.Context(), query.LineRequest{Scope: query.All(), Log: "epoch", Stores: page})
		if err != nil {
			l.t.Fatal(err)
		}
		for id, placed := range reply.Lines {
			if lines[id] = placed.Line; placed.Generation != l.states[id].Generation {
				l.t.Fatalf("it is said of command %d, the newest is %d", placed.Generation, l.states[id].Generation)
			}
		}
	}
	return lines
}

// orderOf is who waits in a line.
func orderOf(line *turn.Line) []store.ID {
	waiting := line.Queue(turn.All, time.Now())
	return waiting.Order()
}

// Three hundred of one tenant's wait, others come in between and go before: each of them, asked all the time, is told a place that
// never rises, and who is told to be the next is begun next.
func TestPlacesCountDownWithoutAJumpUp(t *testing.T) {
	l := newTeller(t)
	const many = 300
	var waiting, running []store.ID
	for i := range many {
		waiting = append(waiting, l.ask("many", i))
	}
	told := map[store.ID]int{}
	for round := 0; len(waiting) > 0; round++ {
		if round%10 == 5 && round < many {
			for n := range 3 {
				waiting = append(waiting, l.ask(fmt.Sprint("one", round, n), 0))
			}
		}
		next := orderOf(l.in(hall{hand: store.Provisioner, cluster: store.DefaultCluster}))[0]
		lines := l.whereAre(waiting)
		for _, id := range waiting {
			shown := lines[id]
			if before := told[id]; shown.Place < 1 || shown.Place > shown.Of || before != 0 && shown.Place > before {
				t.Fatalf("in round %d %s is told %d of %d, and was told %d", round, id, shown.Place, shown.Of, before)
			}
			if told[id] = shown.Place; id == next && shown.Place != 1 {
				t.Fatalf("the next is told to be at %d", shown.Place)
			}
		}
		if len(running) == 8 {
			l.tell(running[0], l.states[running[0]].Tenant, store.BecameReady, store.Facts{})
			running = running[1:]
		}
		l.tell(next, l.states[next].Tenant, store.AttemptStarted, store.Facts{Attempt: 1})
		running = append(running, next)
		for i, id := range waiting {
			if id == next {
				waiting = append(waiting[:i:i], waiting[i+1:]...)
				break
			}
		}
		if shown := l.where(next); shown.Place != 0 || shown.Why == "" {
			t.Fatalf("what is worked on is told %+v", shown)
		}
	}
}

func TestWhatIsLeftIsKnownFromWhatSuchOperationsTook(t *testing.T) {
	l := newTeller(t)
	first := l.ask("tenant", 0)
	if shown := l.where(first); shown.ETA != nil {
		t.Errorf("nothing was made yet, and it takes %+v", shown.ETA)
	}
	for i := range 20 {
		l.make(l.ask("tenant", 100+i), time.Second, 3*time.Second, time.Duration(6+i%3)*time.Second)
	}
	// What was tried twice says nothing of what is tried once.
	for i := range 40 {
		twice := l.ask("tenant", 200+i)
		l.tell(twice, "tenant", store.AttemptStarted, store.Facts{Attempt: 1})
		l.tell(twice, "tenant", store.RetryScheduled, store.Facts{})
		l.make(twice, 100*time.Millisecond)
	}
	if shown := l.where(first); shown.ETA != nil {
		t.Errorf("who has waited for an hour, while nothing is worked on, is told %+v", shown.ETA)
	}
	l.at = time.Now()
	l.tell(first, "tenant", store.AttemptStarted, store.Facts{Attempt: 1})
	begun := l.where(first).ETA
	if begun == nil || begun.P50 < 5.5 || begun.P50 > 22 || begun.P95 < begun.P50 || begun.P95 > 22 {
		t.Errorf("what takes eleven seconds is expected to take %+v", begun)
	}
	l.tell(first, "tenant", store.StepCompleted, store.Facts{Step: "step0"})
	l.tell(first, "tenant", store.StepCompleted, store.Facts{Step: "step1"})
	last := l.where(first).ETA
	if last == nil || last.P50 >= begun.P50 || last.P50 < 3.5 || last.P50 > 14 || last.P95 > 9 {
		t.Errorf("of eleven seconds %+v, and of seven %+v", begun, last)
	}
	other := logtest.Store("tenant", 300)
	l.tell(other, "tenant", store.CreateCommand, store.Facts{Spec: &store.Spec{Engine: "medusa", Version: "1", Plan: "small"}})
	if shown := l.where(other); shown.ETA != nil {
		t.Errorf("another engine is expected to take %+v", shown.ETA)
	}
}

// Twenty wait behind four that are worked on, one of which ends each second. Whether that one waits who has just come, nobody knows yet.
func TestTheLineHasAPace(t *testing.T) {
	l := newTeller(t)
	const slots, made, wait = 4, 20, 20
	l.at = time.Now().Add(-made * time.Second)
	var all []store.ID
	for i := range made + slots + wait {
		all = append(all, l.ask("tenant", i))
	}
	for i := range made + slots {
		if i >= slots {
			l.at = l.at.Add(time.Second)
			l.tell(all[i-slots], "tenant", store.BecameReady, store.Facts{URL: "http://shop"})
		}
		l.tell(all[i], "tenant", store.AttemptStarted, store.Facts{Attempt: 1})
	}
	for _, place := range []int{1, 10, 20} {
		shown := l.where(all[made+slots-1+place])
		if want := float64(place) + slots; shown.Place != place || shown.ETA == nil || shown.ETA.P50 < want-2 || shown.ETA.P50 > want+2 || shown.ETA.P95 < shown.ETA.P50 {
			t.Errorf("%+v %+v, want place %d and about %.0f seconds", shown, shown.ETA, place, want)
		}
	}
	for i := range wait {
		l.tell(all[made+slots+i], "tenant", store.DeleteCommand, store.Facts{})
	}
	l.at = time.Now()
	if eta := l.where(l.ask("tenant", 1000)).ETA; eta != nil {
		t.Errorf("who has just come, and may find a slot free, is told %+v", eta)
	}
}

// Of the first line ever nobody has seen how fast it moves: eight wait behind four of which it is known how long they take.
func TestTheFirstLineIsAsLongAsWhatIsWorkedOn(t *testing.T) {
	l := newTeller(t)
	var all []store.ID
	for i := range 4 {
		all = append(all, l.ask("tenant", i))
		l.tell(all[i], "tenant", store.AttemptStarted, store.Facts{Attempt: 1})
	}
	l.at = l.at.Add(10 * time.Second)
	for _, id := range all {
		l.tell(id, "tenant", store.BecameReady, store.Facts{URL: "http://shop"})
	}
	l.at = time.Now().Add(-4 * time.Second)
	for i := range 12 {
		all = append(all, l.ask("tenant", 10+i))
	}
	for _, id := range all[4:8] {
		l.tell(id, "tenant", store.AttemptStarted, store.Facts{Attempt: 1})
	}
	for place, want := range map[int]float64{1: 6 + 10, 4: 6 + 10, 5: 16 + 10, 8: 16 + 10} {
		shown := l.where(all[7+place])
		if shown.Place != place || shown.ETA == nil || shown.ETA.P50 < want*0.7 || shown.ETA.P50 > want*1.4 {
			t.Errorf("%+v %+v, want place %d and about %.0f seconds", shown, shown.ETA, place, want)
		}
	}
}

// Those that are worked on at once may hold each other up or not: with four times as many it takes as long or four times as long, and
// it is told what is wrong by two at most.
func TestWhatIsMadeBesideMoreTakesLonger(t *testing.T) {
	l := newTeller(t)
	l.make(l.ask("tenant", 0), 10*time.Second)
	l.at = time.Now()
	var last store.ID
	for i := range 4 {
		last = l.ask("tenant", 1+i)
		l.tell(last, "tenant", store.AttemptStarted, store.Facts{Attempt: 1})
	}
	if eta := l.where(last).ETA; eta == nil || eta.P50 < 15 || eta.P50 > 21 {
		t.Errorf("beside three others what took ten seconds is told to take %+v", eta)
	}
}

// What was begun and comes back stands in the line anew: the place that it had is of another turn.
func TestWhatComesBackHasAnotherPlace(t *testing.T) {
	l := newTeller(t)
	id := l.ask("served", 0)
	if shown := l.where(id); shown.Place != 1 {
		t.Fatalf("alone it is told %+v", shown)
	}
	l.tell(id, "served", store.AttemptStarted, store.Facts{Attempt: 1})
	for n := range 3 {
		l.ask(fmt.Sprint("other", n), 0)
	}
	l.tell(id, "served", store.AttemptYielded, store.Facts{})
	if shown := l.where(id); shown.Place != 4 || shown.Of != 4 {
		t.Errorf("behind three who weren't served it is told %+v", shown)
	}
}

func TestWhatWaitsForSomethingElseHasNoPlaceAndSaysWhatItIs(t *testing.T) {
	l := newTeller(t)
	parked, due, free := l.ask("a", 0), l.ask("a", 1), l.ask("a", 2)
	l.tell(parked, "a", store.Waited, store.Facts{Reason: "ClusterNotReady", Message: "The cluster is being built."})
	later := time.Now().Add(time.Minute)
	l.tell(due, "a", store.AttemptStarted, store.Facts{Attempt: 1})
	l.tell(due, "a", store.RetryScheduled, store.Facts{Reason: "ClusterBusy", Message: "The cluster is busy.", NotBefore: &later})
	for id, want := range map[store.ID]query.Line{
		parked: {Why: "The cluster is being built."}, due: {Why: "The cluster is busy."},
		free: {Place: 1, Of: 1, Why: "It is begun with the next slot that is free."},
	} {
		if diff := cmp.Diff(want, l.where(id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	l.tell(free, "a", store.DeleteCommand, store.Facts{})
	if len(orderOf(l.in(hall{hand: store.Provisioner, cluster: store.DefaultCluster}))) != 0 {
		t.Error("a store that is to be deleted still waits to be made")
	}
	if shown := l.where(free); shown.Place != 1 || shown.Of != 1 {
		t.Errorf("its deletion is told %+v", shown)
	}
}

// The order of ten thousand is made anew now and then, and not for each who asks. Who has come since is told no place of it.
func TestAnOrderIsKeptForAMoment(t *testing.T) {
	l := newTeller(t)
	l.ask("a", 0)
	second := l.ask("a", 1)
	l.apart = time.Hour
	if shown := l.where(second); shown.Place != 2 {
		t.Fatalf("the second is told %+v", shown)
	}
	third := l.ask("a", 2)
	if shown := l.where(third); shown.Place != 0 || shown.Of != 0 || shown.Why == "" {
		t.Errorf("who has just come is told %+v", shown)
	}
	if shown := l.where(second); shown.Place != 2 || shown.Of != 2 {
		t.Errorf("who was there is told %+v", shown)
	}
	l.apart = 0
	if shown := l.where(third); shown.Place != 3 || shown.Of != 3 {
		t.Errorf("a moment later it is told %+v", shown)
	}
}

func TestWhoMayNotKnowAPlaceIsToldNone(t *testing.T) {
	l := newTeller(t)
	id := l.ask("a", 0)
	for scope, n := range map[query.Scope]int{query.All(): 1, query.Of("a"): 1, query.Of("b"): 0, {}: 0} {
		reply, err := l.Answer(t.Context(), query.LineRequest{Scope: scope, Stores: []store.ID{id, "sunknownaaaa"}})
		if err != nil || len(reply.Lines) != n {
			t.Errorf("%v is told %v, %v", scope, reply.Lines, err)
		}
	}
	for code, r := range map[string]query.LineRequest{
		question.OtherLog: {Scope: query.All(), Log: "another"}, question.Invalid: {Scope: query.All(), Stores: make([]store.ID, most+1)},
	} {
		var refusal *question.Refusal
		if _, err := l.Answer(t.Context(), r); !errors.As(err, &refusal) || refusal.Code != code {
			t.Errorf("want %s: %v", code, err)
		}
	}
	l.Begin("epoch")
	var refusal *question.Refusal
	if _, err := l.Answer(t.Context(), query.LineRequest{Scope: query.All()}); !errors.As(err, &refusal) || refusal.Code != question.Unavailable {
		t.Errorf("while the past is read: %v", err)
	}
}

// A replica that has just started says what one says that has heard all of it, whatever comes while it reads.
func TestWhoStartsKnowsWhatOthersHaveHeard(t *testing.T) {
	nc := bustest.Start(t)
	author := logtest.New(t, nc, 7)
	author.Write(t.Context(), 600, 4, 10)
	head, err := author.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	author.Write(t.Context(), 200, 4, 10)
	old, fresh := New(), New()
	old.Begin(author.Log.Epoch())
	old.Read(t.Context(), author.Log, 0)
	fresh.Begin(author.Log.Epoch())
	end, err := author.Log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithCancel(t.Context())
	_ = author.Log.Tail(ctx, 0, func(raw storelog.Raw) error {
		if entry, err := raw.Entry(); err == nil {
			old.Hear(raw.Time, entry)
			if raw.Seq > head {
				fresh.Hear(raw.Time, entry)
			}
		}
		if raw.Seq >= end {
			done()
		}
		return nil
	})
	fresh.Read(t.Context(), author.Log, head)
	request := query.LineRequest{Scope: query.All()}
	for tenant := range 4 {
		for n := range 10 {
			request.Stores = append(request.Stores, logtest.Store(logtest.Tenant(tenant), n))
		}
	}
	want, err := old.Answer(t.Context(), request)
	if err != nil || len(want.Lines) < 5 {
		t.Fatalf("%d are in flight, %v", len(want.Lines), err)
	}
	have, err := fresh.Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	untimed := cmp.Transformer("untimed", func(p query.Placed) query.Placed { p.ETA = nil; return p })
	if diff := cmp.Diff(want, have, untimed); diff != "" {
		t.Errorf("(-heard +read):\n%s", diff)
	}
}
