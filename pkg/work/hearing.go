package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// lookBack is how much of the log a worker reads at its start to know who waits. What was asked for before and still waits is
	// in nobody's way until it is delivered.
	lookBack = 10_000
	// lately is how much it reads of what is settled, to know who was served last.
	lately = 1_000
)

// errRemade: there is another log under the name.
var errRemade = errors.New("the log was made anew")

// hearing is how far a process has heard the log of its line.
type hearing struct {
	// epoch is the log's, empty while none was met.
	epoch string
	// heard is the last message that was, told the last one that this process has written or read itself.
	heard, told uint64
	// listens says that the log was heard to its end and is heard on, and news is closed with the next message.
	listens bool
	news    chan struct{}
}

// follow hears the log of one cluster, from its oldest unsettled command on, until ctx ends.
func (t *turns) follow(ctx context.Context, log *storelog.Log, cfg Config) {
	pauses := again.Pauses{First: time.Second, Longest: 5 * time.Second, Tell: func(err error) {
		slog.Warn("who waits isn't known, commands are begun as they come", "error", err)
	}}
	// It fails only when ctx ends.
	_ = again.Always(ctx, pauses, func(works func()) error { return t.followOne(ctx, log, cfg, works) })
}

// followOne fails when the log has been made anew: its consumer would wait for the sequences of the old one, and what the line says
// of stores would be newer than all that comes.
func (t *turns) followOne(ctx context.Context, log *storelog.Log, cfg Config, works func()) error {
	epoch, head, err := log.Now(ctx)
	if err != nil {
		return err
	}
	settled, err := log.Settled(ctx, storelog.Durable(cfg.Name, cfg.Cluster))
	if err != nil {
		return err
	}
	t.meet(epoch)
	works()
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { cancel(t.watch(ctx, log, epoch)) })
	after := max(min(settled, head-min(head, lately)), head-min(head, lookBack))
	_ = log.TailOf(ctx, cfg.Cluster, after, t.hear, t.heardAll)
	return context.Cause(ctx)
}

// watch asks which log there is until it is another one. Silence says nothing.
func (t *turns) watch(ctx context.Context, log *storelog.Log, epoch string) error {
	look := time.NewTicker(t.timing.heartbeat)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
		if present, _, err := log.Now(ctx); err == nil && present != epoch {
			return fmt.Errorf("%w: %s instead of %s", errRemade, present, epoch)
		}
	}
}

// meet begins the line anew if the log is another than before. What was delivered before any was met is of the first.
func (t *turns) meet(epoch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != "" && t.epoch != epoch {
		t.renew()
		t.heard, t.told = 0, 0
		t.tell()
	}
	t.epoch = epoch
}

func (t *turns) hear(raw storelog.Raw) error {
	entry, err := raw.Entry()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.line.Hear(entry.Message, entry.State)
	} else if id, err := storelog.StoreOf(raw.Subject); err == nil {
		t.line.Drop(id) // nobody of this release begins it
	}
	t.heard = raw.Seq
	t.tell()
	if t.listens {
		t.call(time.Now())
	}
	return nil
}

// heardAll is told when there is no more of the log by now. Before, whose turn it is isn't known.
func (t *turns) heardAll() {
	t.mu.Lock()
	t.listens = true
	t.call(time.Now())
	t.mu.Unlock()
	t.known()
}

// tell wakes who waits for news. The lock is held.
func (t *turns) tell() {
	close(t.news)
	t.news = make(chan struct{})
}

// catchUp waits until the line has what this process knows otherwise, which is on its way: or a slot that gets free were filled before
// it is known who came while it was in use. Where nothing comes nobody waits long.
func (t *turns) catchUp(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	atMost := time.NewTimer(t.timing.idle)
	defer atMost.Stop()
	for t.listens && t.heard < t.told {
		news := t.news
		t.mu.Unlock()
		select {
		case <-news:
			t.mu.Lock()
			continue
		case <-ctx.Done():
		case <-atMost.C:
		}
		t.mu.Lock()
		t.listens, t.told = false, t.heard
	}
}
