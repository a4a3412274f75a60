package work

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
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
// A turn is nothing to wait for. Where nothing was begun or ended for a second and a slot is free, all is passed over that doesn't
// rest with this process: it isn't at the broker, but in a dead worker's memory, or in front of a lease. In a long line some come to look
// all the time; by one that does only what was delivered before is passed over, since the broker may be on the way to the rest. What was under
// way when its worker died goes on whoever's turn it is, or its tenant would be taken to have slots in use until others are
// done.
//
// A process of the release before knows none of this. It takes what comes, so beside it the line is as fair as the others' part of the slots.
type turns struct {
	timing  *timing
	resting *resting
	// known is called when the log was heard to its end.
	known   func()
	isKnown chan struct{}

	mu   sync.Mutex
	line *turn.Line
	// moved is when something was begun or ended by each lane, and seen the newest command that has come by it: all that are older
	// have been delivered to somebody.
	moved map[turn.Lane]time.Time
	seen  map[turn.Lane]uint64
}

// lookBack is how much of the log a worker reads at its start to know who waits. What was asked for before and still waits is
// in nobody's way until it is delivered.
const lookBack = 10_000

func newTurns(hand string, timing *timing, rest *resting) *turns {
	known := make(chan struct{})
	return &turns{
		timing: timing, resting: rest, line: turn.New(store.Hand(hand)), moved: map[turn.Lane]time.Time{}, seen: map[turn.Lane]uint64{},
		isKnown: known, known: sync.OnceFunc(func() { close(known) }),
	}
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

// follow hears the log of one cluster, from its oldest unsettled command on, until ctx ends.
func (t *turns) follow(ctx context.Context, log *storelog.Log, cfg Config) {
	pauses := again.Pauses{First: time.Second, Longest: 5 * time.Second, Tell: func(err error) {
		slog.Warn("who waits isn't known, commands are begun as they come", "error", err)
	}}
	after, err := again.Until(ctx, pauses, func() (uint64, error) {
		settled, err := log.Settled(ctx, storelog.Durable(cfg.Name, cfg.Cluster))
		if err != nil {
			return 0, err
		}
		head, err := log.Head(ctx)
		if err == nil && settled >= head {
			t.known()
		}
		return max(settled, head-min(head, lookBack)), err
	})
	if err != nil {
		return
	}
	_ = log.TailOf(ctx, cfg.Cluster, after, func(raw storelog.Raw) error {
		t.hear(raw)
		if raw.Pending == 0 {
			t.known()
		}
		return nil
	})
}

func (t *turns) hear(raw storelog.Raw) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if entry, err := raw.Entry(); err == nil {
		t.line.Put(entry.State)
		if entry.Message.Type == store.Waited && entry.Message.Generation == entry.State.Generation {
			t.line.Park(entry.State.ID, entry.Message.Facts.Reason)
		}
	} else if id, err := storelog.StoreOf(raw.Subject); err == nil {
		t.line.Drop(id) // nobody of this release begins it
	}
	t.call(time.Now())
}

// begin says whether the job's command may be begun, which nothing else keeps from it. Where it may, end is called when that is over.
func (t *turns) begin(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.line.Put(j.state)
	t.line.Come(j.id)
	t.seen[j.lane] = max(t.seen[j.lane], j.generation)
	if !j.state.Working {
		if !t.isNext(j, now) && !t.isNextOfThoseThatCome(j, now) {
			return false
		}
		t.moved[j.lane] = now
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
	if now.Sub(t.moved[j.lane]) < t.timing.idle {
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
	t.line.Put(j.state)
	t.line.Release(j.id, j.generation)
	t.line.Pass(j.id, j.generation, now.Add(t.timing.ackWait))
	if j.held != nil {
		t.moved[j.lane] = now
	}
	t.call(now)
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
	if now.Sub(t.moved[lane]) < t.timing.idle {
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
