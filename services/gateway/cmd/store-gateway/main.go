// Command store-gateway serves the platform's API and page.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/gateway"
)

func main() {
	var cfg gateway.Config
	config.Parse("store-gateway", "The platform's door: REST, live feed and page.", &cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := gateway.Run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "store-gateway:", err)
		os.Exit(1)
	}
}
