package projection

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// What an operator does with a message that was set aside is a message itself, so that the same log always makes the
// same rows: a message that can be read by now gets the rows it would have got at once.
const (
	discard = `update set_aside set discarded = $2 where seq = $1 and discarded is null`

	insertAgain = `insert into events (seq, store, tenant, type, at, actor, generation, facts, state)
select $1, $2, $3, $4, $5, $6, $7, $8::text::json, $9::text::json where exists (select from set_aside where seq = $1)`

	// Its store has at least one newer message, the operator's: what that said of the store stays.
	openAgain = `with before as (
  update stores set opened = least(opened, $1) where id = $2 and exists (select from set_aside where seq = $1)
), list as (
  update listed set opened = least(opened, $1) where id = $2 and exists (select from set_aside where seq = $1)
)
update stores_4 set opened = least(opened, $1) where id = $2 and exists (select from set_aside where seq = $1)`

	takeBack = `delete from set_aside where seq = $1`

	keepAside = `update set_aside set error = $2 where seq = $1`
)

// read decodes a message and, when an operator wants another one read again, that one.
func read(ctx context.Context, log *storelog.Log, raw storelog.Raw) (*item, error) {
	it := decode(raw)
	m := it.entry.Message
	if it.err != nil || m.Type != store.Redriven {
		return it, nil
	}
	again, err := log.Message(ctx, m.Facts.DeadLetter)
	switch {
	case errors.Is(err, storelog.ErrNoMessage):
		return it, nil
	case err != nil:
		return nil, err
	}
	it.again = decode(again)
	return it, nil
}

// queueAct does what the message says of another one.
func (it *item) queueAct(b *pgx.Batch) {
	if it.err != nil {
		return
	}
	m := it.entry.Message
	switch {
	case m.Type == store.Discarded:
		b.Queue(discard, m.Facts.DeadLetter, printable(m.Facts.Message))
	case it.again != nil && it.again.err != nil:
		b.Queue(keepAside, it.again.raw.Seq, printable(it.again.err.Error()))
	case it.again != nil:
		it.again.queueAgain(b)
	}
}

func (it *item) queueAgain(b *pgx.Batch) {
	m := it.entry.Message
	b.Queue(insertAgain, m.Seq, string(m.Store), m.Tenant, string(m.Type), m.Time, m.Actor, m.Generation, it.facts, it.state)
	b.Queue(openAgain, m.Seq, string(m.Store))
	b.Queue(takeBack, m.Seq)
}

// readAgain are the stores of which the batch has a message read again: what came behind that was told without it.
func readAgain(batch []*item) (ids []string) {
	for _, it := range batch {
		if it.err == nil && it.again != nil && it.again.err == nil {
			ids = append(ids, string(it.again.entry.Message.Store))
		}
	}
	return ids
}
