package work

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// newerCommands cancels an operation the moment a newer command for its store is appended. One consumer a process
// serves all of them; should it miss one, the operation's next heartbeat reads the log.
type newerCommands struct {
	mu      sync.Mutex
	running map[store.ID]running
}

type running struct {
	generation uint64
	cancel     context.CancelCauseFunc
}

func newNewerCommands() *newerCommands {
	return &newerCommands{running: map[store.ID]running{}}
}

// register returns the function that ends the registration.
func (n *newerCommands) register(id store.ID, generation uint64, cancel context.CancelCauseFunc) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running[id] = running{generation, cancel}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.running[id].generation == generation {
			delete(n.running, id)
		}
	}
}

func (n *newerCommands) appended(id store.ID, generation uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r, ok := n.running[id]; ok && generation > r.generation {
		r.cancel(ErrSuperseded)
	}
}

func (n *newerCommands) follow(ctx context.Context, log *storelog.Log) {
	for ctx.Err() == nil {
		if err := n.followOnce(ctx, log); err != nil && ctx.Err() == nil {
			slog.Warn("watch for newer commands", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (n *newerCommands) followOnce(ctx context.Context, log *storelog.Log) error {
	consumer, err := log.JetStream().OrderedConsumer(ctx, storelog.Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{storelog.Commands}, DeliverPolicy: jetstream.DeliverNewPolicy, HeadersOnly: true,
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		msg, err := messages.Next()
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if id, err := storelog.StoreOf(msg.Subject()); err == nil {
			n.appended(id, meta.Sequence.Stream)
		}
	}
}
