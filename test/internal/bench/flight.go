package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// memoryAim is in bytes.
	memoryAim = 256 << 20
	// sampleEvery is how often the provisioner's memory is read.
	sampleEvery = 100 * time.Millisecond
	// flightPatience is for all stores to be through Helm; flightTail is how much longer is looked on while they wait.
	flightPatience = 15 * time.Minute
	flightTail     = time.Minute
)

// inFlight asks for many stores at once and watches the one provisioner's memory while each gets its release and then
// waits for its pods, which a small machine can't start quickly: so all are in flight together.
func inFlight(b *bench) {
	in := b.installed()
	pid, err := in.PID("provisioner")
	b.must("find the provisioner", err)
	idle, err := memoryOf(pid)
	b.must("read the provisioner's memory", err)
	f := b.follow(in.Log(b, "events"))
	b.Logf("asking for %d stores", b.sizes.flight)
	b.askForMany(in)

	var most memory
	mostAtOnce, atThatMoment := 0, 0
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	var waiting time.Time
	for deadline := time.Now().Add(flightPatience); ; <-tick.C {
		now, err := memoryOf(pid)
		b.must("read the provisioner's memory", err)
		flying, through := f.count()
		mostAtOnce = max(mostAtOnce, flying)
		if now.rss > most.rss {
			most, atThatMoment = now, flying
		}
		if through >= b.sizes.flight && waiting.IsZero() {
			waiting = time.Now()
		}
		if !waiting.IsZero() && (flying == 0 || time.Since(waiting) > flightTail) {
			break
		}
		if b.ctx.Err() != nil || time.Now().After(deadline) {
			b.Fatalf("%d of %d stores are through Helm: %w", through, b.sizes.flight, context.Cause(b.ctx))
		}
	}
	ready, failed := f.ended()
	b.report(line{
		what:     fmt.Sprintf("one provisioner, %d stores in flight", mostAtOnce),
		platform: most.String(), bare: idle.String(), ratio: float64(most.rss) / float64(idle.rss),
		aim: "RSS < 256 MB", met: most.rss < memoryAim && mostAtOnce == b.sizes.flight,
		how: fmt.Sprintf("most resident memory (proportional in brackets) from %d POSTs at once until %.0f s after each had its release (or all were done), with %d in flight at that moment, against the same process idle; %d were Ready in the end, %d failed; in flight: attempt_started, not yet ended: most of the time they wait for their pods",
			b.sizes.flight, flightTail.Seconds(), atThatMoment, ready, failed),
	})
	// The stores go with their cluster: the janitor would need minutes for so many, and shows nothing by it.
	b.must("remove the stores", b.close())
}

// memory of a process, in bytes: resident, and with what it shares counted in part.
type memory struct{ rss, pss int64 }

func (m memory) String() string { return fmt.Sprintf("%d MB (%d)", m.rss>>20, m.pss>>20) }

func memoryOf(pid int) (m memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, err
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
		switch {
		case string(fields[0]) == "Rss:" && err == nil:
			m.rss = kilobytes << 10
		case string(fields[0]) == "Pss:" && err == nil:
			m.pss = kilobytes << 10
		}
	}
	if m.rss == 0 {
		return m, errors.New("no Rss in smaps_rollup")
	}
	return m, nil
}

// flight follows on the log the stores that were asked for since it began.
type flight struct {
	mu            sync.Mutex
	flying        map[store.ID]bool
	through       map[store.ID]bool
	ready, failed int
}

func (b *bench) follow(log *storelog.Log) *flight {
	b.Helper()
	head, err := log.Head(b.ctx)
	b.must("read the head of the log", err)
	f := &flight{flying: map[store.ID]bool{}, through: map[store.ID]bool{}}
	b.tail(log, head, f.note)
	return f
}

// tail has note hear of every message behind a sequence until the row ends.
func (b *bench) tail(log *storelog.Log, after uint64, note func(store.Message)) {
	b.Helper()
	var tailing sync.WaitGroup
	ctx, end := context.WithCancel(b.ctx)
	b.Cleanup(func() { end(); tailing.Wait() })
	tailing.Go(func() {
		err := log.Tail(ctx, after, func(raw storelog.Raw) error {
			entry, err := raw.Entry()
			if err == nil {
				note(entry.Message)
			}
			return err
		})
		if ctx.Err() == nil {
			b.Errorf("follow the log: %w", err)
		}
	})
}

func (f *flight) note(m store.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case m.Type == store.AttemptStarted:
		f.flying[m.Store] = true
	case m.Type == store.StepCompleted && m.Facts.Step == "release":
		f.through[m.Store] = true
	case m.Type == store.RetryScheduled:
		delete(f.flying, m.Store)
	case m.Type == store.BecameReady:
		delete(f.flying, m.Store)
		f.ready++
	case m.Type == store.BecameFailed:
		delete(f.flying, m.Store)
		f.through[m.Store] = true
		f.failed++
	}
}

func (f *flight) count() (flying, through int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.flying), len(f.through)
}

func (f *flight) ended() (ready, failed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready, f.failed
}

// askForMany posts all stores at once.
func (b *bench) askForMany(in *installation) {
	b.Helper()
	var all sync.WaitGroup
	failures := make(chan error, b.sizes.flight)
	for n := range b.sizes.flight {
		all.Go(func() {
			var s query.Store
			wish := map[string]any{"name": fmt.Sprintf("One of many %d", n), "engine": "sample"}
			_, err := in.Call(b.ctx, http.MethodPost, "/stores", wish, &s)
			failures <- err
		})
	}
	all.Wait()
	close(failures)
	var err error
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	b.must("ask for a store", err)
}
