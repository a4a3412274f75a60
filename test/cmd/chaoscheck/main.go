// chaoscheck judges a platform that a chaos run has brought to rest, from outside: its log, read model, cluster, claims,
// and what the run's clients wrote down. It prints "0 lost, 0 doubled, 0 resurrected, 0 orphans, 0 holes" and exits 0, or
// prints each offender's history and exits 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/test/internal/chaos/invariants"
)

type arguments struct {
	Folder       string `arg:"" type:"existingdir" help:"The folder of the run."`
	StrictClaims bool   `help:"A claim of a store that never was is an offence: a sweep has passed since."`
}

var errBroken = errors.New("a promise is broken")

func main() {
	var args arguments
	kong.Parse(&args, kong.Name("chaoscheck"), kong.Description("Judges a platform after a chaos run."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "chaoscheck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args arguments) error {
	evidence, err := invariants.Gather(ctx, args.Folder)
	if err != nil {
		return err
	}
	report := invariants.Check(evidence, invariants.Options{StrictClaims: args.StrictClaims})
	report.Print(os.Stdout)
	if len(report.Offences) > 0 {
		return errBroken
	}
	return nil
}
