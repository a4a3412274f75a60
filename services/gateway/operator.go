package gateway

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/door"
)

// within bounds the making of an operator's link.
const within = 15 * time.Second

// greet says on out how to become the first operator, once, where there is none. It doesn't go to the log, which telemetry takes elsewhere: whoever
// reads the link has the platform.
func greet(ctx context.Context, cfg Config, b *bus.Bus, out io.Writer) {
	pauses := again.Pauses{First: 50 * time.Millisecond, Longest: time.Second}
	link, err := again.Until(ctx, pauses, func() (string, error) {
		parts, err := b.Parts()
		if err != nil {
			return "", err
		}
		return parts.Directory.FirstOperatorLink(ctx)
	})
	if err != nil {
		return // The gateway ends.
	}
	if link == "" {
		return
	}
	_, err = fmt.Fprintf(out, "There is no operator yet, or the accounts were restored from a backup and wait for one to confirm them. "+
		"Whoever signs up by this link becomes one; it is good once, and for a day:\n\n  %s\n\n", cfg.invite(link))
	if err != nil {
		slog.Error("the link of the first operator can't be shown; make one with store-gateway operator-link", "error", err)
	}
}

// invite is where to sign up with a link: behind the #, which a browser keeps to itself.
func (c Config) invite(link string) string {
	at := cmp.Or(strings.TrimSuffix(c.PublicURL, "/"), "https://"+c.BaseDomain)
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && door.IsLoopback(host) && c.PublicURL == "" {
		at = "http://" + c.Listen
	}
	return at + "/#invite=" + link
}

// OperatorLink writes a link by which somebody becomes an operator, for who sits at the machine. It takes the settings of the broker and the
// installation, and fails where no gateway with AUTH=accounts has run.
func OperatorLink(ctx context.Context, cfg Config, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var met error
	conn, err := cfg.NATS.Connect(ctx, service, func(why error) { met = why })
	if err != nil {
		return fmt.Errorf("connect to the broker: %w (%w)", err, met)
	}
	defer conn.Close()
	log, err := storelog.Open(ctx, conn)
	if err == nil {
		err = log.CheckInstallation(cfg.Installation)
	}
	if err != nil {
		return err
	}
	people, err := directory.Open(ctx, log, cfg.TestClockDivisor, time.Now)
	if err != nil {
		return fmt.Errorf("open the accounts, which a gateway with AUTH=accounts makes: %w", err)
	}
	link, err := people.OperatorLink(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Whoever signs up by this link becomes an operator, and so does who is signed in and follows it. It is good once, "+
		"and for an hour:\n\n  %s\n\n", cfg.invite(link))
	return err
}
