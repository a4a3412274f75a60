// Command store-events remembers and tells: it projects the log into Postgres, answers queries and serves the feed.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/events"
)

func main() {
	var cfg events.Config
	config.Parse("store-events", "Projects the log into Postgres, answers queries and serves the live feed.", &cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := events.Run(ctx, cfg); err != nil {
		slog.Error("events ended", "error", err)
		os.Exit(1)
	}
}
