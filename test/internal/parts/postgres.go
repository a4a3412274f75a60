package parts

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/postgrestest"
)

// Postgres is an empty database server that runs, by a socket only. Close ends and removes it.
type Postgres struct {
	server  *postgrestest.Server
	process *Process
}

// StartPostgres runs one that writes to the file log, and returns when it answers.
func StartPostgres(ctx context.Context, log string) (p *Postgres, err error) {
	p = &Postgres{}
	if p.server, err = postgrestest.New(); err != nil {
		return nil, err
	}
	if err := p.start(ctx, log); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), p.Close())
	}
	return p, nil
}

func (p *Postgres) start(ctx context.Context, log string) error {
	command, err := p.server.Command()
	if err != nil {
		return err
	}
	if p.process, err = Start(log, command); err != nil {
		return err
	}
	return p.process.Await(ctx, StartPatience, func(ctx context.Context) error { return DatabaseAnswers(ctx, p.URL()) })
}

// URL is that of its database.
func (p *Postgres) URL() string { return p.server.URL("postgres") }

// Close ends the server and removes what it kept.
func (p *Postgres) Close() error {
	if p.process != nil {
		p.process.Stop(syscall.SIGINT, StopPatience)
	}
	return p.server.Close()
}

// DatabaseAnswers expects one to be there.
func DatabaseAnswers(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}
