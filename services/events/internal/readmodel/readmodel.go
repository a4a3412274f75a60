// Package readmodel is what the events service keeps in Postgres: its schema, and how the tables are read. Package
// projection alone writes them, and derives all of them from the log. The audit beside them is package audit's.
package readmodel

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/store-platform/store-platform/pkg/again"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// maxConns serves the queries of one replica; the projector has a connection of its own.
	maxConns = 16
	// connectTimeout is for one attempt; whoever needs Postgres tries again.
	connectTimeout = 5 * time.Second
)

// Open makes a pool. It doesn't connect yet: see Migrate.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	if url == "" {
		return nil, errors.New("DATABASE_URL is empty")
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// Not err's words: they hold what stands where a password might.
		return nil, errors.New("DATABASE_URL: must be like postgres://user:password@host:5432/database, what is no letter or digit in the password encoded")
	}
	cfg.MaxConns = max(cfg.MaxConns, maxConns)
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	// What lists go by fits into memory. As if it lay on a turning disk, Postgres would rather read all that there is in the order of a page
	// than the few of a filter by their own index.
	cfg.ConnConfig.RuntimeParams["random_page_cost"] = "1.1"
	cfg.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithDisableConnectionDetailsInAttributes())
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open a pool to DATABASE_URL: %w", err)
	}
	return pool, nil
}

// Migrate brings the schema to this version, one replica at a time. It waits for Postgres, saying so once, and gives up
// only on a migration that Postgres refuses.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := again.Until(ctx, retries, func() (struct{}, error) {
		err := migrateOnce(ctx, pool)
		var refused *pgconn.PgError
		if errors.As(err, new(*goose.PartialError)) && errors.As(err, &refused) {
			err = again.Never(err)
		}
		return struct{}{}, err
	})
	if ctx.Err() != nil {
		return fmt.Errorf("wait for Postgres: %w", err)
	}
	return err
}

var retries = again.Pauses{First: 250 * time.Millisecond, Longest: 2 * time.Second, Tell: func(err error) {
	slog.Info("waiting for Postgres", "error", err)
}}

func migrateOnce(ctx context.Context, pool *pgxpool.Pool) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("make the migration lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the read model: %w", err)
	}
	return nil
}

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Checkpoint is how far the log has been projected. It is zero before the first projector came.
func Checkpoint(ctx context.Context, db Querier) (epoch string, seq uint64, err error) {
	err = db.QueryRow(ctx, "select epoch, seq from checkpoint").Scan(&epoch, &seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("read the checkpoint: %w", err)
	}
	return epoch, seq, nil
}

// ErrOtherLog: what is in Postgres was made of another log than the asker's. Its sequences and its stores are other ones, until
// somebody has it made anew.
var ErrOtherLog = errors.New("the read model was made of another log")

// ErrRebuilding: the read model is being made anew and isn't yet as far as it has been.
var ErrRebuilding = errors.New("the read model is being made anew")

// Moment is the read model as it was at one moment: whatever is read of it is of the same rows.
type Moment struct {
	Querier
	// Seq is how far the log of that epoch has been projected.
	Seq   uint64
	Epoch string
	// Filled says that the newest tables are as far. Until then lists are those of the tables of before, which every
	// version's projector keeps.
	Filled bool
}

// At reads the read model of a log at one moment; an empty epoch is any log's. It fails with ErrOtherLog where it is another's,
// and with ErrRebuilding while it isn't whole: a list that lacks half of the stores is a lie, not an answer from behind.
func At(ctx context.Context, pool *pgxpool.Pool, epoch string, read func(Moment) error) error {
	// One statement's rows and those of the next would be of two moments otherwise, and between them tables are filled anew.
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		m := Moment{Querier: tx}
		var rebuilding uint64
		err := tx.QueryRow(ctx, "select c.seq, c.epoch, c.rebuilding, s.seq = c.seq and s.epoch = c.epoch from checkpoint c, shadow s").
			Scan(&m.Seq, &m.Epoch, &rebuilding, &m.Filled)
		switch {
		case errors.Is(err, pgx.ErrNoRows) && epoch == "":
		case errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("%w: nobody has begun yet", ErrRebuilding)
		case err != nil:
			return fmt.Errorf("read the checkpoint: %w", err)
		case epoch != "" && epoch != m.Epoch:
			return fmt.Errorf("%w: %s instead of %s", ErrOtherLog, m.Epoch, epoch)
		case m.Seq < rebuilding:
			return fmt.Errorf("%w: %d of %d messages", ErrRebuilding, m.Seq, rebuilding)
		}
		return read(m)
	})
}
