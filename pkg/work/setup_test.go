package work

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const id = store.ID("sabcdefghijk")

// hand is a hand whose steps a test writes.
type hand struct {
	available func() error
	// availableFor and stepsFor are for a hand that tells stores apart.
	availableFor func(store.State) error
	stepsFor     func(store.State) []Step
	steps        []Step
	terminal     store.Type
	trusts       chan *Trust
}

func (h *hand) Available(_ context.Context, s store.State) error {
	switch {
	case h.availableFor != nil:
		return h.availableFor(s)
	case h.available != nil:
		return h.available()
	}
	return nil
}

func (h *hand) Operation(s store.State, trust *Trust) (Operation, error) {
	if h.trusts != nil {
		h.trusts <- trust
	}
	steps := h.steps
	if h.stepsFor != nil {
		steps = h.stepsFor(s)
	}
	return Operation{Steps: steps, Finish: func() (store.Type, store.Facts) {
		return h.terminal, store.Facts{URL: "http://shop"}
	}}, nil
}

func provisioner(steps ...Step) *hand { return &hand{steps: steps, terminal: store.BecameReady} }

// step is never done before it is applied.
func step(name string, apply func(context.Context) error) Step {
	return Step{Name: name, Done: func(context.Context) (bool, error) { return false, nil }, Apply: func(ctx context.Context, _ Tell) error { return apply(ctx) }}
}

func succeed(context.Context) error { return nil }

// testBench is one broker with a log.
type testBench struct {
	t   *testing.T
	nc  *nats.Conn
	log *storelog.Log
}

func setup(t *testing.T) *testBench {
	t.Helper()
	nc := bustest.Start(t)
	log, err := storelog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	return &testBench{t: t, nc: nc, log: log}
}

var quick = timing{
	ackWait: 2 * time.Second, heartbeat: 200 * time.Millisecond,
	snooze: 50 * time.Millisecond, snoozeAtMost: 200 * time.Millisecond,
	waitFirst: 50 * time.Millisecond, waitAtMost: 200 * time.Millisecond, looksApart: time.Millisecond,
	placesApart: time.Millisecond, idle: 100 * time.Millisecond, named: 100 * time.Millisecond,
	retryFirst: 20 * time.Millisecond, retryAtMost: 100 * time.Millisecond,
	grace: 10 * time.Millisecond,
}

// start runs a worker with short pauses until the returned function is called.
func (b *testBench) start(h Hand, cfg Config) (stop func()) {
	b.t.Helper()
	return b.startBy(quick, h, cfg)
}

func (b *testBench) startBy(pauses timing, h Hand, cfg Config) (stop func()) {
	b.t.Helper()
	if cfg.Slots == 0 {
		cfg.Slots = 4
	}
	if cfg.Holder == "" {
		cfg.Holder = cfg.Name
	}
	w, err := New(b.t.Context(), b.log, h, cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	w.timing = pauses
	return b.run(w)
}

func (b *testBench) run(w *Worker) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			b.t.Errorf("run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	b.t.Cleanup(stop)
	return stop
}

func (b *testBench) provision(h Hand) func() {
	return b.start(h, Config{Name: "provisioner", Commands: storelog.ApplyCommands})
}

func (b *testBench) command(v store.Verb) store.State {
	b.t.Helper()
	return b.commandFor(id, v)
}

func (b *testBench) commandFor(id store.ID, v store.Verb) store.State {
	b.t.Helper()
	after, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		if err := store.Admit(s, v); err != nil {
			return nil, err
		}
		return &store.Message{Type: store.Type(v), Tenant: "tenant", Actor: "test", Time: time.Now()}, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return after
}

// patience bounds every wait; the longest is for the leases of five killed workers.
const patience = 3 * time.Minute

var errSeen = errors.New("seen")

// await follows the log until an event of the store satisfies until, and returns the history up to it.
func (b *testBench) await(until func(storelog.Entry) bool) []storelog.Entry {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	var history []storelog.Entry
	err := b.log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			return err
		}
		history = append(history, entry)
		if until(entry) {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		b.t.Fatalf("it never came: %v; history: %v", err, typesOf(history))
	}
	return history
}

func (b *testBench) awaitType(t store.Type) []storelog.Entry {
	b.t.Helper()
	return b.await(func(e storelog.Entry) bool { return e.Message.Type == t })
}

// awaitAcknowledged waits until the provisioner has taken the command out of its queue.
func (b *testBench) awaitAcknowledged(generation uint64) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		consumer, err := b.log.JetStream().Consumer(b.t.Context(), storelog.Stream, "provisioner")
		if err == nil && consumer.CachedInfo().AckFloor.Stream >= generation {
			tick.Stop()
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("command %d is still in the queue: %v", generation, err)
		}
	}
}

func typesOf(history []storelog.Entry) []store.Type {
	var types []store.Type
	for _, e := range history {
		types = append(types, e.Message.Type)
	}
	return types
}
