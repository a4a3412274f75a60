// tiers is `make test`: it runs the tiers that it is given, all of them when it is given none, and ends with the line
// "N passed, N failed, N skipped".
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/tiers"
)

type arguments struct {
	Tiers []string `arg:"" optional:"" enum:"${tiers}" help:"static, unit, bus, apiserver, cluster, all when none is named; or lint, chaos, compose, install."`
	Fresh bool     `env:"FRESH" help:"Run tests again that passed with the same inputs, too."`
	Long  bool     `help:"With what is too long for every change: chaos by the half hour, every way to die."`
}

func main() {
	guard.Main()
	var args arguments
	kong.Parse(&args, kong.Name("tiers"), kong.Description("Runs the tests of the platform, tier by tier."),
		kong.Vars{"tiers": tiers.EnumOfNames()})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	passed, err := tiers.Run(ctx, os.Stdout, tiers.Options{Tiers: args.Tiers, Fresh: args.Fresh, Long: args.Long})
	if err != nil {
		fmt.Fprintln(os.Stderr, "tiers:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}
