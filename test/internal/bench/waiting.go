package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// askedAim is how many messages a second may be sent to the broker while stores wait for a cluster.
const askedAim = 500

// goingOn is how many stores are waited for once there is a cluster, fewer than the provisioners have slots for, since what
// becomes of an attempt is another row's; goOnPatience is how long.
const (
	goingOn      = 100
	goOnPatience = 2 * time.Minute
)

// waited is what was measured of so many stores: while there was no cluster, and from its coming to the attempts.
type waited struct {
	measured
	wentOn []time.Duration
}

// manyWaiting measures two provisioners without a cluster, for which as many stores wait, and how soon these go on when it
// has come.
func manyWaiting(b *bench) {
	few := b.waiting(1)
	for _, size := range b.sizes.standing {
		many := b.waiting(size)
		b.report(line{
			what:     fmt.Sprintf("%d stores waiting for a cluster: broker", size),
			platform: perSecond(many.asked), bare: perSecond(few.asked), ratio: many.asked / few.asked,
			aim: fmt.Sprintf("< %d/s", askedAim), met: many.asked < askedAim,
			how: fmt.Sprintf("messages that clients sent to it (it sent them %s) in the second half of %s, while two provisioners kept "+
				"%.2f+%.2f cores busy; against one store that waits", perSecond(many.told), b.sizes.waitingFor(size), many.cores[0], many.cores[1]),
		})
		b.reportGoingOn(size, many.wentOn, few.wentOn)
	}
}

// reportGoingOn prints how soon stores went on that had waited.
func (b *bench) reportGoingOn(size int, many, alone []time.Duration) {
	b.Helper()
	wanted := min(size, goingOn)
	l := line{
		what:     fmt.Sprintf("%d stores waiting for a cluster: it comes", size),
		platform: goneOn(many, wanted), bare: goneOn(alone, 1), ratio: math.NaN(),
	}
	first := "none was"
	if len(many) > 0 {
		first = "the first was after " + seconds(many[0])
	}
	if len(many) == wanted && len(alone) == 1 {
		l.ratio = many[wanted-1].Seconds() / alone[0].Seconds()
	}
	l.how = fmt.Sprintf("from when the API server can be reached, for which provisioners look every two seconds, until attempts of %d stores "+
		"have started; %s; against one store that waits", wanted, first)
	b.report(l)
}

// goneOn is when the last of so many stores went on, and how many did where that isn't all.
func goneOn(took []time.Duration, wanted int) string {
	if len(took) < wanted {
		return fmt.Sprintf("%d of %d in %s", len(took), wanted, goOnPatience)
	}
	return seconds(took[wanted-1])
}

// waitingFor is how long stores wait: in its second half pauses are as long as they get.
func (s sizes) waitingFor(size int) time.Duration {
	if size < slices.Max(s.standing) {
		return s.standingFor / 2
	}
	return s.standingFor
}

// waiting measures so many stores that were asked for where nothing answers at the API server's address, and lets it answer then.
func (b *bench) waiting(size int) waited {
	b.Helper()
	defer b.cleanUp()
	f := b.emptyFleet(size)
	f.run(whileLoading)
	log := f.openLog()
	f.askForAll(log)
	f.run(whileMeasuring)
	// A kubeconfig holds what only the API server can give, and is read once. So the server runs from the start, where nobody
	// looks for it.
	f.runAPI(few)
	address := b.freeAddress()
	hands := f.startHands(handsAbreast, f.kubeconfigBy(address))
	half := b.sizes.waitingFor(size) / 2
	b.Logf("%d stores wait for a cluster, for %s", size, 2*half)
	b.pause(half)
	before := f.read(hands)
	b.pause(half)
	m := waited{measured: f.read(hands).since(before)}
	begun := f.attempts(min(size, goingOn))
	b.Logf("%d stores: the cluster comes", size)
	came := time.Now()
	b.relay(address, f.address())
	m.wentOn = begun.since(came)
	for _, p := range hands {
		p.Stop(syscall.SIGTERM, stopPatience)
	}
	return m
}

// askForAll has the fleet's stores asked for, where none is there.
func (f *fleet) askForAll(log *storelog.Log) {
	f.b.Helper()
	f.b.must("ask for a store", f.each(f.ids, func(ctx context.Context, n int, id store.ID) error {
		_, err := log.Append(ctx, store.State{}, create(openTenant, id, n))
		return err
	}))
}

// attempts follows the log, and notes when stores are first attempted, until so many are.
type attempts struct {
	b      *bench
	wanted int

	mu   sync.Mutex
	seen map[store.ID]bool
	at   []time.Time
	all  chan struct{}
}

func (f *fleet) attempts(wanted int) *attempts {
	f.b.Helper()
	log := f.readLog()
	head, err := log.Head(f.b.ctx)
	f.b.must("read the head of the log", err)
	a := &attempts{b: f.b, wanted: wanted, seen: map[store.ID]bool{}, all: make(chan struct{})}
	f.b.tail(log, head, a.note)
	return a
}

func (a *attempts) note(m store.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.Type != store.AttemptStarted || a.seen[m.Store] || len(a.at) == a.wanted {
		return
	}
	a.seen[m.Store] = true
	if a.at = append(a.at, time.Now()); len(a.at) == a.wanted {
		close(a.all)
	}
}

// since answers how long it took from the cluster's coming until each of them was, or fewer where patience was over.
func (a *attempts) since(came time.Time) (took []time.Duration) {
	a.b.Helper()
	select {
	case <-a.all:
	case <-time.After(goOnPatience):
	case <-a.b.ctx.Done():
		a.b.Fatal(a.b.ctx.Err())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.at {
		took = append(took, at.Sub(came))
	}
	return took
}
