package work

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/turn"
)

// lane is a way by which commands come, and the slots of those who work on them.
//
// All commands come by the first one, in their order. Stores that are being made may take all of its slots for minutes, in
// a cluster that has no room for them, and the broker tells no verb from another: so commands of stores that stand come
// by a second lane too, which leaves whatever else comes by it to the first. By whichever it comes earlier it is worked
// on, under the store's lease, and by the other it is found done. Nothing is lost with the second lane: all that it
// settles is settled in the log, or comes by the first.
type lane struct {
	*Worker
	durable string
	slots   int
	// standing says that it is the second one.
	standing bool
	// cutOff is set while nothing can be fetched.
	cutOff bool
}

// which is whose turns go by it.
func (l *lane) which() turn.Lane {
	if l.standing {
		return turn.Standing
	}
	return turn.All
}

func (w *Worker) lanes() []*lane {
	lanes := []*lane{{Worker: w, durable: w.durableOf(turn.All), slots: w.cfg.Slots}}
	if w.cfg.Standing > 0 {
		lanes = append(lanes, &lane{Worker: w, durable: w.durableOf(turn.Standing), slots: w.cfg.Standing, standing: true})
	}
	return lanes
}

func (w *Worker) durableOf(which turn.Lane) string {
	if which == turn.Standing {
		return storelog.DurableOfStanding(w.cfg.Name, w.cfg.Cluster)
	}
	return storelog.Durable(w.cfg.Name, w.cfg.Cluster)
}

// run takes commands until taking ends, and returns when what came was worked on.
func (l *lane) run(taking, working context.Context) {
	free := make(chan struct{}, l.slots)
	for range l.slots {
		free <- struct{}{}
	}
	var busy sync.WaitGroup
	defer busy.Wait()
	inUse := &l.measures.busy
	if l.standing {
		inUse = &l.measures.standing
	}
	work := func(msg jetstream.Msg) {
		inUse.Add(1)
		busy.Go(func() {
			defer func() { inUse.Add(-1); free <- struct{}{} }()
			l.handle(working, msg)
		})
	}
	pauses := again.Pauses{First: l.timing.snooze, Longest: l.timing.snooze, Tell: func(err error) {
		l.cutOff = true
		slog.Warn("no commands come from the durable consumer; making it anew until they do", "consumer", l.durable, "error", err)
	}}
	// It fails only when taking ends.
	_ = again.Always(taking, pauses, func(works func()) error { return l.takeFrom(taking, free, work, works) })
}

// takeFrom says by works when commands can be fetched.
func (l *lane) takeFrom(taking context.Context, free chan struct{}, work func(jetstream.Msg), works func()) error {
	consumer, err := l.consumer(taking)
	if err != nil {
		return err
	}
	for taking.Err() == nil {
		if err := l.takeSome(taking, consumer, free, work); err != nil {
			return fmt.Errorf("fetch commands: %w", err)
		}
		works()
		if l.cutOff {
			l.cutOff = false
			slog.Info("commands come again", "consumer", l.durable)
		}
	}
	return nil
}

// takeSome waits a while for as many commands as there are free slots, because a message waits for its acknowledgement
// from the moment it is delivered. One question for all of them: idle slots that each asked would be most of what the
// broker has to do.
func (l *lane) takeSome(taking context.Context, consumer jetstream.Consumer, free chan struct{}, work func(jetstream.Msg)) error {
	slots := await(taking, free)
	defer func() {
		for range slots {
			free <- struct{}{}
		}
	}()
	if slots == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(taking, l.timing.ackWait)
	defer cancel()
	batch, err := consumer.Fetch(slots, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(l.timing.ackWait/6))
	if err != nil {
		return err
	}
	slots -= l.takeOf(batch.Messages(), work)
	if err := batch.Error(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// takeOf takes what comes of a batch until it ends, and says where nothing does for a while.
func (l *lane) takeOf(batch <-chan jetstream.Msg, work func(jetstream.Msg)) (taken int) {
	idle := time.NewTicker(l.timing.idle)
	defer idle.Stop()
	for {
		select {
		case msg, more := <-batch:
			if !more {
				return taken
			}
			taken++
			work(msg)
			idle.Reset(l.timing.idle)
		case <-idle.C:
			l.turns.idle(l.which())
		}
	}
}

// await takes all free slots, once there is one; none when ctx ends before.
func await(ctx context.Context, free <-chan struct{}) int {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	for taken := 1; ; taken++ {
		select {
		case <-free:
		default:
			return taken
		}
	}
}

// consumer makes the durable consumer or finds it. MaxDeliver and MaxAckPending are unlimited because the broker counts
// snoozes too: with a limit it goes silent and a delete is lost.
func (l *lane) consumer(ctx context.Context) (jetstream.Consumer, error) {
	config := jetstream.ConsumerConfig{
		Durable: l.durable, FilterSubject: l.cfg.Commands(l.cfg.Cluster), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: l.timing.ackWait, MaxDeliver: -1, MaxAckPending: -1, MaxWaiting: 8192,
	}
	if l.standing {
		// What was appended before there was a second lane comes by the first, and all of a large log would come by both.
		config.DeliverPolicy = jetstream.DeliverNewPolicy
	}
	c, err := l.log.JetStream().CreateOrUpdateConsumer(ctx, storelog.Stream, config)
	if err != nil {
		return nil, fmt.Errorf("ensure durable consumer %s: %w", l.durable, err)
	}
	return c, nil
}
