package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// NATS is part of every service's configuration.
type NATS struct {
	URL      string `name:"nats-url" env:"NATS_URL" default:"nats://127.0.0.1:4222" help:"The broker (comma-separated for several)."`
	User     string `name:"nats-user" env:"NATS_USER" help:"This service's user on the broker."`
	Password string `name:"nats-password" env:"NATS_PASSWORD" help:"Its password; never part of the URL."`
}

// Connect keeps trying until the broker answers or ctx ends, and reconnects for ever afterwards: a broker that is down
// is a reason to wait. The connection is closed by its caller.
func (n NATS) Connect(ctx context.Context, service string) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name(service), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		// What is published while the broker is away fails at once: buffered, it would go out after its client was told
		// that it didn't.
		nats.ReconnectBufSize(-1),
		// A way that has gone silent, not broken, is noticed within half a minute; by default it takes six.
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			slog.Warn("trouble with the broker", "subject", subjectOf(s), "error", err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				slog.Warn("lost the broker, reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { slog.Info("the broker is back") }),
	}
	if n.User != "" {
		options = append(options, As(n.User, n.Password)...)
	}
	told := false
	for {
		nc, err := nats.Connect(n.URL, options...)
		if err == nil {
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) {
			return nil, fmt.Errorf("connect to NATS_URL as %q: %w", n.User, err)
		}
		if !told {
			slog.Info("waiting for the broker", "url", n.URL, "error", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to NATS_URL: %w", errors.Join(ctx.Err(), err))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func subjectOf(s *nats.Subscription) string {
	if s == nil {
		return ""
	}
	return s.Subject
}

// As presents a user to the broker.
func As(user, password string) []nats.Option {
	return []nats.Option{nats.UserInfo(user, password), nats.CustomInboxPrefix(Inbox(user))}
}

// Inbox is the prefix of the subjects on which a user's requests are answered. Each has its own, and may listen there
// only: what is answered to one, a store's passwords among it, is nobody else's.
func Inbox(user string) string { return "_INBOX." + user }
