package projection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Why a projector stops though the log and Postgres are both there. It looks again, since a rebuild or a newer replica may
// have come.
var (
	ErrForeignEpoch = errors.New("the read model was projected from another log")
	ErrAheadOfLog   = errors.New("the read model is ahead of the log, which must have been restored from a backup")
)

// errOvertaken: another projector moved the checkpoint; this one has lost the lock without knowing.
var errOvertaken = errors.New("another projector has moved the checkpoint")

const (
	// lockKey is the advisory lock of whoever projects: any number that no other user of the database takes.
	lockKey = 0x53544f5245 // "STORE"
	// standbyPause is how long after a projector's end another may take over.
	standbyPause = 500 * time.Millisecond
	// answerTimeout is for whatever the projector asks of Postgres. A server whose machine is gone answers nothing, and
	// the system would go on sending to it for a quarter of an hour, while another is up at the same address.
	answerTimeout = 30 * time.Second
	// callOffTimeout is for its answer to the wish that it leave what it does.
	callOffTimeout = 5 * time.Second
)

var terms = again.Pauses{First: 100 * time.Millisecond, Longest: 5 * time.Second, Tell: func(err error) {
	if refusal(err) {
		slog.Error("projection stopped", "error", err)
	} else {
		slog.Warn("projection interrupted, trying again", "error", err)
	}
}}

// Projector projects, or stands by. Its methods are safe for concurrent use.
type Projector struct {
	nc       *nats.Conn
	postgres *pgx.ConnConfig
	progress *Progress
	refused  atomic.Pointer[error]
	// lingers, answers and fills are lingers, answerTimeout and fillSize.
	lingers, answers time.Duration
	fills            int
}

// New makes a projector that writes by connections of its own, made from postgres.
func New(nc *nats.Conn, postgres *pgx.ConnConfig, progress *Progress) *Projector {
	cfg := postgres.Copy()
	// A projector that hangs must not hold the lock for ever: these end its session, and with it the lock, when its
	// machine is gone (keepalives) or its process is frozen (idle time-outs).
	for name, value := range map[string]string{
		"application_name":                    "store-events projector",
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
		"idle_session_timeout":                "60s",
		"idle_in_transaction_session_timeout": "30s",
		// The log is the truth: a batch that a crash of Postgres takes back is projected again.
		"synchronous_commit": "off",
	} {
		cfg.RuntimeParams[name] = value
	}
	// What takes too long is called off, and the session goes on. Only where Postgres doesn't answer that either it ends.
	cfg.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: callOffTimeout}
	}
	return &Projector{nc: nc, postgres: cfg, progress: progress, lingers: lingers, answers: answerTimeout, fills: fillSize}
}

// Refusal says why the projector has stopped; nil when it works, stands by or waits for Postgres or the broker.
func (p *Projector) Refusal() error {
	if err := p.refused.Load(); err != nil {
		return *err
	}
	return nil
}

// Run projects whenever it is this projector's turn, until ctx ends.
func (p *Projector) Run(ctx context.Context) error {
	return again.Always(ctx, terms, func(works func()) error {
		err := p.term(ctx, works)
		if refusal(err) {
			p.refused.Store(&err)
		}
		return err
	})
}

func refusal(err error) bool {
	return errors.Is(err, ErrForeignEpoch) || errors.Is(err, ErrAheadOfLog) || errors.Is(err, storelog.ErrNewerSchema)
}

// term is one time in office: get the lock, project until something goes wrong, and give the lock back. The rows are
// written by the connection that holds the lock, so that losing one is losing the other. It says by works when it has written
// something, or heard from both that there is nothing: one that is lost as soon as it has begun hasn't worked.
func (p *Projector) term(ctx context.Context, works func()) error {
	log, err := storelog.Open(ctx, p.nc)
	if err != nil {
		return err
	}
	conn, err := p.lead(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	asking, cancel := context.WithTimeout(ctx, p.answers)
	from, err := begin(asking, conn, log)
	cancel()
	if err != nil {
		return err
	}
	p.refused.Store(nil)
	p.progress.Advance(log.Epoch(), from)
	slog.Info("projecting", "seq", from)
	return p.project(ctx, conn, log, from, works)
}

// lead waits for the lock by asking again and again: a blocked pg_advisory_lock would hold a snapshot all the while and
// keep Postgres from cleaning up.
func (p *Projector) lead(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, p.postgres)
	if err != nil {
		return nil, fmt.Errorf("connect the projector to Postgres: %w", err)
	}
	told := false
	for {
		var mine bool
		asking, cancel := context.WithTimeout(ctx, p.answers)
		err := conn.QueryRow(asking, "select pg_try_advisory_lock($1)", int64(lockKey)).Scan(&mine)
		cancel()
		if err != nil {
			_ = conn.Close(ctx)
			return nil, fmt.Errorf("ask for the projector's lock: %w", err)
		}
		if mine {
			return conn, nil
		}
		if !told {
			slog.Info("standing by: another replica projects")
			told = true
		}
		select {
		case <-ctx.Done():
			_ = conn.Close(ctx)
			return nil, ctx.Err()
		case <-time.After(standbyPause):
		}
	}
}

// begin returns the checkpoint, having made sure that it was reached in this log.
func begin(ctx context.Context, conn *pgx.Conn, log *storelog.Log) (uint64, error) {
	var (
		epoch string
		seq   uint64
	)
	head, err := log.Head(ctx)
	if err != nil {
		return 0, err
	}
	// An empty database isn't whole before it has what the log holds already, like one that is rebuilt.
	_, err = conn.Exec(ctx, "insert into checkpoint (epoch, seq, rebuilding) values ($1, 0, $2) on conflict do nothing", log.Epoch(), head)
	if err != nil {
		return 0, fmt.Errorf("make the checkpoint: %w", err)
	}
	if err := conn.QueryRow(ctx, "select epoch, seq from checkpoint").Scan(&epoch, &seq); err != nil {
		return 0, fmt.Errorf("read the checkpoint: %w", err)
	}
	if epoch != log.Epoch() {
		return 0, fmt.Errorf("%w: its epoch is %s, this log's is %s; drop the read model to project this one", ErrForeignEpoch, epoch, log.Epoch())
	}
	if seq > head {
		return 0, fmt.Errorf("%w: its checkpoint is %d, the log ends at %d", ErrAheadOfLog, seq, head)
	}
	return seq, nil
}
