package bench

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
)

const (
	// coresAim and standingMemoryAim are those of one provisioner, the latter in bytes.
	coresAim          = 0.5
	standingMemoryAim = 400 << 20
	// settling is how long provisioners have that begin among thousands of stores, before they are measured.
	settling = 20 * time.Second
	// failures are how many stores are made to fail in each of the ways, failurePause lies between two.
	failures     = 5
	ways         = 4
	failurePause = 700 * time.Millisecond
	// degradedPatience is how long it may take until one is told of, beyond every aim.
	degradedPatience = 90 * time.Second
)

// manyStanding measures two provisioners beside so many stores that stand, and how long it takes them to notice one that
// doesn't.
func manyStanding(b *bench) {
	one := b.standing(1, nil)
	for _, size := range b.sizes.standing {
		b.standing(size, &one)
	}
}

// stood is what was measured of one fleet.
type stood struct {
	size   int
	length time.Duration
	with   measured
	// alone is the API server without provisioners.
	alone measured
	peaks []int64
	// crash, silence and the same beside a shop that hangs. Bare is what an onlooker needs who looks at that store alone.
	crash, silence, hungCrash, hungSilence delays
	bareCrash, bareSilence                 []time.Duration
}

// standing measures one fleet and reports it; that of a single store, which the others are held against, isn't reported, and
// nothing fails there.
func (b *bench) standing(size int, one *stood) stood {
	b.Helper()
	defer b.cleanUp()
	f := b.fleetOf(size)
	m := stood{size: size, length: b.sizes.standingFor}
	if size < slices.Max(b.sizes.standing) {
		m.length /= 5
	}
	f.awaitControllers()
	before := f.read(nil)
	b.pause(max(m.length/5, b.sizes.settling))
	m.alone = f.read(nil).since(before)
	hands := f.startHands(handsAbreast, f.kubeconfig())
	b.pause(b.sizes.settling)
	b.Logf("%d stores: measuring two provisioners for %s", size, m.length)
	before = f.read(hands)
	b.pause(m.length)
	m.with = f.read(hands).since(before)
	for _, p := range hands {
		peak, err := peakOf(p.Process.Pid)
		b.must("read a provisioner's memory", err)
		m.peaks = append(m.peaks, peak)
	}
	if one != nil {
		m.report(b, *one)
		f.breakSome(&m)
		m.reportFailures(b)
	}
	return m
}

// controllersPatience is for the controllers of a cluster with thousands of stores to have looked at each.
const controllersPatience = 15 * time.Minute

// awaitControllers waits until they follow what happens: when they begin they look at everything first.
func (f *fleet) awaitControllers() {
	f.b.Helper()
	f.b.Logf("%d stores: waiting for the controllers", len(f.ids))
	id := f.ids[0]
	pods, err := f.pods(id)
	f.b.must("find the pods of a store", err)
	for _, serves := range []bool{false, true} {
		for _, p := range pods {
			f.b.must("tell of a pod", f.tellPod(id, p, serves))
		}
		f.awaitAvailable(id, serves, controllersPatience)
	}
}

// awaitAvailable waits until a store's Deployment says whether it serves.
func (f *fleet) awaitAvailable(id store.ID, serves bool, patience time.Duration) {
	f.b.Helper()
	path := "/apis/apps/v1/namespaces/" + id.Namespace() + "/deployments/store"
	f.b.await("wait for the Deployment", f.server, patience, func() error {
		var d struct {
			Status struct {
				Available int `json:"availableReplicas"`
			} `json:"status"`
		}
		_, err := f.api.Do(f.b.ctx, http.MethodGet, path, nil, &d)
		if err == nil && serves != (d.Status.Available > 0) {
			err = fmt.Errorf("%d of its pods are available", d.Status.Available)
		}
		return err
	})
}

// handsAbreast is how many provisioners share the work.
const handsAbreast = 2

// startHands starts so many provisioners and waits until they work.
func (f *fleet) startHands(count int, kubeconfig []byte, settings ...string) (hands []*parts.Process) {
	f.b.Helper()
	for n := range count {
		command, ops := f.hand(kubeconfig, settings...)
		p := f.b.start(fmt.Sprintf("provisioner-%d-%d", len(f.ids), n+1), command)
		hands = append(hands, p)
		f.b.await("reach a provisioner", p, startPatience, func() error { return parts.Answers(f.b.ctx, ops+"/readyz") })
	}
	return hands
}

// pause lets what is measured go on.
func (b *bench) pause(length time.Duration) {
	b.Helper()
	select {
	case <-b.ctx.Done():
		b.Fatal(b.ctx.Err())
	case <-time.After(length):
	}
}

// breakSome lets stores fail, first each alone and then beside one that hangs. The stores that fail stay so: what recovers is
// no part of it.
func (f *fleet) breakSome(m *stood) {
	f.b.Helper()
	news := f.listen()
	// The first and the last aren't among them, and they are spread, so that they are whoever's to keep.
	left, count := f.ids[1:len(f.ids)-1], min(failures, (len(f.ids)-2)/ways)
	if count == 0 {
		f.b.Fatalf("%d stores are too few to let one fail in each of %d ways", m.size, ways)
	}
	apart := len(left) / (ways * count)
	some := func() (ids []store.ID) {
		for range count {
			ids, left = append(ids, left[0]), left[apart:]
		}
		return ids
	}
	f.b.Logf("%d stores: letting some crash, and some be silent", m.size)
	m.crash = f.fail(news, some(), func(id store.ID) { m.bareCrash = append(m.bareCrash, f.crash(id)) })
	m.silence = f.fail(news, some(), func(id store.ID) { f.shops.set(true, false, id) })
	f.shops.set(false, true, f.ids[len(f.ids)-1])
	f.b.Logf("%d stores: the same beside one that hangs", m.size)
	m.hungCrash = f.fail(news, some(), func(id store.ID) { f.crash(id) })
	m.hungSilence = f.fail(news, some(), func(id store.ID) { f.shops.set(true, false, id) })
	for range failures {
		m.bareSilence = append(m.bareSilence, f.watchAlone(f.ids[0]))
	}
}

// crash says of a store's pod that it doesn't run any more, and answers how long it takes until its Deployment knows.
func (f *fleet) crash(id store.ID) time.Duration {
	f.b.Helper()
	pods, err := f.pods(id)
	f.b.must("find the pods of a store", err)
	began := time.Now()
	for _, p := range pods {
		f.b.must("crash a pod", f.tellPod(id, p, false))
	}
	f.awaitAvailable(id, false, degradedPatience)
	return time.Since(began)
}

// watchAlone is how long an onlooker takes to believe that a shop is silent who asks that one every second, and believes two
// failures in a row.
func (f *fleet) watchAlone(id store.ID) time.Duration {
	f.b.Helper()
	f.shops.set(true, false, id)
	defer f.shops.set(false, false, id)
	began, failed := time.Now(), 0
	for tick := time.NewTicker(time.Second); failed < 2; <-tick.C {
		if f.shops.visit(f.b.ctx, id) != nil {
			failed++
		}
	}
	return time.Since(began)
}

// degradations follows the log, and notes when which store was first told to be Degraded.
type degradations struct {
	mu   sync.Mutex
	when map[store.ID]time.Time
	more chan struct{}
}

func (f *fleet) listen() *degradations {
	f.b.Helper()
	log := f.readLog()
	head, err := log.Head(f.b.ctx)
	f.b.must("read the head of the log", err)
	d := &degradations{when: map[store.ID]time.Time{}, more: make(chan struct{}, 1)}
	f.b.tail(log, head, func(m store.Message) {
		if m.Type != store.BecameDegraded {
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if _, known := d.when[m.Store]; !known {
			d.when[m.Store] = time.Now()
		}
		select {
		case d.more <- struct{}{}:
		default:
		}
	})
	return d
}

// delays are the times from failures until they were told, of as many as were.
type delays struct {
	took   []time.Duration
	failed int
}

// fail lets stores fail one after the other, and waits until all are told of or patience is over.
func (f *fleet) fail(news *degradations, ids []store.ID, fail func(store.ID)) delays {
	f.b.Helper()
	began := map[store.ID]time.Time{}
	for _, id := range ids {
		began[id] = time.Now()
		fail(id)
		f.b.pause(failurePause)
	}
	deadline := time.After(degradedPatience)
	for {
		d := delays{failed: len(ids)}
		news.mu.Lock()
		for id, since := range began {
			if when, told := news.when[id]; told {
				d.took = append(d.took, when.Sub(since))
			}
		}
		news.mu.Unlock()
		if len(d.took) == len(ids) {
			return d
		}
		select {
		case <-news.more:
		case <-deadline:
			return d
		case <-f.b.ctx.Done():
			f.b.Fatal(f.b.ctx.Err())
		}
	}
}

// String is the longest, and how many were never told of.
func (d delays) String() string {
	if len(d.took) < d.failed {
		return fmt.Sprintf("%d of %d not in %s", d.failed-len(d.took), d.failed, degradedPatience)
	}
	return seconds(quantile(d.took, 1))
}

// longest says whether all were told of, too.
func (d delays) longest() (took time.Duration, all bool) {
	if len(d.took) < d.failed {
		return 0, false
	}
	return quantile(d.took, 1), true
}

// report prints what a fleet costs that stands; one is that of a single store.
func (m stood) report(b *bench, one stood) {
	each := func(cores []float64) string { return fmt.Sprintf("%.2f+%.2f cores", cores[0], cores[1]) }
	worst, least := slices.Max(m.with.cores), slices.Max(one.with.cores)
	peak, low := slices.Max(m.peaks), slices.Max(one.peaks)
	what := fmt.Sprintf("%d standing stores: ", m.size)
	b.report(line{
		what: what + "two provisioners", platform: each(m.with.cores), bare: each(one.with.cores), ratio: worst / least,
		aim: fmt.Sprintf("< %g each", coresAim), met: worst < coresAim,
		how: fmt.Sprintf("processors' time of each over %s, from %s after both were ready, while others kept %s from them; "+
			"against the same two with one store", m.length, b.sizes.settling, each(m.with.starved)),
	})
	b.report(line{
		what: what + "their memory", platform: fmt.Sprintf("%d+%d MB", m.peaks[0]>>20, m.peaks[1]>>20),
		bare: fmt.Sprintf("%d+%d MB", one.peaks[0]>>20, one.peaks[1]>>20), ratio: float64(peak) / float64(low),
		aim: fmt.Sprintf("< %d MB each", standingMemoryAim>>20), met: peak < standingMemoryAim,
		how: "most resident memory of each since its start; against the same two with one store",
	})
	b.report(line{
		what: what + "requests to the API server", platform: fmt.Sprintf("%.1f/s", m.with.allRequests()),
		bare: fmt.Sprintf("%.1f/s", m.alone.allRequests()), ratio: m.with.allRequests() / m.alone.allRequests(),
		how: fmt.Sprintf("by verb, a second: %s; against the API server and its controllers without provisioners: %s",
			m.with.verbs(), cmp.Or(m.alone.verbs(), "none")),
	})
	b.report(line{
		what: what + "broker", platform: perSecond(m.with.asked), bare: perSecond(one.with.asked), ratio: m.with.asked / one.with.asked,
		how: fmt.Sprintf("messages that clients sent to it (it sent them %s); against the same with one store", perSecond(m.with.told)),
	})
}

const besideHung = "the same while another shop takes connections and never answers; against without it"

// reportFailures prints how long it took until failures were told of.
func (m stood) reportFailures(b *bench) {
	what := fmt.Sprintf("%d standing stores: ", m.size)
	crashAim, silenceAim := 10*time.Second, 20*time.Second
	if m.size > 1000 {
		crashAim, silenceAim = time.Minute, time.Minute
	}
	bare := func(took []time.Duration) delays { return delays{took, len(took)} }
	for _, l := range []struct {
		what       string
		took, bare delays
		aim        time.Duration
		how        string
	}{
		{"crash → Degraded", m.crash, bare(m.bareCrash), crashAim,
			"from the pod's not being ready; against the same until the Deployment's status says so"},
		{"silence → Degraded", m.silence, bare(m.bareSilence), silenceAim,
			"from the shop's hanging up on everybody; against who asks that shop alone, every second, until the second failure in a row"},
		{"crash beside a hung shop", m.hungCrash, m.crash, crashAim, besideHung},
		{"silence beside a hung shop", m.hungSilence, m.silence, silenceAim, besideHung},
	} {
		longest, all := l.took.longest()
		beside, measured := l.bare.longest()
		told := line{
			what: what + l.what, platform: l.took.String(), bare: l.bare.String(), ratio: math.NaN(),
			how: fmt.Sprintf("longest of %d, %s", l.took.failed, l.how),
		}.within(longest, l.aim)
		if told.met = told.met && all; all && measured {
			told.ratio = longest.Seconds() / beside.Seconds()
		}
		b.report(told)
	}
}
