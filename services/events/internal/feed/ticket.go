package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// errTicket: there is no such ticket, or not any more. Which of these is nobody's business.
var errTicket = errors.New("the feed ticket is missing, spent or too old")

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
	if storelog.Refused(err) {
		return errTicket
	}
	if err != nil {
		return fmt.Errorf("spend a feed ticket: %w", err)
	}
	return nil
}

// find reads a ticket from the bucket's leader, as all reads do, so that one which was just made is there.
func find(ctx context.Context, tickets jetstream.KeyValue, key string) (jetstream.KeyValueEntry, error) {
	entry, err := tickets.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
		return nil, errTicket
	case err != nil:
		return nil, fmt.Errorf("read a feed ticket: %w", err)
	}
	return entry, nil
}
