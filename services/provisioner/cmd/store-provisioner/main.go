// Command store-provisioner makes the cluster match what is wanted of each store.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/provisioner"
)

// commands are serve, the default, which takes the settings, and what helps those who write engine packs.
type commands struct {
	Serve struct {
		provisioner.Config `embed:""`
	} `cmd:"" default:"withargs" help:"Work on stores until told to stop (the default)."`
	Engines struct {
		Lint struct {
			Dir string `arg:"" type:"existingdir" help:"Folder of one pack, with engine.yaml and chart/."`
		} `cmd:"" help:"Check an engine pack without a cluster, and list its faults."`
	} `cmd:"" help:"Look after engine packs."`
}

func main() {
	var args commands
	command := config.ParseCommand("store-provisioner", "Makes the cluster match what is wanted of each store.", &args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if strings.HasPrefix(command, "engines lint") {
		err = provisioner.LintPack(args.Engines.Lint.Dir, os.Stdout)
	} else {
		err = run(ctx, args.Serve.Config)
	}
	if err != nil {
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
