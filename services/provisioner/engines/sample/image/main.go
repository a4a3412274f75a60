// Command shop is the sample engine: a small shop with a catalogue, a cart and cash-on-delivery orders.
//
//	shop             the shop
//	shop suspended   the page of a store that is suspended, in the shop's place
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/shop"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/suspended"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if len(args) > 0 {
		if len(args) > 1 || args[0] != "suspended" {
			return fmt.Errorf("asked for %q, and only suspended can be asked for", args)
		}
		return suspended.Run(ctx, ":8080", log)
	}
	cfg, err := shop.Environment(os.Getenv)
	if err != nil {
		return err
	}
	return shop.Run(ctx, cfg, log)
}
