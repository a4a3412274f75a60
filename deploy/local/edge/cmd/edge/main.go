// edge is the local installation's door to the stores. See package edge.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/deploy/local/edge"
)

func main() {
	var config edge.Config
	kong.Parse(&config, kong.Name("edge"), kong.Description("Serves the stores of a local cluster by their host names."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := edge.Run(ctx, config, log); err != nil {
		log.Error("serve the stores", "error", err)
		stop()
		os.Exit(1)
	}
}
