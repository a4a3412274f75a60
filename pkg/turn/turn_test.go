package turn

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/store"
)

var now = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// hall is a line with the log that fills it.
type hall struct {
	*Line
	states map[store.ID]store.State
	seq    uint64
}

func newHall() *hall { return &hall{Line: New(store.Provisioner), states: map[store.ID]store.State{}} }

// tell appends a message about a store and returns its sequence.
func (h *hall) tell(id store.ID, tenant string, what store.Type, facts store.Facts) uint64 {
	h.seq++
	before := h.states[id]
	m := store.Message{Type: what, Store: id, Tenant: tenant, Seq: h.seq, Facts: facts, Time: now, Generation: before.Generation}
	h.states[id] = store.Evolve(before, m)
	h.Hear(m, h.states[id])
	return h.seq
}

func (h *hall) ask(tenant string, n int) store.ID {
	id := store.DeriveID(tenant, fmt.Sprint(n))
	h.tell(id, tenant, store.CreateCommand, store.Facts{Spec: &store.Spec{Engine: "sample", Version: "1"}})
	return id
}

// next is whose turn it is.
func (h *hall) next(lane Lane) store.ID {
	generation, _ := h.First(lane, now)
	for id, s := range h.states {
		if s.Generation == generation && generation != 0 {
			return id
		}
	}
	return ""
}

func (h *hall) order(lane Lane, at time.Time) []store.ID {
	waiting := h.Queue(lane, at)
	return waiting.Order()
}

func (h *hall) begin(id store.ID) {
	h.tell(id, h.states[id].Tenant, store.AttemptStarted, store.Facts{Attempt: 1})
}

func (h *hall) end(id store.ID) {
	h.tell(id, h.states[id].Tenant, store.BecameReady, store.Facts{URL: "http://shop"})
}

func TestWhoComesWithOneWaitsBehindNoneOfThreeHundred(t *testing.T) {
	h := newHall()
	var many []store.ID
	for i := range 300 {
		many = append(many, h.ask("many", i))
	}
	for _, id := range many[:8] {
		if next := h.next(All); next != id {
			t.Fatalf("%s is next, want %s: first come, first served", next, id)
		}
		h.begin(id)
	}
	one := h.ask("one", 0)
	if next := h.next(All); next != one {
		t.Errorf("%s is next, want the one", next)
	}
	if order := h.order(All, now); len(order) != 293 || order[0] != one || order[1] != many[8] || order[292] != many[299] {
		t.Errorf("the order is %v", order)
	}
	h.begin(one)
	if next := h.next(All); next != many[8] {
		t.Errorf("%s is next, want the ninth: nobody else waits", next)
	}
}

// With fewer slots than tenants nobody has more than one, and only the memory of who was served tells whose turn it is.
func TestOneSlotGoesRoundAmongAll(t *testing.T) {
	h := newHall()
	asked := map[string]int{}
	ask := func(tenant string) { h.ask(tenant, asked[tenant]); asked[tenant]++ }
	for range 50 {
		ask("many")
	}
	var served []string
	for range 30 {
		// Two come back as soon as they were served, and have nothing in the line meanwhile.
		for _, tenant := range []string{"one", "other"} {
			if h.tenants[tenant] == nil {
				ask(tenant)
			}
		}
		id := h.next(All)
		served = append(served, h.states[id].Tenant)
		h.begin(id)
		h.end(id)
	}
	for i := 3; i < len(served); i++ {
		if served[i] != served[i-3] {
			t.Fatalf("served in the order %v", served)
		}
	}
}

func TestWhatCannotBeBegunIsInNobodysWay(t *testing.T) {
	h := newHall()
	waits, second, tried := h.ask("waits", 0), h.ask("waits", 1), h.ask("tried", 0)
	due := now.Add(time.Minute)
	h.begin(tried)
	h.tell(tried, "tried", store.RetryScheduled, store.Facts{NotBefore: &due})
	h.Park(waits, "ClusterNotReady")
	h.Park(second, "ClusterNotReady")
	many := h.ask("many", 0)
	if next := h.next(All); next != many {
		t.Errorf("%s is next, want what has nothing to wait for", next)
	}
	if order := h.order(All, due); !slices.Equal(order, []store.ID{many, tried}) {
		t.Errorf("when another try is due, the order is %v: who was served comes behind who wasn't", order)
	}
	h.Come(second)
	if order := h.order(All, now); !slices.Equal(order, []store.ID{waits, many, second}) {
		t.Errorf("the cluster has come: %v", order)
	}
	h.Pass(waits, h.states[waits].Generation, due)
	h.Pass(second, h.states[second].Generation, due)
	if next := h.next(All); next != many {
		t.Errorf("%s is next, want %s: the others were passed over", next, many)
	}
	h.tell(waits, "waits", store.AttemptStarted, store.Facts{Attempt: 1})
	h.tell(waits, "waits", store.AttemptYielded, store.Facts{})
	if order := h.order(All, now); !slices.Equal(order, []store.ID{many, waits}) {
		t.Errorf("something was told of the first that was passed over: %v", order)
	}
}

// What is said of a command that another has overtaken isn't meant for the other.
func TestANewerCommandIsInTheLineWhateverBecomesOfTheOneBefore(t *testing.T) {
	h := newHall()
	id := h.ask("one", 0)
	before := h.states[id].Generation
	h.Hold(id, before)
	h.tell(id, "one", store.RetryCommand, store.Facts{})
	h.Hold(id, before)
	if next := h.next(All); next != id {
		t.Errorf("%s is next, want %s", next, id)
	}
	h.Release(id, before)
	h.Pass(id, before, now.Add(time.Minute))
	if next := h.next(All); next != id {
		t.Errorf("%s is next, want %s: what was passed over is the command before", next, id)
	}
}

func TestStoresThatStandHaveALineOfTheirOwn(t *testing.T) {
	h := newHall()
	stands := h.ask("many", 0)
	h.begin(stands)
	h.end(stands)
	for i := range 5 {
		h.begin(h.ask("many", i+1))
	}
	create := h.ask("one", 0)
	h.tell(stands, "many", store.MendCommand, store.Facts{Reason: "Changed"})
	if next := h.next(Standing); next != stands {
		t.Errorf("by the lane of what stands %q is next", next)
	}
	if next := h.next(All); next != create {
		t.Errorf("by the first lane %q is next", next)
	}
}

// A worker's death leaves attempts under way, as far as the log knows. Those that are tried alone would keep their tenant from
// all slots for as long as that takes.
func TestSuspectsAreNoShareOfTheSlots(t *testing.T) {
	h := newHall()
	for i := range 4 {
		id := h.ask("crashed", i)
		for range 3 {
			h.begin(id)
		}
	}
	waits := h.ask("crashed", 9)
	busy := h.ask("busy", 0)
	h.begin(busy)
	h.ask("busy", 1)
	if next := h.next(All); next != waits {
		t.Errorf("%s is next, want the tenant's of whom nothing is worked on", next)
	}
}

// Whatever comes, is begun and ends: who takes the first gets what the order says; nobody is begun of whose tenant more is worked
// on than of another's that waits; and none of whose tenant nothing is worked on sees another begin twice.
func TestNoTenantWaitsBehindAnothersShare(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHall()
		running := map[string][]store.ID{}
		since := map[string]map[string]int{} // who waits with nothing worked on, and who was begun meanwhile
		for n := range rapid.IntRange(1, 120).Draw(r, "acts") {
			switch rapid.IntRange(0, 3).Draw(r, "act") {
			case 0:
				tenant := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "tenant")
				for i := range rapid.IntRange(1, 6).Draw(r, "many") {
					h.ask(tenant, n*10+i)
				}
			case 1:
				if len(running) == 0 {
					continue
				}
				tenant := rapid.SampledFrom(slices.Sorted(maps.Keys(running))).Draw(r, "ends")
				h.end(running[tenant][0])
				if running[tenant] = running[tenant][1:]; len(running[tenant]) == 0 {
					delete(running, tenant)
				}
			default:
				began(r, h, running, since)
			}
			for tenant := range h.tenants {
				if h.tenants[tenant].first(All, now) != nil && len(running[tenant]) == 0 && since[tenant] == nil {
					since[tenant] = map[string]int{}
				}
			}
		}
	})
}

func began(r *rapid.T, h *hall, running map[string][]store.ID, since map[string]map[string]int) {
	id := h.next(All)
	order := h.order(All, now)
	if id == "" {
		if len(order) != 0 {
			r.Fatalf("nobody's turn, and %v wait", order)
		}
		return
	}
	tenant := h.states[id].Tenant
	if order[0] != id {
		r.Fatalf("%s is next, the order says %s", id, order[0])
	}
	for other, t := range h.tenants {
		if t.first(All, now) != nil && len(running[other]) < len(running[tenant]) {
			r.Fatalf("%s has %d and gets one more, %s has %d", tenant, len(running[tenant]), other, len(running[other]))
		}
	}
	h.begin(id)
	running[tenant] = append(running[tenant], id)
	delete(since, tenant)
	for waiting, begun := range since {
		if begun[tenant]++; begun[tenant] > 1 {
			r.Fatalf("%s was begun twice while %s had nothing", tenant, waiting)
		}
	}
	if left := h.order(All, now); !slices.Equal(left, order[1:]) {
		r.Fatalf("of %v the first was begun, and the rest is %v", order, left)
	}
}

// Each hears of its own beginnings before the log tells of them. When all have heard the same, none waits for what another holds to be
// later.
func TestAllWhoHeardTheSameAgreeWhoseTurnItIs(t *testing.T) {
	h, other := newHall(), New(store.Provisioner)
	hear := func(id store.ID, tenant string, what store.Type, facts store.Facts) {
		h.tell(id, tenant, what, facts)
		other.Hear(store.Message{Type: what, Seq: h.seq, Facts: facts, Generation: h.states[id].Generation}, h.states[id])
	}
	ask := func(tenant string, n int) store.ID {
		id := store.DeriveID(tenant, fmt.Sprint(n))
		hear(id, tenant, store.CreateCommand, store.Facts{Spec: &store.Spec{Engine: "sample", Version: "1"}})
		return id
	}
	a, b := ask("a", 0), ask("b", 0)
	ask("a", 1)
	ask("b", 1)
	h.Hold(a, h.states[a].Generation)
	other.Hold(b, h.states[b].Generation)
	if first, of := h.First(All, now); of != "b" {
		t.Errorf("who begins a's says that next is %d of %s", first, of)
	}
	hear(b, "b", store.AttemptStarted, store.Facts{Attempt: 1})
	if first, of := h.First(All, now); of != "b" {
		t.Errorf("who begins a's, behind b's, says that next is %d of %s", first, of)
	}
	hear(a, "a", store.AttemptStarted, store.Facts{Attempt: 1})
	h.Release(a, h.states[a].Generation)
	other.Release(b, h.states[b].Generation)
	for _, line := range []*Line{h.Line, other} {
		if first, of := line.First(All, now); of != "b" {
			t.Errorf("next is %d of %s, want b's, which was served first", first, of)
		}
	}
	// One may know of its own attempt's end before it hears that it was begun.
	due := now.Add(time.Minute)
	hear(a, "a", store.RetryScheduled, store.Facts{NotBefore: &due})
	ended := store.Evolve(h.states[b], store.Message{Type: store.RetryScheduled, Store: b, Seq: h.seq + 9, Generation: h.states[b].Generation, Facts: store.Facts{NotBefore: &due}})
	h.Put(ended)
	hear(b, "b", store.AttemptStarted, store.Facts{Attempt: 2})
	other.Put(ended)
	for _, line := range []*Line{h.Line, other} {
		if first, of := line.First(All, now); of != "a" {
			t.Errorf("next is %d of %s, want a's, as b was served once more", first, of)
		}
	}
}

// Who was served is remembered of a bounded number of tenants that have nothing in the line.
func TestWhoWasServedIsForgottenInTime(t *testing.T) {
	h := newHall()
	for i := range 3 * remembered {
		id := h.ask(fmt.Sprint("tenant", i), 0)
		h.begin(id)
		h.end(id)
	}
	if len(h.served) > remembered+1 || len(h.tenants) != 0 || len(h.at) != 0 {
		t.Errorf("%d tenants are remembered, %d and %d commands in the line", len(h.served), len(h.tenants), len(h.at))
	}
}
