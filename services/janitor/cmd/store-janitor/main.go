// Command store-janitor removes what is no longer wanted.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/janitor"
)

func main() {
	var cfg janitor.Config
	config.Parse("store-janitor", "Removes stores, and nothing else.", &cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg); err != nil {
		slog.Error("store-janitor ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg janitor.Config) error {
	flush, err := telemetry.Start(ctx, "store-janitor", cfg.Telemetry)
	if err != nil {
		return err
	}
	defer func() { _ = flush(context.WithoutCancel(ctx)) }()
	return janitor.Run(ctx, cfg)
}
