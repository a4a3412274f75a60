package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// fillSize bounds a transaction that fills: what is in the log meanwhile waits for it.
const fillSize = 256

const (
	// holdCheckpoint keeps others from moving it, and finds out whether somebody has.
	holdCheckpoint = `select from checkpoint where seq = $1 and epoch = $2 for update`

	emptyNewest = `with letters as (delete from dead_letters), again as (update shadow set epoch = '', seq = 0), lists as (delete from listed),
  grams as (delete from listed_grams), counts as (delete from listed_counts), usages as (delete from usage) delete from stores_4`

	readStores = `select id, opened, version, state::text from stores where version > $1 and id > $2 order by id limit $3`

	// A batch that came first didn't know where the store was opened.
	fillStores = `insert into stores_4 (id, opened, version, tenant, name, engine, status, state, standing, cluster, finished)
select id, opened, version, tenant, name, engine, status, state::json, standing, cluster, finished
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::text[], $11::boolean[])
  as row (id, opened, version, tenant, name, engine, status, state, standing, cluster, finished)
on conflict (id) do update set opened = excluded.opened, version = excluded.version, tenant = excluded.tenant,
  name = excluded.name, engine = excluded.engine, status = excluded.status, state = excluded.state, standing = excluded.standing,
  cluster = excluded.cluster, finished = excluded.finished`

	swap = `update shadow set epoch = $1, seq = $2`
)

// filling brings the newest tables as far as the checkpoint, from the tables of before, while the log is projected. They
// weren't there when the log was read, or somebody projected who doesn't know them. From the end of it on they move along
// with the checkpoint, and are what lists are read from.
type filling struct {
	// anew: nothing of what they hold is to be trusted.
	anew bool
	// since is how far they are, after the last store that has been filled since.
	since uint64
	after store.ID
	// due is closed while there is more to fill, and nil from then on.
	due chan struct{}
}

// beginFilling looks what there is to fill before the checkpoint of the log.
func beginFilling(ctx context.Context, conn *pgx.Conn, epoch string, seq uint64) (f filling, err error) {
	var of string
	if err := conn.QueryRow(ctx, "select epoch, seq from shadow").Scan(&of, &f.since); err != nil {
		return f, fmt.Errorf("read how far the newest tables are: %w", err)
	}
	if of == epoch && f.since == seq {
		return f, nil
	}
	// Ahead they are when a projector that doesn't know them makes the read model anew.
	if of != epoch || f.since > seq {
		f.anew, f.since = true, 0
	}
	f.due = make(chan struct{})
	close(f.due)
	return f, nil
}

// fill fills some more. What can't be filled stops nothing: lists go on as before.
func (w *writer) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.projector.answers)
	defer cancel()
	next := w.filling
	err := pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error { return w.fillSome(ctx, tx, &next) })
	var broken *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case err == nil:
		if w.filling = next; next.due == nil {
			slog.Info("the newest tables are filled", "seq", w.seq)
		}
	case unstorable(err), errors.As(err, &broken), errors.As(err, &other):
		slog.Error("the newest tables can't be filled; lists are read from those of before", "error", err)
		w.filling.due = nil
	default:
		return fmt.Errorf("fill the newest tables behind store %q: %w", w.filling.after, err)
	}
	return nil
}

func (w *writer) fillSome(ctx context.Context, tx pgx.Tx, f *filling) error {
	held, err := tx.Exec(ctx, holdCheckpoint, int64(w.seq), w.log.Epoch())
	if err != nil {
		return err
	}
	if held.RowsAffected() != 1 {
		return errOvertaken
	}
	if f.anew {
		if _, err := tx.Exec(ctx, emptyNewest); err != nil {
			return err
		}
		f.anew = false
	}
	rows, err := tx.Query(ctx, readStores, int64(f.since), string(f.after), fillSize)
	if err != nil {
		return err
	}
	stores := newStoreRows()
	count, err := takeStores(rows, stores, f)
	if err != nil {
		return err
	}
	if err := refillUsage(ctx, tx, stores.id); err != nil {
		return err
	}
	var b pgx.Batch
	if err := stores.queueInto(&b, fillStores); err != nil {
		return err
	}
	if count < fillSize {
		b.Queue(swap, w.log.Epoch(), int64(w.seq))
		f.due = nil
	}
	return tx.SendBatch(ctx, &b).Close()
}

// takeStores reads the rows and remembers the last.
func takeStores(rows pgx.Rows, into *storeRows, f *filling) (count int, err error) {
	defer rows.Close()
	for rows.Next() {
		var (
			opened, version uint64
			text            string
			s               store.State
		)
		if err := rows.Scan(&f.after, &opened, &version, &text); err != nil {
			return count, err
		}
		if err := storelog.Read([]byte(text), &s); err != nil {
			return count, fmt.Errorf("decode the state of store %s: %w", f.after, err)
		}
		s.Version = version
		into.set(f.after, opened, &s, text)
		count++
	}
	return count, rows.Err()
}
