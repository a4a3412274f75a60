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
	// filter is that of the cluster's commands.
	filter  string
	mu      sync.Mutex
	running map[*running]struct{}
}

type running struct {
	id         store.ID
	generation uint64
	cancel     context.CancelCauseFunc
}

func newNewerCommands(filter string) *newerCommands {
	return &newerCommands{filter: filter, running: map[*running]struct{}{}}
}

// register returns the function that ends the registration. A store may have several at once: a command that is
// delivered again meets the slot that still works on it.
func (n *newerCommands) register(id store.ID, generation uint64, cancel context.CancelCauseFunc) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := &running{id, generation, cancel}
	n.running[r] = struct{}{}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.running, r)
	}
}

func (n *newerCommands) appended(id store.ID, generation uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for r := range n.running {
		if r.id == id && generation > r.generation {
			r.cancel(ErrSuperseded)
		}
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
		FilterSubjects: []string{n.filter}, DeliverPolicy: jetstream.DeliverNewPolicy, HeadersOnly: true,
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
