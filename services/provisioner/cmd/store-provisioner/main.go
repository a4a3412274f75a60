// Command store-provisioner makes the cluster match what is wanted of each store.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/provisioner"
)

func main() {
	var cfg provisioner.Config
	config.Parse("store-provisioner", "Makes the cluster match what is wanted of each store.", &cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg); err != nil {
		slog.Error("store-provisioner ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg provisioner.Config) error {
	flush, err := telemetry.Start(ctx, "store-provisioner", cfg.Telemetry)
	if err != nil {
		return err
	}
	defer func() { _ = flush(context.WithoutCancel(ctx)) }()
	return provisioner.Run(ctx, cfg)
}
