package bench

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// pastEach is how much more has happened to each store that is read, behind all others.
	pastEach = 30
	// pastAim is how many plain reads one of the past may cost.
	pastAim = 2.0
	// pastTurns is how often is measured.
	pastTurns = 5
)

// past is who reads one store, of which its messages are known.
type past struct {
	*asker
	own  []uint64
	head uint64
	// from and till are when the second part of the log was written.
	from, till time.Time
}

// readPast holds stores and lists as they were against the same as they are, by the same clients at the same gateway.
func readPast(b *bench) {
	s := b.newBus()
	s.run(whileLoading)
	log := s.log()
	b.Logf("loading %d stores", b.sizes.manyStores)
	s.load(log, b.sizes.manyStores, store.Message{Type: store.AttemptStarted}, store.Message{Type: store.BecameReady})
	loaded := time.Now()
	events := b.freeAddress()
	gateway := s.gateway(events)
	var readers []*past
	for n, a := range b.askers(gateway, (&tenants{}).header) {
		readers = append(readers, b.pastOf(log, a, n*20))
	}
	head, err := log.Head(b.ctx)
	b.must("read the head of the log", err)
	for _, r := range readers {
		r.head, r.from, r.till = head, loaded, time.Now()
	}
	_, p := s.projected(log, events)
	b.await("list stores", p, startPatience, readers[0].list)
	b.await("read a store", p, startPatience, readers[0].read)
	for _, m := range []comparison{
		{"GET /stores/{id}?at= by its own messages", (*past).read, (*past).atOwn},
		{"GET /stores/{id}?at= by any sequence", (*past).read, (*past).atAny},
		{"GET /stores/{id}?at= by any time", (*past).read, (*past).atTime},
		{"GET /stores?at= by any sequence", (*past).list, (*past).listAt},
	} {
		b.compare(m, readers)
	}
}

// pastOf lets more happen to the n-th store that was loaded, and has its tenant ask.
func (b *bench) pastOf(log *storelog.Log, a *asker, n int) *past {
	b.Helper()
	tenant := tenantOf(log, n)
	a.header = [2]string{fasthttp.HeaderXForwardedFor, fmt.Sprintf("10.255.%d.%d", n/20/256, n/20%256)}
	a.store = store.DeriveID(tenant, fmt.Sprint(n))
	state, err := log.Last(b.ctx, a.store)
	b.must("read a store", err)
	r := &past{asker: a, own: []uint64{state.Generation, state.Version}}
	for i := range pastEach {
		m := store.Message{Type: store.BecameDegraded, Store: a.store, Actor: "provisioner", Generation: state.Generation, Time: time.Now()}
		if i%2 == 1 {
			m.Type = store.Recovered
		}
		state, err = log.Append(b.ctx, state, m)
		b.must("append to a store", err)
		r.own = append(r.own, state.Version)
	}
	return r
}

// comparison is of two things that the same readers do.
type comparison struct {
	what      string
	now, then func(*past) error
}

func (b *bench) compare(m comparison, readers []*past) {
	b.Helper()
	var now, then []float64
	for range pastTurns {
		now = append(now, b.allReading(readers, m.now))
		then = append(then, b.allReading(readers, m.then))
	}
	all := ratios(now, then)
	b.report(line{
		what: m.what, platform: perSecond(median(then)), bare: perSecond(median(now)), ratio: median(all),
		how: fmt.Sprintf("medians of %d turns of %d requests by %d clients, and the same without at, among %d stores; the ratio is of what each takes",
			pastTurns, b.sizes.reads, b.sizes.clients, b.sizes.manyStores),
	}.atMost(pastAim))
}

// allReading is allOf of readers.
func (b *bench) allReading(readers []*past, act func(*past) error) float64 {
	b.Helper()
	askers, of := make([]*asker, len(readers)), map[*asker]*past{}
	for i, r := range readers {
		askers[i], of[r.asker] = r.asker, r
	}
	return b.allOf(askers, b.sizes.reads, func(a *asker) error { return act(of[a]) })
}

func (r *past) read() error { return r.asker.read() }

func (r *past) list() error { return r.asker.list() }

func (r *past) at(point any) error { return r.get(fmt.Sprintf("/stores/%s?at=%v", r.store, point)) }

func (r *past) atOwn() error { return r.at(r.own[rand.IntN(len(r.own))]) }

// anywhere is a sequence since the store was made.
func (r *past) anywhere() uint64 { return r.own[0] + rand.Uint64N(r.head-r.own[0]) }

func (r *past) atAny() error { return r.at(r.anywhere()) }

func (r *past) atTime() error {
	return r.at(r.from.Add(rand.N(r.till.Sub(r.from))).UTC().Format(time.RFC3339Nano))
}

func (r *past) listAt() error { return r.get(fmt.Sprintf("/stores?limit=50&at=%d", r.anywhere())) }
