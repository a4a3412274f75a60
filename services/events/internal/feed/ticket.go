package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/feed"
)

// errTicket: there is no such ticket, or not any more. Which of these is nobody's business.
var errTicket = errors.New("the feed ticket is missing, spent or too old")

// A ticket may be looked for on a replica that hasn't heard of it yet: tickets come milliseconds after they are made,
// and buckets answer from any replica.
const (
	ticketTries = 4
	ticketPause = 50 * time.Millisecond
)

// look reads what a ticket stands for, and the revision that spends it.
func look(ctx context.Context, tickets jetstream.KeyValue, key string) (feed.Ticket, uint64, error) {
	if key == "" {
		return feed.Ticket{}, 0, errTicket
	}
	entry, err := find(ctx, tickets, key)
	if err != nil {
		return feed.Ticket{}, 0, err
	}
	var ticket feed.Ticket
	if err := json.Unmarshal(entry.Value(), &ticket); err != nil {
		return feed.Ticket{}, 0, fmt.Errorf("decode a feed ticket: %w", err)
	}
	if ticket.Scope.SeesNothing() {
		return feed.Ticket{}, 0, errTicket
	}
	return ticket, entry.Revision(), nil
}

// spend makes a ticket worthless: of two who have read it, only one deletes the revision that was read.
func spend(ctx context.Context, tickets jetstream.KeyValue, key string, revision uint64) error {
	err := tickets.Delete(ctx, key, jetstream.LastRevision(revision))
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return errTicket
	}
	if err != nil {
		return fmt.Errorf("spend a feed ticket: %w", err)
	}
	return nil
}

func find(ctx context.Context, tickets jetstream.KeyValue, key string) (jetstream.KeyValueEntry, error) {
	for try := 1; ; try++ {
		entry, err := tickets.Get(ctx, key)
		switch {
		case err == nil:
			return entry, nil
		case errors.Is(err, jetstream.ErrInvalidKey), errors.Is(err, jetstream.ErrKeyDeleted):
			return nil, errTicket
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return nil, fmt.Errorf("read a feed ticket: %w", err)
		case try == ticketTries:
			return nil, errTicket
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("read a feed ticket: %w", ctx.Err())
		case <-time.After(ticketPause):
		}
	}
}
