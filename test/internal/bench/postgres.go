package bench

import (
	"fmt"
	"net/url"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/test/internal/parts"
)

// newPostgres runs an empty database server until the row ends, by a socket only. It answers the URL of its database.
func (b *bench) newPostgres() string {
	b.Helper()
	postgres, err := parts.NewPostgres()
	b.must("make PostgreSQL", err)
	b.Cleanup(func() { _ = postgres.Close() })
	address := fmt.Sprintf("postgres:///postgres?host=%s&user=%s", url.QueryEscape(postgres.Dir), parts.Superuser)
	command, err := postgres.Command("-k", postgres.Dir, "-c", "listen_addresses=")
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
