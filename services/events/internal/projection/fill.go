package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// fillSize bounds a transaction that fills: what is in the log meanwhile waits for it.
	fillSize = 256
	// fillShare is the part of what Postgres has for an answer in which it is to fill what it is given; else it is given less.
	fillShare = 4
	// pieceSize is how many messages are taken at once of a store that takes too long.
	pieceSize = 256
)

const (
	// holdCheckpoint keeps others from moving it, and finds out whether somebody has.
	holdCheckpoint = `select from checkpoint where seq = $1 and epoch = $2 for update`

	// Not deleted: that takes as long as there is much.
	emptyNewest = `truncate stores_4, dead_letters, listed, listed_grams, listed_counts, usage`

	readFilling = `select since, after, part, upto from filling where epoch = $1 and seq = $2`

	keepFilling = `insert into filling (epoch, seq, since, after, part, upto) values ($1, $2, $3, $4, $5, $6)
on conflict (only_row) do update set epoch = excluded.epoch, seq = excluded.seq, since = excluded.since, after = excluded.after,
  part = excluded.part, upto = excluded.upto`

	beginPart = `update filling set upto = 0`

	dropFilling = `delete from filling`

	readStores = `select id, opened, version, state::text from stores where version > $1 and id > $2 order by id limit $3`

	readStore = `select id, opened, version, state::text from stores where id = $1`

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
	// part is a store that is taken by pieces, and upto the last message of it that is. What batches bring of it the last piece finds.
	part store.ID
	upto uint64
	// stores are taken at once, most at most, and where one of them is too much so many messages of it; zero are all that it has.
	stores, most, messages int
	// due is closed while there is more to fill, and nil from then on.
	due chan struct{}
}

// beginFilling looks what there is to fill before the checkpoint of the log.
func beginFilling(ctx context.Context, conn *pgx.Conn, epoch string, seq uint64, most int) (filling, error) {
	f := filling{stores: most, most: most}
	var of string
	if err := conn.QueryRow(ctx, "select epoch, seq from shadow").Scan(&of, &f.since); err != nil {
		return f, fmt.Errorf("read how far the newest tables are: %w", err)
	}
	if of == epoch && f.since == seq {
		return f, nil
	}
	f.due = make(chan struct{})
	close(f.due)
	err := conn.QueryRow(ctx, readFilling, epoch, int64(seq)).Scan(&f.since, &f.after, &f.part, &f.upto)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		// Ahead they are when a projector that doesn't know them makes the read model anew.
		if of != epoch || f.since > seq {
			f.anew, f.since = true, 0
		}
	case err != nil:
		return f, fmt.Errorf("read how far the newest tables are filled: %w", err)
	case f.part != "":
		f.stores, f.messages = 1, pieceSize
	}
	return f, nil
}

// fill fills some more. What can't be filled stops nothing: lists go on as before.
func (w *writer) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.projector.answers)
	defer cancel()
	next := w.filling
	bound := w.projector.answers / fillShare
	began := time.Now()
	late := false
	err := pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
		// Within ctx, which is still there to take back what took too long.
		some, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		err := w.fillSome(some, tx, &next)
		late = err != nil && some.Err() != nil
		return err
	})
	var broken *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case err == nil:
		if w.filling = next; next.due == nil {
			slog.Info("the newest tables are filled", "seq", w.seq)
		}
		if time.Since(began) < bound/4 {
			w.filling.takeMore()
		}
	case late && ctx.Err() == nil && !w.conn.IsClosed() && w.filling.takeLess():
		slog.Warn("filling the newest tables takes long; trying with less", "after", w.filling.after,
			"stores", w.filling.stores, "messages", w.filling.messages, "error", err)
	case unstorable(err), errors.As(err, &broken), errors.As(err, &other):
		slog.Error("the newest tables can't be filled; lists are read from those of before", "error", err)
		w.filling.due = nil
	default:
		return fmt.Errorf("fill the newest tables behind store %q: %w", w.filling.after, err)
	}
	return nil
}

// takeLess says whether there is less to be taken at once.
func (f *filling) takeLess() bool {
	switch {
	case f.stores > 1:
		f.stores /= 2
	case f.messages == 0:
		f.messages = pieceSize
	case f.messages > 1:
		f.messages /= 2
	default:
		return false
	}
	return true
}

func (f *filling) takeMore() {
	if f.messages > 0 {
		f.messages = min(2*f.messages, pieceSize)
	} else {
		f.stores = min(2*f.stores, f.most)
	}
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
	stores, err := f.read(ctx, tx)
	if err != nil {
		return err
	}
	whole, err := f.fillUsage(ctx, tx, stores.id)
	if err != nil {
		return err
	}
	var b pgx.Batch
	if whole {
		if err := stores.queueInto(&b, fillStores); err != nil {
			return err
		}
		f.pass(stores)
	}
	if f.due == nil {
		b.Queue(swap, w.log.Epoch(), int64(w.seq))
		b.Queue(dropFilling)
	} else {
		b.Queue(keepFilling, w.log.Epoch(), int64(w.seq), int64(f.since), string(f.after), string(f.part), int64(f.upto))
	}
	return tx.SendBatch(ctx, &b).Close()
}

// read takes the stores whose turn it is.
func (f *filling) read(ctx context.Context, tx pgx.Tx) (*storeRows, error) {
	var rows pgx.Rows
	var err error
	if f.part != "" {
		rows, err = tx.Query(ctx, readStore, string(f.part))
	} else {
		rows, err = tx.Query(ctx, readStores, int64(f.since), string(f.after), f.stores)
	}
	if err != nil {
		return nil, err
	}
	return takeStores(rows)
}

// fillUsage makes the stores' spans, and says whether these are all.
func (f *filling) fillUsage(ctx context.Context, tx pgx.Tx, ids []string) (whole bool, err error) {
	if f.messages == 0 || len(ids) == 0 {
		return true, refillUsage(ctx, tx, ids)
	}
	if f.part = store.ID(ids[0]); f.upto == 0 {
		if _, err := tx.Exec(ctx, dropUsage, ids); err != nil {
			return false, fmt.Errorf("drop the usage of a store: %w", err)
		}
	}
	last, count, err := addUsage(ctx, tx, ids, f.upto, f.messages)
	if err != nil {
		return false, err
	}
	f.upto = last
	return count < f.messages, nil
}

// pass goes on behind what has been filled.
func (f *filling) pass(stores *storeRows) {
	if f.part == "" && len(stores.id) < f.stores {
		f.due = nil
		return
	}
	f.after = store.ID(stores.id[len(stores.id)-1])
	f.part, f.upto, f.messages = "", 0, 0
}

func takeStores(rows pgx.Rows) (*storeRows, error) {
	defer rows.Close()
	stores := newStoreRows()
	for rows.Next() {
		var (
			id              store.ID
			opened, version uint64
			text            string
			s               store.State
		)
		if err := rows.Scan(&id, &opened, &version, &text); err != nil {
			return nil, err
		}
		if err := storelog.Read([]byte(text), &s); err != nil {
			return nil, fmt.Errorf("decode the state of store %s: %w", id, err)
		}
		s.Version = version
		stores.set(id, opened, &s, text)
	}
	return stores, rows.Err()
}
