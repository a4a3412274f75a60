package bench

import (
	"context"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/postgrestest"
)

// newPostgres runs an empty database server until the row ends, by a socket only. It answers the URL of its database.
func (b *bench) newPostgres() string {
	b.Helper()
	postgres, err := postgrestest.New()
	b.must("make PostgreSQL", err)
	b.Cleanup(func() { _ = postgres.Close() })
	address := postgres.URL("postgres")
	command, err := postgres.Command()
	b.must("find PostgreSQL", err)
	server := b.start("postgres", command)
	b.Cleanup(func() { server.Stop(syscall.SIGINT, stopPatience) })
	b.await("reach PostgreSQL", server, startPatience, func() error {
		conn, err := pgx.Connect(b.ctx, address)
		if err == nil {
			err = conn.Close(b.ctx)
		}
		return err
	})
	return address
}

// dialPostgres is a connection until the row ends.
func (b *bench) dialPostgres(address string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.ctx, address)
	b.must("connect to PostgreSQL", err)
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.ctx)) })
	return conn
}
