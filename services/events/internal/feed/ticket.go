package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/query"
)

// errTicket: there is no such ticket, or not any more. Which of these is nobody's business.
var errTicket = errors.New("the feed ticket is missing, spent or too old")

// A ticket may be looked for on a replica that hasn't heard of it yet: tickets come milliseconds after they are made,
// and buckets answer from any replica.
const (
	ticketTries = 4
	ticketPause = 50 * time.Millisecond
)

// spend trades a ticket for what it stands for, once: of two who read it only one deletes the revision that was read.
func spend(ctx context.Context, tickets jetstream.KeyValue, key string) (query.Ticket, error) {
	if key == "" {
		return query.Ticket{}, errTicket
	}
	entry, err := find(ctx, tickets, key)
	if err != nil {
		return query.Ticket{}, err
	}
	var ticket query.Ticket
	if err := json.Unmarshal(entry.Value(), &ticket); err != nil {
		return query.Ticket{}, fmt.Errorf("decode a feed ticket: %w", err)
	}
	if ticket.Tenant == "" && !ticket.All {
		return query.Ticket{}, errTicket
	}
	err = tickets.Delete(ctx, key, jetstream.LastRevision(entry.Revision()))
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return query.Ticket{}, errTicket
	}
	if err != nil {
		return query.Ticket{}, fmt.Errorf("spend a feed ticket: %w", err)
	}
	return ticket, nil
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
