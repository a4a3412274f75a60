package work

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// answers is where deliveries are answered.
	answers = "$JS.ACK."
	// refusal is what the broker knows as a Nak: of a delivery that rests, the client's own says no second one.
	refusal = "-NAK"
)

// resting are the deliveries that this process has asked the broker to make again later. They rest at the broker, which
// needs nothing from anybody meanwhile: ten thousand commands that wait cost it one delivery each in two minutes.
//
// What is remembered here is only how to have one earlier. To a delivery that rests a second refusal may be said, without a
// pause this time, and the broker makes it again at once, to whoever has a slot free. So a command is woken when what it
// waits for has come, and when a newer one for its store has. A wake that gets lost, and those of a process that was
// killed, are made up for by the pause's end, which is why none is longer than three minutes, whatever is waited for.
//
// The broker doesn't ask of which delivery a refusal is. So nothing is remembered beyond its pause: by then the command
// may be worked on by somebody else, and would be delivered a second time. That does no harm, the lease keeps the two apart.
type resting struct {
	nc *nats.Conn
	// ended is closed by end.
	ended chan struct{}

	mu sync.Mutex
	// at is by the end of the address that the delivery is answered to.
	at map[string]*rest
	// until are those that rest for the same thing, as long as that hasn't come.
	until map[<-chan struct{}]map[*rest]struct{}
	// line are those that wait for their turn, by generation.
	line map[queue]map[uint64]*rest
	// tries are those for leases that aren't over yet, or have failed and what is to rest for them doesn't yet.
	tries map[*try]struct{}
}

// try is one to have a lease. Where it fails the delivery is to rest until the lease is given back, which may be before it
// does: then there is nothing to wait for.
type try struct {
	lease string
	over  bool
}

// rest is one delivery.
type rest struct {
	id         store.ID
	generation uint64
	// answer is the end of the address that it is answered to.
	answer string
	until  <-chan struct{}
	lease  *try
	// queue is the one that it stands in, if its turn is what it waits for.
	queue *queue
	over  *time.Timer
}

// newRest knows its store by the subject: also of a command that nobody here can read.
func newRest(msg jetstream.Msg, v verdict) *rest {
	one := &rest{answer: strings.TrimPrefix(msg.Reply(), answers), until: v.until, lease: v.lease, queue: v.queue}
	if id, err := storelog.StoreOf(msg.Subject()); err == nil {
		one.id = id
	}
	if meta, err := msg.Metadata(); err == nil {
		one.generation = meta.Sequence.Stream
	}
	return one
}

func newResting(nc *nats.Conn) *resting {
	return &resting{
		nc: nc, ended: make(chan struct{}), at: map[string]*rest{}, until: map[<-chan struct{}]map[*rest]struct{}{},
		line: map[queue]map[uint64]*rest{}, tries: map[*try]struct{}{},
	}
}

// trying is called before a lease is taken, and tried when it was, or couldn't be for another reason than that it is held.
func (r *resting) trying(lease string) *try {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := &try{lease: lease}
	r.tries[one] = struct{}{}
	return one
}

func (r *resting) tried(one *try) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tries, one)
}

// add remembers a delivery that rests so long from now, or until the channel is closed; a nil channel never is. The broker
// has been told by then.
func (r *resting) add(added *rest, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	added.over = time.AfterFunc(pause, func() { r.forget(added) })
	r.at[added.answer] = added
	if added.queue != nil {
		if r.line[*added.queue] == nil {
			r.line[*added.queue] = map[uint64]*rest{}
		}
		r.line[*added.queue][added.generation] = added
	}
	if added.lease != nil {
		delete(r.tries, added.lease)
		if added.lease.over {
			r.wake([]*rest{added})
		}
	}
	if added.until == nil {
		return
	}
	if r.until[added.until] == nil {
		r.until[added.until] = map[*rest]struct{}{}
		go r.follow(added.until)
	}
	r.until[added.until][added] = struct{}{}
}

func (r *resting) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.at)
}

// follow wakes those that rest until the channel is closed, when it is.
func (r *resting) follow(until <-chan struct{}) {
	select {
	case <-until:
	case <-r.ended:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []*rest
	for one := range r.until[until] {
		due = append(due, one)
	}
	delete(r.until, until)
	r.wake(due)
}

// overtaken wakes what rests of a store's commands behind one that was appended: it is to be told that it was superseded.
func (r *resting) overtaken(id store.ID, newest uint64) {
	r.wakeThose(func(one *rest) bool { return one.id == id && one.generation < newest })
}

// released wakes the oldest that rests for a lease, which this process has given back: one can have it.
func (r *resting) released(lease string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for one := range r.tries {
		one.over = one.over || one.lease == lease
	}
	var oldest *rest
	for _, one := range r.at {
		if one.lease != nil && one.lease.lease == lease && (oldest == nil || one.generation < oldest.generation) {
			oldest = one
		}
	}
	if oldest != nil {
		r.wake([]*rest{oldest})
	}
}

// called wakes a command whose turn has come, if it rests here.
func (r *resting) called(q queue, generation uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.line[q][generation]; one != nil {
		r.wake([]*rest{one})
	}
}

// inLine says whether a command rests here for its turn.
func (r *resting) inLine(q queue, generation uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line[q][generation] != nil
}

// before says whether an older one of its tenant's does.
func (r *resting) before(q queue, generation uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for older := range r.line[q] {
		if older < generation {
			return true
		}
	}
	return false
}

// end wakes all, when this process takes no more: whatever they wait for, somebody else may have, an engine or a newer
// release.
func (r *resting) end() {
	close(r.ended)
	r.wakeThose(func(*rest) bool { return true })
}

func (r *resting) wakeThose(match func(*rest) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []*rest
	for _, one := range r.at {
		if match(one) {
			due = append(due, one)
		}
	}
	r.wake(due)
}

// wake asks for these deliveries now, the oldest first. The lock is held.
func (r *resting) wake(due []*rest) {
	slices.SortFunc(due, func(a, b *rest) int { return cmp.Compare(a.generation, b.generation) })
	for _, one := range due {
		r.drop(one)
		if err := r.nc.Publish(answers+one.answer, []byte(refusal)); err != nil {
			slog.Warn("have a command delivered earlier; it comes at its time", "store", one.id, "generation", one.generation, "error", err)
		}
	}
}

func (r *resting) forget(one *rest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(one)
}

// drop is for who holds the lock.
func (r *resting) drop(one *rest) {
	one.over.Stop()
	delete(r.at, one.answer)
	delete(r.until[one.until], one)
	if one.queue != nil && r.line[*one.queue][one.generation] == one {
		if delete(r.line[*one.queue], one.generation); len(r.line[*one.queue]) == 0 {
			delete(r.line, *one.queue)
		}
	}
}
