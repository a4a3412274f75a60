package work

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/turn"
)

// turns has this process begin commands in their turn (package turn), as far as it can know whose turn it is.
//
// Every worker hears the log and makes the line of it for itself. Nobody is asked before an attempt, so nobody's absence
// keeps anything from being begun; what one process is about to begin, the others hear some milliseconds later, and until
// then may begin one more of the same tenant than is its share.
//
// The broker delivers in the order of the log, and knows no tenants: to find who waits behind three hundred of another's, those
// have to be delivered first. So a command that comes out of its turn rests, without an attempt and without a word on the
// log, and the next is fetched, a millisecond each and once in a while. When its turn comes whoever told it to rest has it
// delivered again. One at a time: a whole tenant's would be turned away again by the next tenant that comes. Its pause, for when
// nobody wakes it, is by its place, so that ten thousand that wait look no more often than those that wait for a cluster.
//
// So that none waits for what rests with another, all have the same order as soon as they have heard the same; and what a process
// has written itself it has heard before it begins anything more, so that each slot begins one out of turn at most.
//
// A turn is nothing to wait for. Where nothing was begun or ended for a second and a slot is free, whose turn it is is asked of the broker by name: it
// was in the hand of a worker that died, or was told to rest by one, and keeps its turn. After another second all is passed over that doesn't
// rest with this process: it isn't at the broker, or in front of a lease. In a long line some come to look
// all the time; by one that does only what was delivered before is passed over, since the broker may be on the way to the rest. What was under
// way when its worker died goes on whoever's turn it is, or its tenant would be taken to have slots in use until others are
// done.
//
// A process of the release before knows none of this. It takes what comes, so beside it the line is as fair as the others' part of the slots.
type turns struct {
	timing  *timing
	resting *resting
	hand    store.Hand
	// known is called when the log was heard to its end.
	known   func()
	isKnown chan struct{}

	// wanted are asked of the broker by name.
	wanted chan wanted

	mu   sync.Mutex
	line *turn.Line
	hearing
	// moved is when something was begun or ended by each lane, and seen the newest command that has come by it: all that are older
	// have been delivered to somebody. sought is what was asked for by name since something was begun.
	moved        map[turn.Lane]time.Time
	seen, sought map[turn.Lane]uint64
}

func newTurns(hand string, timing *timing, rest *resting) *turns {
	t := &turns{
		timing: timing, resting: rest, hand: store.Hand(hand), isKnown: make(chan struct{}), wanted: make(chan wanted, 2),
		hearing: hearing{news: make(chan struct{})},
	}
	t.known = sync.OnceFunc(func() { close(t.isKnown) })
	t.renew()
	return t
}

// renew begins with an empty line.
func (t *turns) renew() {
	t.line = turn.New(t.hand)
	t.moved, t.seen, t.sought = map[turn.Lane]time.Time{}, map[turn.Lane]uint64{}, map[turn.Lane]uint64{}
}

// await waits until it is known who waits, but not for long: a process that has just started has all of its slots free, and may else
// fill them with the first tenant's.
func (t *turns) await(ctx context.Context) {
	select {
	case <-t.isKnown:
	case <-time.After(t.timing.heartbeat):
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moved[turn.All], t.moved[turn.Standing] = time.Now(), time.Now()
}

// queue is a tenant's part of the line.
type queue struct {
	lane   turn.Lane
	tenant string
}

// begin says whether the job's command may be begun, which nothing else keeps from it. Where it may, end is called when that is over.
func (t *turns) begin(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	j.line = t.line
	t.line.Put(j.state)
	t.line.Come(j.id)
	t.seen[j.lane] = max(t.seen[j.lane], j.generation)
	if !j.state.Working {
		if !t.isNext(j, now) && !t.isNextOfThoseThatCome(j, now) {
			return false
		}
		t.moved[j.lane] = now
		delete(t.sought, j.lane)
	}
	t.line.Hold(j.id, j.generation)
	t.call(now)
	return true
}

func (t *turns) isNext(j *job, now time.Time) bool {
	first, of := t.line.First(j.lane, now)
	// Of its own tenant's those go first that this process has told to rest: the order among all that come is the broker's.
	return of == "" || first == j.generation || of == j.state.Tenant && !t.resting.before(*j.queue(), j.generation)
}

// isNextOfThoseThatCome passes over what nobody has taken for a while.
func (t *turns) isNextOfThoseThatCome(j *job, now time.Time) bool {
	if !t.stands(j.lane, now) || t.seek(j.lane, now) {
		return false
	}
	t.passOver(j.lane, now, t.seen[j.lane])
	t.line.Come(j.id) // it doesn't rest
	if t.isNext(j, now) {
		return true
	}
	t.call(now)
	return false
}

// stands says that nothing has moved for too long.
func (t *turns) stands(lane turn.Lane, now time.Time) bool {
	atMost := t.timing.idle
	if t.sought[lane] != 0 {
		atMost = t.timing.named
	}
	return now.Sub(t.moved[lane]) >= atMost
}

// wanted is a command that was delivered to somebody, and by which way.
type wanted struct {
	lane       turn.Lane
	generation uint64
}

// seek has the broker asked by name for whose turn it is, once, and says whether it is. What rests here was called.
func (t *turns) seek(lane turn.Lane, now time.Time) bool {
	first, of := t.line.First(lane, now)
	if of == "" || t.sought[lane] == first || t.resting.inLine(queue{lane, of}, first) {
		return false
	}
	select {
	case t.wanted <- wanted{lane, first}:
	default:
		return false // the broker doesn't answer
	}
	t.sought[lane], t.moved[lane] = first, now
	return true
}

// passOver passes over what doesn't rest here, up to the newest.
func (t *turns) passOver(lane turn.Lane, now time.Time, newest uint64) {
	t.moved[lane] = now
	t.line.PassOver(lane, now, now.Add(t.timing.ackWait), func(of string, generation uint64) bool {
		return generation > newest || t.resting.inLine(queue{lane, of}, generation)
	})
}

// end gives up the slot. What comes back without having been begun isn't waited for: whatever is in its way isn't the line.
func (t *turns) end(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if j.line == t.line { // else what it knows is of another log
		t.told = max(t.told, j.state.Version)
		t.line.Put(j.state)
		t.line.Release(j.id, j.generation)
		t.line.Pass(j.id, j.generation, now.Add(t.timing.ackWait))
	}
	if j.held != nil {
		t.moved[j.lane] = now
	}
	t.call(now)
}

// settled: nothing of it waits, whatever was read of it last.
func (t *turns) settled(s store.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.Put(s)
	t.call(time.Now())
}

// park: it waits for something beside a slot, which may have been told long ago.
func (t *turns) park(s store.State, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.Put(s)
	t.line.Park(s.ID, reason)
	t.call(time.Now())
}

// pause is how long a command rests that isn't woken.
func (t *turns) pause(id store.ID) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.timing.linePause(t.line.About(id))
}

// rests is told when a delivery rests: its turn may have come meanwhile, or been passed over.
func (t *turns) rests(id store.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.Come(id)
	t.call(time.Now())
}

// idle is told when a slot was free for a while and nothing was delivered.
func (t *turns) idle(lane turn.Lane) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if !t.stands(lane, now) || t.seek(lane, now) {
		return
	}
	t.passOver(lane, now, math.MaxUint64)
	t.call(now)
}

// call has delivered again whose turn it is, where it rests with this process.
func (t *turns) call(now time.Time) {
	for _, lane := range []turn.Lane{turn.All, turn.Standing} {
		if first, of := t.line.First(lane, now); of != "" {
			t.resting.called(queue{lane, of}, first)
		}
	}
}
