package bench

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/test/internal/parts"
)

// newPostgres runs an empty database server until the row ends, by a socket only. It answers the URL of its database.
func (b *bench) newPostgres() string {
	b.Helper()
	postgres, err := parts.StartPostgres(b.ctx, b.logFile(b.name+"-postgres"))
	b.must("make a database", err)
	b.Cleanup(func() { _ = postgres.Close() })
	return postgres.URL()
}

// dialPostgres is a connection until the row ends.
func (b *bench) dialPostgres(address string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.ctx, address)
	b.must("connect to PostgreSQL", err)
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.ctx)) })
	return conn
}
