// Package audit keeps what the stream AUDIT tells in Postgres, beyond what the stream holds itself. Its table is no part
// of the read model that a rebuild drops: nothing could make it again.
//
// Every replica reads, and a row is one entry however often it is read: the entries are few, and a lock would be one more
// thing to lose.
package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// tries are apart while there is no stream, too.
var tries = again.Pauses{First: time.Second, Longest: 2 * time.Second, Tell: func(err error) {
	slog.Warn("the audit isn't read, trying again", "error", err)
}}

const (
	// answers bounds what is asked of Postgres at once.
	answers = 30 * time.Second
	// batchSize bounds a transaction.
	batchSize = 256
	// checkEvery is how often a quiet reader makes sure that the stream is still the same one, and tidyEvery how often
	// the table is brought back to its bounds.
	checkEvery = 30 * time.Second
	tidyEvery  = time.Hour
	// keepFor is how long a row is kept, in days, and keepEach how many of one kind by one actor among one tenant's stores, an account
	// by whichever of its tokens: the stream keeps fewer, and more would be noise.
	keepFor  = 400
	keepEach = 1000
)

// errRemade: the stream under the name is another than the one that was read.
var errRemade = errors.New("the audit was made anew")

// Keeper reads the stream into the table. Make it with New.
type Keeper struct {
	nc   *nats.Conn
	pool *pgxpool.Pool
	// check is checkEvery.
	check time.Duration
}

// New makes a keeper.
func New(nc *nats.Conn, pool *pgxpool.Pool) *Keeper {
	return &Keeper{nc: nc, pool: pool, check: checkEvery}
}

// Run reads until ctx ends. It waits for the stream, which a gateway of this release makes, for the broker and for
// Postgres, however long they take.
func (k *Keeper) Run(ctx context.Context) error {
	return again.Always(ctx, tries, func(works func()) error {
		var worked atomic.Bool
		err := k.follow(ctx, &worked)
		if worked.Load() {
			works()
		}
		return err
	})
}

// follow reads one stream from where it was left, until something goes wrong, and says whether it worked before that.
func (k *Keeper) follow(ctx context.Context, worked *atomic.Bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	log, err := storelog.Open(ctx, k.nc)
	if err != nil {
		return err
	}
	stream, err := log.Audit(ctx)
	if err != nil {
		return err
	}
	from, err := k.checkpoint(ctx, stream.Epoch())
	if err != nil {
		return err
	}
	go func() { cancel(k.watch(ctx, log, stream.Epoch(), worked)) }()
	var batch []storelog.Audited
	err = stream.Tail(ctx, from, func(a storelog.Audited) error {
		if batch = append(batch, a); a.Pending > 0 && len(batch) < batchSize {
			return nil
		}
		err := k.write(ctx, stream.Epoch(), batch)
		if err == nil {
			worked.Store(true)
		}
		batch = batch[:0]
		return err
	})
	return errors.Join(err, context.Cause(ctx))
}

// watch tidies the table, says when the stream is about to forget what isn't old, and returns when it is gone or has been
// made anew: a consumer would wait for the sequences of the old one.
func (k *Keeper) watch(ctx context.Context, log *storelog.Log, epoch string, worked *atomic.Bool) error {
	check, tidy := time.NewTicker(k.check), time.NewTicker(tidyEvery)
	defer check.Stop()
	defer tidy.Stop()
	for warned := false; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-check.C:
			now, err := log.Audit(ctx)
			switch {
			case errors.Is(err, jetstream.ErrStreamNotFound):
				return err
			case err != nil:
				continue // Tail will see
			case now.Epoch() != epoch:
				return fmt.Errorf("%w: %s instead of %s", errRemade, now.Epoch(), epoch)
			}
			worked.Store(true)
			if full := now.NearlyFull(); full != warned {
				if warned = full; full {
					slog.Warn("the audit's stream is nearly full: soon its oldest entries go before their time, and stay in the table only")
				}
			}
		case <-tidy.C:
			if err := k.tidy(ctx); err != nil {
				slog.Warn("tidy the audit", "error", err)
			}
		}
	}
}

func (k *Keeper) checkpoint(ctx context.Context, epoch string) (seq uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	err = k.pool.QueryRow(ctx, "select seq from audit_checkpoint where epoch = $1", epoch).Scan(&seq)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read how far the audit was read: %w", err)
	}
	return seq, nil
}

const (
	insert = `insert into audit (epoch, seq, at, what, tenant, store, actor, origin, about, before, after) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict do nothing`

	move = `insert into audit_checkpoint as c (epoch, seq) values ($1, $2)
on conflict (epoch) do update set seq = greatest(c.seq, excluded.seq)`
)

// write keeps a batch, and moves the checkpoint with it. What can't be decoded is kept by its kind: that there was
// something is evidence too.
func (k *Keeper) write(ctx context.Context, epoch string, batch []storelog.Audited) error {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	var rows pgx.Batch
	for _, a := range batch {
		if a.Err != nil {
			slog.Error("an audit entry can't be read", "seq", a.Seq, "error", a.Err)
		}
		e := a.Entry
		rows.Queue(insert, epoch, int64(a.Seq), a.Time, printable(string(e.What)), printable(e.Tenant), printable(string(e.Store)),
			printable(e.Actor), printable(e.From), printable(e.Subject), printable(e.Before), printable(e.After))
	}
	rows.Queue(move, epoch, int64(batch[len(batch)-1].Seq))
	err := pgx.BeginFunc(ctx, k.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &rows).Close() })
	if err != nil {
		return fmt.Errorf("keep audit entries %d to %d: %w", batch[0].Seq, batch[len(batch)-1].Seq, err)
	}
	return nil
}

// tidy brings the table back to its bounds.
func (k *Keeper) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	_, err := k.pool.Exec(ctx, `delete from audit where at < now() - make_interval(days => $1) or (epoch, seq) in (
  select epoch, seq from (
    select epoch, seq, row_number() over (partition by what, tenant, split_part(actor, '/', 1) order by at desc, seq desc) as place from audit
  ) placed where place > $2)`, keepFor, keepEach)
	if err != nil {
		return fmt.Errorf("delete what the audit needn't keep: %w", err)
	}
	return nil
}

// printable makes a text of what may be none: JSON can say a NUL, and Postgres can't hold one.
func printable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
