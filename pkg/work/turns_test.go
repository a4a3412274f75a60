package work

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/turn"
)

// ask asks for a tenant's store.
func (b *testBench) ask(tenant string, n int) store.State {
	b.t.Helper()
	after, err := b.log.Update(b.t.Context(), store.DeriveID(tenant, fmt.Sprint(n)), func(s store.State) (*store.Message, error) {
		if err := store.Admit(s, store.Create); err != nil {
			return nil, err
		}
		return &store.Message{Type: store.CreateCommand, Tenant: tenant, Actor: tenant, Time: time.Now()}, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return after
}

// slow is a hand whose only step says that it was begun and ends when it may.
type slow struct {
	*hand
	entered chan store.ID
	may     chan struct{}
}

func slowHand() *slow {
	s := &slow{hand: provisioner(), entered: make(chan store.ID, 1000), may: make(chan struct{}, 1000)}
	s.stepsFor = func(of store.State) []Step {
		return []Step{step("release", func(ctx context.Context) error {
			s.entered <- of.ID
			select {
			case <-s.may:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})}
	}
	return s
}

func (s *slow) end(n int) {
	for range n {
		s.may <- struct{}{}
	}
}

// begun are the tenants of whose stores something was begun behind a message of the log, and the generations, in their order.
func begun(history []storelog.Entry, after uint64) (tenants []string, generations []uint64) {
	for _, e := range history {
		if e.Message.Type == store.AttemptStarted && e.Message.Seq > after {
			tenants, generations = append(tenants, e.Message.Tenant), append(generations, e.Message.Generation)
		}
	}
	return tenants, generations
}

// awaitReady waits until so many stores are.
func (b *testBench) awaitReady(n int) []storelog.Entry {
	b.t.Helper()
	ready := map[store.ID]bool{}
	return b.await(func(e storelog.Entry) bool {
		if e.State.Status == store.Ready {
			ready[e.State.ID] = true
		}
		return len(ready) == n
	})
}

// inTheirOrder says whether a tenant's stores were begun as they were asked for, but for so many that are begun at once.
func inTheirOrder(generations []uint64, atOnce int) bool {
	for i, g := range generations {
		later := 0
		for _, before := range generations[:i] {
			if before > g {
				later++
			}
		}
		if later >= atOnce {
			return false
		}
	}
	return true
}

// No pause ends in this test: whoever was turned away is woken when its turn has come.
func TestATenantsOneStoreIsBegunNextAmongAnothersThreeHundred(t *testing.T) {
	b := setup(t)
	const many, slots = 300, 8
	h := slowHand()
	b.startBy(forever(), h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: slots})
	for i := range many {
		b.ask("many", i)
	}
	for range slots {
		<-h.entered // one tenant alone has all of them
	}
	one := b.ask("one", 0)
	h.end(1)
	if next := <-h.entered; next != one.ID {
		t.Errorf("%s was begun next, want %s", next, one.ID)
	}
	h.end(many)
	history := b.awaitReady(many + 1)
	tenants, generations := begun(history, one.Generation)
	if len(tenants) == 0 || tenants[0] != "one" {
		t.Errorf("behind the command came %v", tenants)
	}
	if !inTheirOrder(generations[1:], slots) {
		t.Errorf("one tenant's stores were begun in the order %v", generations)
	}
	for _, e := range history {
		if e.State.Attempt > 1 || e.Message.Type == store.Waited {
			t.Fatalf("to wait for one's turn costs an attempt or a word: %s of %s", e.Message.Type, e.Message.Store)
		}
	}
}

// Three tenants with many each and three processes of one slot: whoever has least is next, wherever what is next rests. Nobody is passed
// over here: none waits for what rests with another.
func TestManyProcessesOfOneSlotShareThemOut(t *testing.T) {
	b := setup(t)
	const many, processes = 40, 3
	h := slowHand()
	tenants := []string{"a", "b", "c"}
	last := uint64(0)
	for _, tenant := range tenants {
		for i := range many {
			last = b.ask(tenant, i).Generation
		}
	}
	for i := range processes {
		b.startBy(forever(), h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 1, Holder: fmt.Sprint(i)})
	}
	h.end(len(tenants) * many)
	order, _ := begun(b.awaitReady(len(tenants)*many), last)
	for i := range order {
		// Each of the others may begin one more before it hears of the first.
		had := map[string]int{}
		for _, tenant := range order[:i] {
			had[tenant]++
		}
		for _, tenant := range tenants {
			if had[tenant] < many && had[tenant]+2*processes < had[order[i]] {
				t.Fatalf("%s is begun for the %dth time, %s was %d times: %v", order[i], had[order[i]]+1, tenant, had[tenant], order[:i+1])
			}
		}
	}
}

// What waits for a cluster is told so, and is in nobody's way; when the cluster has come, it is one tenant's turn after the other's.
func TestWhoWaitsForTheClusterIsInNobodysWay(t *testing.T) {
	b := setup(t)
	up := make(chan struct{})
	h := slowHand()
	h.availableFor = func(s store.State) error {
		if s.Tenant != "free" && !over(up) {
			return noCluster(up)
		}
		return nil
	}
	const many = 12
	for i := range many {
		b.ask("many", i)
	}
	one := b.ask("one", 0)
	b.startBy(forever(), h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 2})
	waiting := map[store.ID]bool{}
	b.await(func(e storelog.Entry) bool {
		if e.Message.Type == store.Waited {
			waiting[e.Message.Store] = true
		}
		return len(waiting) == many+1
	})
	for i := range 4 {
		b.ask("free", i)
	}
	h.end(4)
	b.awaitReady(4)
	for range 4 {
		<-h.entered
	}
	close(up)
	if a, b := <-h.entered, <-h.entered; a != one.ID && b != one.ID {
		t.Errorf("%s and %s were begun first, and not the other tenant's one", a, b)
	}
	h.end(many + 1)
	b.awaitReady(many + 5)
}

// A delete of what waits in the line has nothing to wait for.
func TestADeleteWaitsForNobodysTurn(t *testing.T) {
	b := setup(t)
	h := slowHand()
	b.startBy(forever(), h, Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 2})
	b.start(&hand{steps: []Step{step("namespace", succeed)}, terminal: store.BecameDeleted}, Config{Name: "janitor", Commands: storelog.DeleteCommands})
	many := b.ask("many", 0)
	b.ask("many", 1)
	<-h.entered
	<-h.entered
	rests := b.ask("many", 2)
	b.ask("one", 0)
	h.end(1)
	<-h.entered // the other tenant's
	b.commandFor(rests.ID, store.Delete)
	b.await(func(e storelog.Entry) bool {
		return e.Message.Store == rests.ID && e.Message.Type == store.BecameDeleted
	})
	h.end(2)
	b.awaitReady(3)
	if state, err := b.log.Last(t.Context(), many.ID); err != nil || state.Attempt != 1 {
		t.Errorf("the first is %+v, %v", state, err)
	}
}

// taken takes a command as a worker does that dies with it.
func (b *testBench) taken(w *Worker) {
	b.t.Helper()
	consumer, err := w.lanes()[0].consumer(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(patience))
	if err != nil {
		b.t.Fatal(err)
	}
	for range batch.Messages() {
	}
}

// The command whose turn it is was delivered to a worker that died. Who has a slot free asks for it, and it has its turn.
func TestATurnIsKeptWhenItsWorkerDies(t *testing.T) {
	often := quick
	often.waitFirst, often.waitAtMost = 5*time.Millisecond, 10*time.Millisecond
	rest := forever()
	rest.idle = quick.idle
	for _, slots := range []int{1, 4} {
		t.Run(fmt.Sprintf("while the others rest, %d slots", slots), func(t *testing.T) { keptByTheDead(t, rest, slots) })
		t.Run(fmt.Sprintf("while the others look all the time, %d slots", slots), func(t *testing.T) { keptByTheDead(t, often, slots) })
	}
}

func keptByTheDead(t *testing.T, pauses timing, slots int) {
	b := setup(t)
	h := slowHand()
	// In a second they look some hundred times. Who looks so often in vain looks for ever.
	const inVain = 5000
	var looks atomic.Int64
	forEver := make(chan struct{})
	h.availableFor = func(store.State) error {
		if looks.Add(1) == inVain {
			close(forEver)
		}
		return nil
	}
	pauses.ackWait, pauses.named = time.Hour, time.Hour // it isn't passed over
	w := b.worker(pauses, h, Config{Slots: slots})
	dead := b.ask("dead", 0)
	b.taken(w)
	b.run(w)
	for i := range 3 {
		b.ask("many", i)
	}
	h.end(4)
	for i := range 4 {
		select {
		case id := <-h.entered:
			if i == 0 && id != dead.ID {
				t.Errorf("%s was begun before what the dead worker had in its hand", id)
			}
		case <-forEver:
			t.Fatalf("after %d looks the turn is still the dead worker's", inVain)
		}
	}
	b.awaitReady(4)
}

// created is a delivery of a create that nobody has begun.
func created(tenant string, seq uint64) *job {
	s := store.Evolve(store.State{}, store.Message{
		Type: store.CreateCommand, Store: store.DeriveID(tenant, fmt.Sprint(seq)), Tenant: tenant, Seq: seq, Time: time.Now(),
	})
	return &job{id: s.ID, generation: seq, state: s, lane: turn.All}
}

// What the broker may be about to deliver isn't passed over by who comes to look, nor what was turned away and doesn't rest yet.
func TestOnlyWhatWasDeliveredIsPassedOver(t *testing.T) {
	timing := production
	timing.idle, timing.named = 0, 0
	turns := newTurns("provisioner", &timing, newResting(bustest.Start(t)))
	first, second, undelivered := created("many", 1), created("many", 2), created("one", 3)
	if !turns.begin(first) {
		t.Fatal("the first isn't begun")
	}
	turns.line.Put(undelivered.state)
	if turns.begin(second) {
		t.Error("what wasn't delivered yet was passed over")
	}
	turns.passOver(turn.All, time.Now(), 3)
	turns.rests(undelivered.id)
	if next, _ := turns.line.First(turn.All, time.Now()); next != undelivered.generation {
		t.Errorf("next is %d: what rests was passed over", next)
	}
}

// What the log says while a process has it in hand already isn't begun a second time, and what comes back without having been begun is
// in nobody's way.
func TestATurnIsGivenUpWithItsSlot(t *testing.T) {
	timing := production
	turns := newTurns("provisioner", &timing, newResting(bustest.Start(t)))
	other, first, second := created("one", 1), created("many", 2), created("many", 3)
	turns.line.Put(first.state)
	if !turns.begin(other) || !turns.begin(first) {
		t.Fatal("the first is begun, then the other tenant's")
	}
	turns.end(first)
	turns.end(other)
	if !turns.begin(second) {
		t.Error("the second waits for what was to be begun and wasn't")
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { turns.begin(first); turns.end(first) })
	}
	group.Wait()
}
