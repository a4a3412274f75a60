package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	gorilla "github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	// replayPage bounds the rows, and scanPage the messages of the stream, that are read at a time.
	replayPage = 500
	scanPage   = 2000
	// recallTimeout is for one page of Postgres.
	recallTimeout = 5 * time.Second
	// listable bounds the wait of a client that begins, or begins anew, for Postgres to have what it won't be told:
	// whoever lists its stores after hello has then missed nothing.
	listable = 2 * time.Second
)

// Reasons of a reset.
const (
	resetEpoch  = "epoch"
	resetBehind = "behind"
)

// errScanned ends the reading of a page of the stream.
var errScanned = errors.New("enough messages")

// place decides from where on a client is told. Without since, or with one that can't be continued from, that is the
// newest message.
func (h *Hub) place(ctx context.Context, log *storelog.Log, since *feed.Cursor) (from feed.Cursor, reset string, err error) {
	last, _, _ := h.Stats()
	newest := feed.Cursor{Epoch: log.Epoch(), Seq: last}
	if since != nil {
		head := last
		if since.Epoch == log.Epoch() && since.Seq > head {
			// Another replica has told it more than this one has heard of yet; or the log has lost its end.
			if head, err = log.Head(ctx); err != nil {
				return newest, "", err
			}
		}
		switch {
		case since.Epoch != log.Epoch() || since.Seq > head:
			reset = resetEpoch
		case head-since.Seq > h.behind:
			reset = resetBehind
		default:
			return *since, "", nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, listable)
	defer cancel()
	if err := h.progress.Wait(ctx, log.Epoch(), last); err != nil {
		slog.Debug("greeting a feed client ahead of the projection", "error", err)
	}
	return newest, reset, nil
}

// catchUp tells what is behind seq until the client is a live one.
func (c *client) catchUp(ctx context.Context, h *Hub, log *storelog.Log, seq uint64) error {
	for ctx.Err() == nil {
		part, reached, joined := h.join(c, seq)
		if joined {
			return nil
		}
		if reached == seq {
			var err error
			part, reached, err = c.replay(ctx, h, log, seq)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				slog.Warn("replay for a feed client", "seq", seq, "error", err)
				return notNow
			}
		}
		if err := c.send(part...); err != nil {
			return err
		}
		seq = reached
	}
	return nil
}

// replay reads a page behind seq from Postgres, or from the stream where Postgres ends or can't be asked, and returns
// what the client wants of it and how far it reaches.
func (c *client) replay(ctx context.Context, h *Hub, log *storelog.Log, seq uint64) ([]*gorilla.PreparedMessage, uint64, error) {
	select {
	case <-ctx.Done():
		return nil, seq, nil
	case h.replays <- struct{}{}:
	}
	defer func() { <-h.replays }()
	entries, reached, err := c.recall(ctx, h, log, seq)
	if err != nil {
		// The stream has all of it too. It is only slower to read: every tenant's messages instead of one's.
		slog.Warn("replay without Postgres", "seq", seq, "error", err)
	}
	if reached == seq {
		entries, reached, err = c.scan(ctx, h, log, seq)
	}
	if err != nil {
		return nil, seq, err
	}
	messages := make([]*gorilla.PreparedMessage, 0, len(entries))
	for _, entry := range entries {
		e, err := eventOf(log.Epoch(), entry)
		if err != nil {
			return nil, seq, err
		}
		if m := c.told(e); m != nil {
			messages = append(messages, m)
		}
	}
	return messages, reached, nil
}

// recall reads a page of Postgres; it reaches no further than seq when Postgres holds no more, or that of another log.
func (c *client) recall(ctx context.Context, h *Hub, log *storelog.Log, seq uint64) ([]storelog.Entry, uint64, error) {
	// A query that a vanishing client cancels would take its connection out of the pool.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recallTimeout)
	defer cancel()
	epoch, checkpoint, err := readmodel.Checkpoint(ctx, h.pool)
	if err != nil || epoch != log.Epoch() || checkpoint <= seq {
		return nil, seq, err
	}
	entries, more, err := readmodel.History(ctx, h.pool, readmodel.Span{
		After: seq, Upto: checkpoint, Scope: c.ticket.Scope, Store: c.store, Limit: replayPage,
	})
	if err != nil {
		return nil, seq, err
	}
	if more {
		return entries, entries[len(entries)-1].Message.Seq, nil
	}
	return entries, checkpoint, nil
}

// scan reads a page of the stream, but no further than to where the ring begins.
func (c *client) scan(ctx context.Context, h *Hub, log *storelog.Log, seq uint64) ([]storelog.Entry, uint64, error) {
	h.mu.Lock()
	upto := min(h.ring.floor, seq+scanPage)
	h.mu.Unlock()
	if upto <= seq {
		return nil, seq, nil
	}
	var entries []storelog.Entry
	err := log.Tail(ctx, seq, func(raw storelog.Raw) error {
		entry, err := readmodel.Decode(raw)
		if errors.Is(err, storelog.ErrNewerSchema) {
			return err
		}
		if err == nil && c.wants(entry.Message) {
			entries = append(entries, entry)
		}
		if raw.Seq >= upto {
			return errScanned
		}
		return nil
	})
	if err != nil && !errors.Is(err, errScanned) && ctx.Err() == nil {
		return nil, seq, fmt.Errorf("scan the log behind %d: %w", seq, err)
	}
	if ctx.Err() != nil {
		return nil, seq, nil
	}
	return entries, upto, nil
}

// wants spares a page of the stream from being prepared for nobody.
func (c *client) wants(m store.Message) bool {
	return (c.store == "" || m.Store == c.store) && (c.ticket.Scope.Sees(m.Tenant) || m.Type == store.Transferred && c.ticket.Scope.Sees(m.Facts.From))
}
