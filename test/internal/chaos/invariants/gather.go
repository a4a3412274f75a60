package invariants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// What is read one after the other belongs together only if nothing happened meanwhile, and a keeper may find a store ill or
// well at any time: then everything is read anew, so many times, after a pause for the read model to follow.
const (
	mostLooks = 20
	lookPause = time.Second
)

// errMoving is a log that goes on.
var errMoving = errors.New("the platform isn't at rest: its log goes on")

// Gather looks at the platform of a run, which has come to rest, and reads the records in folder.
func Gather(ctx context.Context, folder string) (*Evidence, error) {
	run, err := record.ReadRun(folder)
	if err != nil {
		return nil, err
	}
	// As the janitor, who alone may read both the log and the claims whole.
	nc, err := nats.Connect(run.Broker, config.As("janitor", run.Passwords["janitor"])...)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	defer nc.Close()
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		e, head, err := look(ctx, log, run, folder)
		if err != nil {
			return nil, err
		}
		now, err := log.Head(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case now == head && (e.Model.Checkpoint >= head || n == mostLooks):
			return e, nil
		case n == mostLooks:
			return nil, errMoving
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lookPause):
		}
	}
}

// look gathers once, and answers the log's head before everything else.
func look(ctx context.Context, log *storelog.Log, run record.Run, folder string) (e *Evidence, head uint64, err error) {
	if head, err = log.Head(ctx); err != nil {
		return nil, 0, err
	}
	e = &Evidence{}
	for _, read := range []func() error{
		func() error { return e.readLog(ctx, log, head) },
		func() error { return e.readClaims(ctx, log) },
		func() error { return e.readModel(ctx, run.Database) },
		func() error { return e.readCluster(ctx, run) },
		func() error { return e.readRecords(folder) },
	} {
		if err := read(); err != nil {
			return nil, 0, err
		}
	}
	return e, head, nil
}

var errAll = errors.New("that was all")

func (e *Evidence) readLog(ctx context.Context, log *storelog.Log, head uint64) error {
	e.Epoch = log.Epoch()
	if head == 0 {
		return nil
	}
	err := log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			e.Unreadable = append(e.Unreadable, raw.Seq)
		} else {
			e.Log = append(e.Log, entry)
		}
		if raw.Seq >= head {
			return errAll
		}
		return nil
	})
	if !errors.Is(err, errAll) {
		return fmt.Errorf("read the log: %w", err)
	}
	return nil
}

func (e *Evidence) readClaims(ctx context.Context, log *storelog.Log) error {
	bucket, err := log.Bucket(ctx, storelog.BucketClaims)
	if err != nil {
		return err
	}
	e.Claims = map[store.ID][]string{}
	keys, err := bucket.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the claims: %w", err)
	}
	for _, key := range keys {
		value, err := bucket.Get(ctx, key)
		if err != nil {
			return fmt.Errorf("read the claims: %w", err)
		}
		var held struct {
			Tenant string `json:"tenant"`
			Stores []struct {
				ID store.ID `json:"id"`
			} `json:"stores"`
		}
		if err := json.Unmarshal(value.Value(), &held); err != nil {
			return fmt.Errorf("decode the claims: %w", err)
		}
		for _, s := range held.Stores {
			e.Claims[s.ID] = append(e.Claims[s.ID], held.Tenant)
		}
	}
	return nil
}

func (e *Evidence) readModel(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	m := &e.Model
	m.Stores = map[store.ID]Row{}
	if err := conn.QueryRow(ctx, "select epoch, seq from checkpoint").Scan(&m.Epoch, &m.Checkpoint); err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	if m.SetAside, err = rows(ctx, conn, "select seq from set_aside order by seq", pgx.RowTo[uint64]); err != nil {
		return err
	}
	m.Events, err = rows(ctx, conn, "select seq, generation, store, tenant, actor, type, state from events order by seq", eventRow)
	if err != nil {
		return err
	}
	stores, err := rows(ctx, conn, "select id, opened, version, tenant, name, status, state from stores", storeRow)
	for _, s := range stores {
		m.Stores[s.id] = s.Row
	}
	return err
}

func rows[T any](ctx context.Context, conn *pgx.Conn, sql string, scan pgx.RowToFunc[T]) ([]T, error) {
	found, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("read the read model: %w", err)
	}
	all, err := pgx.CollectRows(found, scan)
	if err != nil {
		return nil, fmt.Errorf("read the read model: %w", err)
	}
	return all, nil
}

func eventRow(row pgx.CollectableRow) (EventRow, error) {
	var (
		r     EventRow
		state []byte
	)
	if err := row.Scan(&r.Seq, &r.Generation, &r.Store, &r.Tenant, &r.Actor, &r.Type, &state); err != nil {
		return r, err
	}
	err := json.Unmarshal(state, &r.State)
	r.State.Version = r.Seq
	return r, err
}

type namedRow struct {
	id store.ID
	Row
}

func storeRow(row pgx.CollectableRow) (namedRow, error) {
	var (
		r     namedRow
		state []byte
	)
	if err := row.Scan(&r.id, &r.Opened, &r.Version, &r.Tenant, &r.Name, &r.Status, &state); err != nil {
		return r, err
	}
	err := json.Unmarshal(state, &r.State)
	r.State.Version = r.Version
	return r, err
}

func (e *Evidence) readRecords(folder string) (err error) {
	if e.Requests, err = record.Read[record.Request](folder, record.RequestsGlob); err != nil {
		return err
	}
	if e.Feeds, err = record.Read[record.Feed](folder, record.FeedsGlob); err != nil {
		return err
	}
	if e.Secrets, err = record.Read[record.Secret](folder, record.SecretsFile); err != nil {
		return err
	}
	e.Spaces, err = record.Read[record.Space](folder, record.SpacesFile)
	return err
}
