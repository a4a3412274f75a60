package work

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// clusters are those of the tests below.
var clusters = []string{store.DefaultCluster, "eu", "eu-2"}

// clusterHand works on one cluster's stores and notes any other's.
type clusterHand struct {
	*hand
	cluster string
	mu      sync.Mutex
	strange []store.State
}

func (h *clusterHand) Available(_ context.Context, s store.State) error {
	if s.ClusterName() != h.cluster {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.strange = append(h.strange, s)
	}
	return nil
}

// createIn asks for a store in a cluster as a gateway will.
func (b *testBench) createIn(cluster string, id store.ID) {
	b.t.Helper()
	_, err := b.log.Append(b.t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: "tenant", Actor: "test", Time: time.Now(), Facts: store.Facts{Cluster: cluster},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestNoHandTakesAnotherClustersCommands(t *testing.T) {
	bustest.Each(t, func(t *testing.T, brokers bustest.Brokers) {
		log, err := storelog.Open(t.Context(), brokers.Conns[0])
		if err != nil {
			t.Fatal(err)
		}
		b := &testBench{t: t, nc: brokers.Conns[0], log: log}
		held := bustest.Listen(t, b.nc, "$KV."+storelog.BucketLeases+".>")
		var hands []*clusterHand
		start := func(cluster, name string, commands func(string) string, terminal store.Type) {
			h := &clusterHand{hand: &hand{steps: []Step{step("only", succeed)}, terminal: terminal}, cluster: cluster}
			hands = append(hands, h)
			b.start(h, Config{Name: name, Cluster: cluster, Commands: commands, Holder: name + " of " + cluster})
		}
		for _, cluster := range clusters {
			start(cluster, "provisioner", storelog.ApplyCommands, store.BecameReady)
			start(cluster, "janitor", storelog.DeleteCommands, store.BecameDeleted)
		}
		const stores = 9
		var ids []store.ID
		for n := range stores {
			id := store.DeriveID("tenant", fmt.Sprint(n))
			ids = append(ids, id)
			b.createIn(clusters[n%len(clusters)], id)
		}
		b.awaitEach(store.BecameReady, stores)
		for _, id := range ids {
			b.commandFor(id, store.Delete)
		}
		b.awaitEach(store.BecameDeleted, stores)
		for _, h := range hands {
			h.mu.Lock()
			for _, s := range h.strange {
				t.Errorf("a hand of cluster %s took a command of store %s, which is in %s", h.cluster, s.ID, s.ClusterName())
			}
			h.mu.Unlock()
		}
		wantLeases(t, subjectsOf(t, b.nc, held), ids)
	})
}

// awaitEach waits until so many stores have an event of the type, and wants each to have one.
func (b *testBench) awaitEach(want store.Type, stores int) {
	b.t.Helper()
	seen := map[store.ID]int{}
	b.await(func(e storelog.Entry) bool {
		if e.Message.Type == want {
			seen[e.Message.Store]++
		}
		return len(seen) == stores
	})
	for id, times := range seen {
		if times != 1 {
			b.t.Errorf("store %s became %s %d times", id, want, times)
		}
	}
}

// subjectsOf is what was heard so far.
func subjectsOf(t *testing.T, nc *nats.Conn, heard *nats.Subscription) []string {
	t.Helper()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for {
		msg, err := heard.NextMsg(10 * time.Millisecond)
		if err != nil {
			return subjects
		}
		subjects = append(subjects, msg.Subject)
	}
}

// wantLeases wants each store's lease to have been held under its own cluster's key alone.
func wantLeases(t *testing.T, subjects []string, ids []store.ID) {
	t.Helper()
	for n, id := range ids {
		want := "$KV." + storelog.BucketLeases + "." + store.ClusterKey(clusters[n%len(clusters)], string(id))
		if !slices.Contains(subjects, want) {
			t.Errorf("nobody held %s", want)
		}
		for _, subject := range subjects {
			if strings.HasSuffix(subject, string(id)) && subject != want {
				t.Errorf("store %s was held under %s", id, subject)
			}
		}
	}
}

// The heartbeat would tell too, seconds later.
func TestAHandHearsOfNewerCommandsOfItsCluster(t *testing.T) {
	for _, cluster := range clusters {
		t.Run(cluster, func(t *testing.T) {
			b := setup(t)
			b.createIn(cluster, id)
			following, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			defer running.Wait()
			defer stop()
			n := newNewerCommands(storelog.Commands(cluster), func(store.ID, uint64) {})
			working, cancel := context.WithCancelCause(t.Context())
			defer n.register(id, 1, cancel)()
			running.Go(func() { n.follow(following, b.log) })
			// The consumer delivers what comes after it was made.
			for late := time.After(patience); working.Err() == nil; {
				b.say(store.DeleteCommand)
				select {
				case <-working.Done():
				case <-time.After(50 * time.Millisecond):
				case <-late:
					t.Fatal("it heard of none")
				}
			}
			if cause := context.Cause(working); !errors.Is(cause, ErrSuperseded) {
				t.Error(cause)
			}
		})
	}
}

func (b *testBench) say(kind store.Type) {
	b.t.Helper()
	_, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{Type: kind, Actor: "test", Generation: s.Generation, Time: time.Now()}, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
