// Command store-backup takes the log to a place outside the cluster, and brings it back.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/backup"
)

func main() {
	var cfg backup.Config
	config.Parse("store-backup", "Backs the log up, and restores it where there is none.", &cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := backup.Run(ctx, cfg, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "store-backup:", err)
		os.Exit(1)
	}
}
