// Command shop is the sample engine: a small shop with a catalogue, a cart and cash-on-delivery orders.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/shop"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := shop.Environment(os.Getenv)
	if err != nil {
		return err
	}
	return shop.Run(ctx, cfg, slog.New(slog.NewJSONHandler(os.Stdout, nil)))
}
