package work

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// summon has what the line wants delivered, whoever it was delivered to, until ctx ends.
//
// A refusal needs to be of no particular delivery for the broker: that it knows the sequences is enough. So it can be said for
// a worker that died. Where the worker lives, and is about to begin, the second delivery finds the lease held; and where the command was never delivered
// it says nothing, since that comes by itself.
func (w *Worker) summon(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case one := <-w.turns.wanted:
			if err := w.summonOne(ctx, one); err != nil && ctx.Err() == nil {
				slog.Warn("have a command delivered whose turn has come; it comes at its time", "generation", one.generation, "error", err)
			}
		}
	}
}

func (w *Worker) summonOne(ctx context.Context, one wanted) error {
	durable := w.durableOf(one.lane)
	last, err := w.log.Delivered(ctx, durable)
	if err != nil {
		return err
	}
	answer := fmt.Sprintf("%s%s.%s.1.%d.%d.%d.0", answers, storelog.Stream, durable, one.generation, last, time.Now().UnixNano())
	if err := w.log.JetStream().Conn().Publish(answer, []byte(refusal)); err != nil {
		return fmt.Errorf("refuse a delivery: %w", err)
	}
	return nil
}
