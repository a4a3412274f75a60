package directory

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/clock"
)

// Kept is for how long what the leader has said may be relied on: nobody is let in for longer by what has been taken back
// elsewhere, and where the broker is silent nothing that is older counts.
const Kept = 5 * time.Second

// mostKept bounds how many answers are kept: those that were asked for last.
const mostKept = 16384

// memory holds what the leader has said lately.
type memory struct {
	life time.Duration
	now  func() time.Time

	mu   sync.Mutex
	said *simplelru.LRU[string, said]
	// dropped counts what was dropped. What was asked before that may be older, and isn't kept.
	dropped uint64
}

// said is an answer, with when it was asked for: it was true then, or became so later.
type said struct {
	answer *answer
	asked  time.Time
}

// answer is what a key holds, and what whoever looked first has read that as. Reading it anew for each request would cost more than
// all else that is done to know who asks.
type answer struct {
	jetstream.KeyValueEntry
	once  sync.Once
	thing any
	err   error
}

// as answers what the entry is read as. All who look share it, so nobody in this package changes it, and nothing that could be
// changed leaves the package: Standing and LimitsOf copy what they tell.
func (a *answer) as(read func() (any, error)) (any, error) {
	a.once.Do(func() { a.thing, a.err = read() })
	return a.thing, a.err
}

func newMemory(divisor clock.Divisor, now func() time.Time) *memory {
	lru, err := simplelru.NewLRU[string, said](mostKept, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &memory{life: divisor.Of(Kept), now: now, said: lru}
}

// recall answers what was said of a key within its life.
func (m *memory) recall(key string) (*answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	have, ok := m.said.Get(key)
	if ok && m.now().Sub(have.asked) >= m.life {
		m.said.Remove(key)
		return nil, false
	}
	return have.answer, ok
}

// begin is before a question, and returns how its answer is kept.
func (m *memory) begin() (keep func(key string, a *answer)) {
	asked := m.now()
	m.mu.Lock()
	dropped := m.dropped
	m.mu.Unlock()
	return func(key string, a *answer) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.dropped == dropped {
			m.said.Add(key, said{answer: a, asked: asked})
		}
	}
}

func (m *memory) drop(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropped++
	m.said.Remove(key)
}

// remembering is a bucket that remembers what it said, for those who say that they look (looking). Its own writes are seen at once.
type remembering struct {
	jetstream.KeyValue
	memory *memory
}

func (b remembering) name(key string) string { return b.Bucket() + "." + key }

func (b remembering) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	looks, _ := ctx.Value(lookKey{}).(*look)
	if looks == nil {
		return b.KeyValue.Get(ctx, key)
	}
	name := b.name(key)
	if !looks.anew {
		if a, kept := b.memory.recall(name); kept {
			looks.old = true
			return a, nil
		}
	}
	keep := b.memory.begin()
	entry, err := b.KeyValue.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	a := &answer{KeyValueEntry: entry}
	keep(name, a)
	return a, nil
}

func (b remembering) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	defer b.memory.drop(b.name(key))
	return b.KeyValue.Create(ctx, key, value, opts...)
}

func (b remembering) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	defer b.memory.drop(b.name(key))
	return b.KeyValue.Update(ctx, key, value, last)
}

func (b remembering) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	defer b.memory.drop(b.name(key))
	return b.KeyValue.Put(ctx, key, value)
}

func (b remembering) Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	defer b.memory.drop(b.name(key))
	return b.KeyValue.Delete(ctx, key, opts...)
}

func (b remembering) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	defer b.memory.drop(b.name(key))
	return b.KeyValue.Purge(ctx, key, opts...)
}

// look is one look at who somebody is.
type look struct {
	// anew takes the leader's word alone.
	anew bool
	// old: some of it was said before the look began.
	old bool
}

type lookKey struct{}

// looking looks at what was said lately. Who is refused by that is looked at anew: what makes somebody a member, or begins a
// session under a new era, happens at any gateway and is true at once. What is taken away may go on for as long as an answer is kept.
func (d *Directory) looking(ctx context.Context, at func(context.Context) error) error {
	l := &look{}
	err := at(context.WithValue(ctx, lookKey{}, l))
	if l.old && (errors.Is(err, ErrUnknown) || errors.Is(err, ErrNoTenant) || errors.Is(err, ErrUnconfirmed)) {
		return d.lookingAnew(ctx, at)
	}
	return err
}

// lookingAnew asks the leader.
func (d *Directory) lookingAnew(ctx context.Context, at func(context.Context) error) error {
	return at(context.WithValue(ctx, lookKey{}, &look{anew: true}))
}
