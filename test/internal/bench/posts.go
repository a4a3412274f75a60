package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/valyala/fasthttp"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// storesPerTenant is how many stores a tenant of the posts gets before the next one's turn comes. With one tenant for
// all clients its claims would be what is measured.
const storesPerTenant = 10

// tenants gives every caller one of its own, as the address that open mode knows it by.
type tenants struct{ next atomic.Int64 }

func (t *tenants) address() string {
	n := t.next.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&127, n>>8&255, n&255)
}

// header says who the next one is.
func (t *tenants) header() [2]string { return [2]string{fasthttp.HeaderXForwardedFor, t.address()} }

// posts holds the gateway against its own two writes, with few stores in the log and with many.
func posts(b *bench) {
	few, many := b.loadedWith(min(100, b.sizes.manyStores)), b.loadedWith(b.sizes.manyStores)
	// What a disk does changes within seconds, so all that is held against each other lies side by side, and nothing always
	// comes first.
	for turn := range b.sizes.postTurns {
		for n := range 2 {
			[]*loaded{few, many}[(turn/2+n)%2].measure(turn)
		}
	}
	for _, l := range []*loaded{few, many} {
		b.report(line{
			what:     fmt.Sprintf("accepted POSTs, %d stores in the log", l.stores),
			platform: perSecond(median(l.platform)), bare: perSecond(median(l.bare)), ratio: median(l.ratios()),
			how: fmt.Sprintf("medians of %d turns (half the ratios are %.2f–%.2f); a turn: %d clients, %d POSTs, and as many bare claim "+
				"updates with fenced appends of the same size on the same broker, fsync always",
				len(l.platform), quantile(l.ratios(), 0.25), quantile(l.ratios(), 0.75), b.sizes.clients, b.sizes.posts),
		}.atLeast(0.8))
	}
	growth := func(of func(*loaded) []float64) []float64 { return ratios(of(many), of(few)) }
	platform, bare := growth(func(l *loaded) []float64 { return l.platform }), growth(func(l *loaded) []float64 { return l.bare })
	b.report(line{
		what:     fmt.Sprintf("the same, %d against %d", many.stores, few.stores),
		platform: fmt.Sprintf("%.2f", median(platform)), bare: fmt.Sprintf("%.2f", median(bare)),
		ratio: median(ratios(platform, bare)),
		how:   "how each rate changed with the size of the log, in turns that lay side by side; the ratio of the two is to be flat",
	}.atLeast(0.9))
}

// loaded is a broker whose log begins with so many stores, and a gateway before it. The rates are those of each turn.
type loaded struct {
	stores         int
	clients        *poster
	writer         *bareWriter
	platform, bare []float64
}

func ratios(of, to []float64) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = of[i] / to[i]
	}
	return all
}

func (l *loaded) ratios() []float64 { return ratios(l.platform, l.bare) }

// loadedWith makes one that is ready to be measured.
func (b *bench) loadedWith(stores int) *loaded {
	b.Helper()
	s := b.newBus()
	s.run(whileLoading)
	b.Logf("loading %d stores", stores)
	s.load(s.log(), stores, store.Message{Type: store.AttemptStarted}, store.Message{Type: store.BecameReady})
	s.run(whileMeasuring)
	log := s.log()
	b.must("publish the catalog", s.Offer(b.ctx, b.repo))
	clients := &poster{b: b, url: s.gateway("127.0.0.1:1"), http: &fasthttp.Client{MaxConnsPerHost: b.sizes.clients}, tenants: &tenants{}}
	first := clients.warmUp()
	writer := &bareWriter{b: b, log: log, tenants: clients.tenants}
	writer.like(first)
	return &loaded{stores: stores, clients: clients, writer: writer}
}

// measure takes one turn: A B, and the next time B A.
func (l *loaded) measure(turn int) {
	b := l.clients.b
	b.Helper()
	var posting, writing time.Duration
	if turn%2 == 0 {
		posting, writing = l.clients.run(), l.writer.run()
	} else {
		writing, posting = l.writer.run(), l.clients.run()
	}
	platform, bare := rate(b.sizes.posts, posting), rate(b.sizes.posts, writing)
	l.platform, l.bare = append(l.platform, platform), append(l.bare, bare)
	b.Logf("%d stores, turn %d of %d: %s, bare %s", l.stores, turn+1, b.sizes.postTurns, perSecond(platform), perSecond(bare))
}

// together lets all clients do their share of so many requests and answers how long it took.
func (b *bench) together(requests int, share func(count int) error) time.Duration {
	b.Helper()
	var all sync.WaitGroup
	failures := make(chan error, b.sizes.clients)
	began := time.Now()
	for n := range b.sizes.clients {
		count := (n+1)*requests/b.sizes.clients - n*requests/b.sizes.clients
		all.Go(func() {
			if err := share(count); err != nil {
				failures <- err
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	select {
	case err := <-failures:
		b.Fatal(err)
	default:
	}
	return took
}

// poster posts stores through the gateway, as a tenant for each few of them.
type poster struct {
	b       *bench
	url     string
	http    *fasthttp.Client
	tenants *tenants
}

func (p *poster) next() *asker {
	return &asker{b: p.b, url: p.url, http: p.http, header: p.tenants.header()}
}

func (p *poster) run() time.Duration {
	p.b.Helper()
	return p.b.together(p.b.sizes.posts, func(count int) error {
		var a *asker
		for n := range count {
			if n%storesPerTenant == 0 {
				a = p.next()
			}
			if err := a.create(); err != nil {
				return err
			}
		}
		return nil
	})
}

// warmUp posts until the gateway knows the catalog, and once more for every client. It answers the last store.
func (p *poster) warmUp() store.ID {
	p.b.Helper()
	p.next().awaitCatalog()
	p.run()
	a := p.next()
	p.b.must("post a store", a.create())
	return a.store
}

// bareWriter makes the two writes of a create and nothing else: no read of the claims, no admission, no HTTP.
type bareWriter struct {
	b       *bench
	log     *storelog.Log
	claims  jetstream.KeyValue
	tenants *tenants
	create  store.Message
}

// like takes the gateway's own command for a model, so that the bare one has its size.
func (w *bareWriter) like(id store.ID) {
	w.b.Helper()
	state, err := w.log.Last(w.b.ctx, id)
	w.b.must("read a posted store", err)
	w.create = store.Message{Type: store.CreateCommand, Facts: store.Facts{
		Spec: &state.Spec, Request: state.Request, Reason: state.Reason, Message: state.Message,
	}}
	w.claims, err = w.log.Bucket(w.b.ctx, storelog.BucketClaims)
	w.b.must("open the claims", err)
}

func (w *bareWriter) run() time.Duration {
	w.b.Helper()
	return w.b.together(w.b.sizes.posts, func(count int) error {
		var c claims
		for n := range count {
			if n%storesPerTenant == 0 {
				c = claims{Tenant: w.log.Naming().Tenant(netip.MustParseAddr(w.tenants.address())), key: "tenant." + rand.Text() + "123456"}
			}
			if err := w.write(w.b.ctx, &c); err != nil {
				return err
			}
		}
		return nil
	})
}

// claims have the shape and the size of the gateway's.
type claims struct {
	Tenant   string  `json:"tenant"`
	Stores   []claim `json:"stores"`
	key      string
	revision uint64
}

type claim struct {
	ID    store.ID  `json:"id"`
	Since time.Time `json:"since"`
}

func (w *bareWriter) write(ctx context.Context, c *claims) error {
	m := w.create
	m.Store, m.Tenant, m.Actor, m.Time = store.NewID([]byte(rand.Text())), c.Tenant, c.Tenant, time.Now()
	c.Stores = append(c.Stores, claim{ID: m.Store, Since: m.Time.UTC()})
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if c.revision, err = w.claims.Update(ctx, c.key, value, c.revision); err != nil {
		return errors.Join(errors.New("update a claim"), err)
	}
	_, err = w.log.Append(ctx, store.State{}, m)
	return err
}
