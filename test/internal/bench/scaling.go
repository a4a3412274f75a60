package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// fewSlots is how many stores a provisioner makes at once: so few that they, and not the machine, are what there is too
	// little of.
	fewSlots = 4
	// linearAim is the part of linear that is asked for.
	linearAim = 0.8
)

// creating measures how many stores are made a minute by one provisioner, by two and by four. Their pods take a while that is
// long beside all that costs the machine something.
func creating(b *bench) {
	one := b.creates(1)
	for _, count := range []int{2, 4} {
		many := b.creates(count)
		linear := float64(count) * one
		b.report(line{
			what:     fmt.Sprintf("stores made by %d provisioners", count),
			platform: perMinute(many), bare: perMinute(linear), ratio: many / linear,
			how: fmt.Sprintf("from the first attempt until the last of %d stores a slot is Ready, %d slots each, with pods that run after %s; against %d times what one provisioner makes",
				b.sizes.rounds, fewSlots, b.sizes.podsTake, count),
		}.atLeast(linearAim))
	}
}

// creates is how many are made a minute by so many provisioners.
func (b *bench) creates(count int) float64 {
	b.Helper()
	defer b.cleanUp()
	f := b.emptyFleet(b.sizes.rounds * fewSlots * count)
	f.run(whileMeasuring)
	log := f.openLog()
	f.runAPI()
	m := f.making()
	f.startHands(count, f.kubeconfig(), fmt.Sprintf("SLOTS=%d", fewSlots))
	b.Logf("%d provisioners make %d stores", count, len(f.ids))
	f.askForAll(log)
	return rate(len(f.ids), m.took()) * 60
}

func perMinute(r float64) string { return fmt.Sprintf("%.0f/min", r) }

// making plays kubelet for stores that are made, and follows on the log how it goes.
type making struct {
	*fleet
	// ctx ends with the provisioners' part of the row.
	ctx     context.Context
	running sync.WaitGroup

	mu    sync.Mutex
	first time.Time
	ready map[store.ID]bool
	all   chan time.Time
}

// making follows the log from its beginning.
func (f *fleet) making() *making {
	f.b.Helper()
	ctx, end := context.WithCancel(f.b.ctx)
	m := &making{fleet: f, ctx: ctx, ready: map[store.ID]bool{}, all: make(chan time.Time, 1)}
	f.b.Cleanup(func() { end(); m.running.Wait() })
	f.b.tail(f.readLog(), 0, m.note)
	return m
}

func (m *making) note(message store.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case message.Type == store.AttemptStarted && m.first.IsZero():
		m.first = message.Time
	case message.Type == store.StepCompleted && message.Facts.Step == "release":
		m.running.Go(func() { m.runSoon(message.Store) })
	case message.Type == store.BecameFailed:
		m.b.Errorf("store %s failed: %+v", message.Store, message.Facts)
	case message.Type == store.BecameReady:
		if m.ready[message.Store] = true; len(m.ready) == len(m.ids) {
			m.all <- message.Time
		}
	}
}

// runSoon has a store's pods run after their while, and those that come later.
func (m *making) runSoon(id store.ID) {
	for due := time.After(m.b.sizes.podsTake); ; due = time.After(time.Second) {
		select {
		case <-m.ctx.Done():
			return
		case <-due:
		}
		m.mu.Lock()
		ready := m.ready[id]
		m.mu.Unlock()
		if ready {
			return
		}
		if err := m.runPods(id); err != nil && m.ctx.Err() == nil {
			m.b.Logf("trying again: %v", err)
		}
	}
}

// took waits until all stores are Ready.
func (m *making) took() time.Duration {
	m.b.Helper()
	select {
	case last := <-m.all:
		return last.Sub(m.first)
	case <-m.ctx.Done():
		m.b.Fatal(m.ctx.Err())
	case <-time.After(flightPatience):
		m.mu.Lock()
		defer m.mu.Unlock()
		m.b.Fatalf("%d of %d stores are Ready", len(m.ready), len(m.ids))
	}
	return 0
}
