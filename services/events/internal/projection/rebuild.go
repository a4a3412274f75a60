package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// tellEvery is how often a rebuild says how far it is.
const tellEvery = 250 * time.Millisecond

// Rebuild drops the read model and has the log replayed, from its first message to what is its end now, and tells how far
// that is. It is also the way out when projectors refuse the log they have found.
//
// It takes no lock from anybody. The rows are dropped in one transaction that sets the checkpoint to zero: a projector
// finds with its next batch or check that the checkpoint isn't where it left it, and begins anew by itself. So
// whoever projects rebuilds, this process when no other does, and when this process is killed the others go on.
func Rebuild(ctx context.Context, nc *nats.Conn, pool *pgxpool.Pool, tell func(done, total uint64)) error {
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return err
	}
	total, err := log.Head(ctx)
	if err != nil {
		return err
	}
	if err := drop(ctx, pool, log.Epoch(), total); err != nil {
		return err
	}
	projecting, stop := context.WithCancel(ctx)
	defer stop()
	projector := New(nc, pool.Config().ConnConfig, NewProgress())
	ended := make(chan error, 1)
	go func() { ended <- projector.Run(projecting) }()
	err = follow(ctx, pool, projector, total, tell)
	stop()
	return errors.Join(err, <-ended)
}

// drop empties the tables and puts the checkpoint before the first message of this log. That it is being rebuilt stands
// there until the checkpoint is past the end that the log has now.
func drop(ctx context.Context, pool *pgxpool.Pool, epoch string, total uint64) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// In the order in which a projector's transaction takes them, or the two would wait for each other.
		if _, err := tx.Exec(ctx, "truncate checkpoint, events, stores, stores_4, dead_letters, listed, listed_grams, listed_counts, usage, set_aside, filling"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, swap, "", 0); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "insert into checkpoint (epoch, seq, rebuilding) values ($1, 0, $2)", epoch, total)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop the read model: %w", err)
	}
	return nil
}

// follow waits until the whole log is projected, by whichever replica.
func follow(ctx context.Context, pool *pgxpool.Pool, projector *Projector, total uint64, tell func(done, total uint64)) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		_, seq, err := readmodel.Checkpoint(ctx, pool)
		if err == nil {
			tell(min(seq, total), total)
			if seq >= total {
				return nil
			}
		}
		if refusal := projector.Refusal(); refusal != nil {
			return refusal
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the rebuild, which goes on in any replica: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
