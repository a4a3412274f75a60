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

// commands are serve, the default, and rebuild; both take the same settings.
type commands struct {
	events.Config `embed:""`

	Serve   struct{} `cmd:"" default:"1" help:"Project, answer and serve the feed until told to stop (the default)."`
	Rebuild struct{} `cmd:"" help:"Drop the read model and replay the log into it, telling how far it is. Replicas may go on running."`
}

func main() {
	var args commands
	command := config.ParseCommand("store-events", "Projects the log into Postgres, answers queries and serves the live feed.", &args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if command == "rebuild" {
		err = events.Rebuild(ctx, args.Config, os.Stderr)
	} else {
		err = events.Run(ctx, args.Config)
	}
	if err != nil {
		slog.Error("events ended", "error", err)
		os.Exit(1)
	}
}
